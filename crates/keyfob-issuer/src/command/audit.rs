//! `audit`: the trail is read, verified and copied out.

use crate::command::opened::{OpenDataError, open_with_key};
use keyfob_issuer_core::Fault;
use keyfob_issuer_core::audit::{AuditKey, Entry, Flaw, Head, SignedHead, Verifier, VerifyingKey};
use keyfob_issuer_core::storage::{Storage as _, StorageError};
use keyfob_issuer_sql::SqlStorage;
use keyfob_oauth::Timestamp;
use serde_json::value::RawValue;
use std::io::{self, BufRead, Write};
use std::path::Path;

/// The trail cannot be read, or is not as it was recorded.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The issuer cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenDataError),
    /// The trail was changed.
    #[error("the audit trail was changed: {0}")]
    Flaw(#[from] Flaw),
    /// A line of a copy is none that `audit export` writes.
    #[error("line {0} is no line of an exported audit trail")]
    NotALine(usize),
    /// A copy ends before the signed heads: it was cut off.
    #[error("the exported audit trail has no last line: it was cut off")]
    CutOff,
    /// Reading or writing.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Something else.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<StorageError> for AuditError {
    fn from(error: StorageError) -> Self {
        Self::Fault(error.into())
    }
}

/// What a whole trail is found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Its last entry. Whoever notes it elsewhere can tell later that the trail was not cut off before.
    pub head: Head,
    /// The last entry that a signature covers.
    pub signed: i64,
}

/// Which entries are wanted.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Those of this action, or of every action that begins so: `key` or `key.make`.
    pub action: Option<String>,
    /// Those that concern this user or were done by them, by identifier.
    pub subject: Option<String>,
    /// Those from this moment on.
    pub since: Option<Timestamp>,
    /// At most the last so many.
    pub last: Option<usize>,
}

impl Filter {
    fn wants(&self, entry: &Entry) -> bool {
        let members = entry.read().unwrap_or_default();
        let is =
            |member: &str, wanted: &str| members.get(member).and_then(|told| told.as_str()) == Some(wanted);
        let action = members.get("action").and_then(|told| told.as_str()).unwrap_or_default();
        let at = members.get("at").and_then(serde_json::Value::as_i64).unwrap_or_default();
        self.action.as_deref().is_none_or(|wanted| {
            action.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        }) && self.subject.as_deref().is_none_or(|wanted| is("subject", wanted) || is("actor", wanted))
            && self.since.is_none_or(|since| at >= since.as_unix())
    }
}

/// How many entries are read at once.
const PAGE: u32 = 1_000;

/// Returns the entries that `filter` wants, the oldest first.
pub async fn list(data: &Path, filter: &Filter) -> Result<Vec<Entry>, AuditError> {
    let mut found = Vec::new();
    let opened = open_with_key(data).await?;
    let mut after = 0;
    loop {
        let page = opened.storage.begin().await?.list_audit_entries(after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.sequence;
        found.extend(page.into_iter().filter(|entry| filter.wants(entry)));
        if let Some(last) = filter.last {
            found.drain(..found.len().saturating_sub(last));
        }
    }
    opened.storage.close().await;
    Ok(found)
}

/// Returns when something of this action was last done.
pub(super) async fn last(storage: &SqlStorage, action: &str) -> Result<Option<Timestamp>, StorageError> {
    let (mut after, mut last) = (0, None);
    loop {
        let page = storage.begin().await?.list_audit_entries(after, PAGE).await?;
        let Some(end) = page.last() else { return Ok(last) };
        after = end.sequence;
        for members in page.iter().filter_map(Entry::read) {
            if members.get("action").and_then(|told| told.as_str()) == Some(action) {
                last =
                    members.get("at").and_then(serde_json::Value::as_i64).map(Timestamp::from_unix).or(last);
            }
        }
    }
}

/// Verifies the trail in the database.
pub async fn verify(data: &Path) -> Result<Verified, AuditError> {
    let opened = open_with_key(data).await?;
    let key = AuditKey::of(&opened.seal_key).map_err(Fault::from)?.verifying_key();
    // The end is read first: what is added meanwhile lies beyond it.
    let mut transaction = opened.storage.begin().await?;
    let left = transaction.audit_head().await?;
    let signed = transaction.list_signed_heads().await?;
    drop(transaction);
    let signed = signed.into_iter().filter(|signed| signed.head.sequence <= left.sequence).collect();
    let mut verifier = Verifier::new(&key, signed)?;
    let mut after = 0;
    while after < left.sequence {
        let page = opened.storage.begin().await?.list_audit_entries(after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.sequence;
        for entry in page.iter().filter(|entry| entry.sequence <= left.sequence) {
            verifier.take(entry)?;
        }
    }
    opened.storage.close().await;
    let (head, signed) = verifier.finish(&left)?;
    Ok(Verified { head, signed })
}

/// Writes the trail to `output`, a JSON object a line: the entries, then what was signed, then its end; returns the key
/// by which others verify it.
pub async fn export(data: &Path, output: &mut impl Write) -> Result<VerifyingKey, AuditError> {
    let opened = open_with_key(data).await?;
    let key = AuditKey::of(&opened.seal_key).map_err(Fault::from)?.verifying_key();
    let mut transaction = opened.storage.begin().await?;
    let left = transaction.audit_head().await?;
    let signed = transaction.list_signed_heads().await?;
    drop(transaction);
    let mut after = 0;
    while after < left.sequence {
        let page = opened.storage.begin().await?.list_audit_entries(after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.sequence;
        for entry in page.iter().filter(|entry| entry.sequence <= left.sequence) {
            // As it rests: the hash is of these bytes.
            writeln!(output, "{{\"hash\":\"{}\",\"entry\":{}}}", entry.hash, entry.text)?;
        }
    }
    opened.storage.close().await;
    for SignedHead { head, signed_at, signature } in signed {
        let line = serde_json::json!({ "signed": {
            "sequence": head.sequence, "hash": head.hash, "at": signed_at.as_unix(), "signature": signature,
        }});
        writeln!(output, "{line}")?;
    }
    writeln!(output, "{}", serde_json::json!({ "end": { "sequence": left.sequence, "hash": left.hash } }))?;
    output.flush()?;
    Ok(key)
}

/// One line: an entry with its hash, or what was signed, or the end.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    hash: Option<String>,
    entry: Option<Box<RawValue>>,
    signed: Option<WireSigned>,
    end: Option<WireHead>,
}

#[derive(serde::Deserialize)]
struct WireSigned {
    sequence: i64,
    hash: String,
    at: i64,
    signature: String,
}

#[derive(serde::Deserialize)]
struct WireHead {
    sequence: i64,
    hash: String,
}

/// Verifies what [`export`] wrote: neither the issuer nor its database is needed.
pub fn verify_copy(copy: impl BufRead, key: &VerifyingKey) -> Result<Verified, AuditError> {
    let (mut entries, mut signed, mut left) = (Vec::new(), Vec::new(), None);
    for (line, number) in copy.lines().zip(1..) {
        if left.is_some() {
            return Err(AuditError::NotALine(number));
        }
        let line: Line = serde_json::from_str(&line?).map_err(|_| AuditError::NotALine(number))?;
        match (line.entry.zip(line.hash), line.signed, line.end) {
            (Some((entry, hash)), None, None) => {
                let told: Option<serde_json::Value> = serde_json::from_str(entry.get()).ok();
                let sequence = told.and_then(|told| told.get("sequence")?.as_i64());
                let sequence = sequence.ok_or(AuditError::NotALine(number))?;
                entries.push(Entry { sequence, text: entry.get().to_owned(), hash });
            }
            (None, Some(WireSigned { sequence, hash, at, signature }), None) => {
                let signed_at = Timestamp::from_unix(at);
                signed.push(SignedHead { head: Head { sequence, hash }, signed_at, signature });
            }
            (None, None, Some(WireHead { sequence, hash })) => left = Some(Head { sequence, hash }),
            (_, _, _) => return Err(AuditError::NotALine(number)),
        }
    }
    let left = left.ok_or(AuditError::CutOff)?;
    let signed = signed.into_iter().filter(|signed| signed.head.sequence <= left.sequence).collect();
    let mut verifier = Verifier::new(key, signed)?;
    entries.iter().try_for_each(|entry| verifier.take(entry))?;
    let (head, signed) = verifier.finish(&left)?;
    Ok(Verified { head, signed })
}

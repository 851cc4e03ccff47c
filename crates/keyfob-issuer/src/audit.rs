//! `audit`, in words.

use crate::args::Output;
use crate::args::operation::Audit;
use crate::{Outcome, say};
use anyhow::Context as _;
use keyfob_issuer::command::audit::{self, AuditError, Filter, Verified};
use keyfob_issuer_core::audit::{Entry, VerifyingKey};
use keyfob_oauth::Timestamp;
use serde_json::json;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};

pub(crate) async fn run(command: Audit) -> anyhow::Result<Outcome> {
    match command {
        Audit::List { data, action, subject, since, last, output } => {
            let since = since.map(|text| text.parse::<jiff::Timestamp>()).transpose().context("--since")?;
            let since = since.map(|moment| Timestamp::from_unix(moment.as_second()));
            let found = audit::list(&data, &Filter { action, subject, since, last }).await?;
            let mut out = BufWriter::new(std::io::stdout().lock());
            for entry in &found {
                match output {
                    Output::Text => writeln!(out, "{}", line(entry))?,
                    Output::Json => writeln!(out, "{}", entry.text)?,
                }
            }
            out.flush()?;
            Ok(Outcome::Done)
        }
        Audit::Verify { data: Some(data), output, .. } => verified(audit::verify(&data).await, output),
        Audit::Verify { data: None, file, key, output } => {
            let key =
                key.as_deref().and_then(VerifyingKey::parse).context("--key: no key of an audit trail")?;
            let path = file.unwrap_or_default();
            let copy = File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
            verified(audit::verify_copy(BufReader::new(copy), &key), output)
        }
        Audit::Export { data } => {
            let key = audit::export(&data, &mut BufWriter::new(std::io::stdout().lock())).await?;
            say(&format!("keyfob-issuer: others verify it with `audit verify --file FILE --key {key}`"));
            Ok(Outcome::Done)
        }
    }
}

fn verified(outcome: Result<Verified, AuditError>, output: Output) -> anyhow::Result<Outcome> {
    let mut out = std::io::stdout().lock();
    match (outcome, output) {
        (Ok(Verified { head, signed }), Output::Text) => {
            writeln!(out, "whole: {} entries, signed up to entry {signed}", head.sequence)?;
            writeln!(out, "head: {} {}", head.sequence, head.hash)?;
            Ok(Outcome::Done)
        }
        (Ok(Verified { head, signed }), Output::Json) => {
            let told = json!({ "schema": 1, "state": "whole", "entries": head.sequence, "head": head.hash, "signed": signed });
            writeln!(out, "{told}")?;
            Ok(Outcome::Done)
        }
        (Err(AuditError::Flaw(flaw)), Output::Text) => {
            writeln!(out, "changed: {flaw}")?;
            Ok(Outcome::FoundWrong)
        }
        (Err(AuditError::Flaw(flaw)), Output::Json) => {
            writeln!(out, "{}", json!({ "schema": 1, "state": "changed", "flaw": flaw.to_string() }))?;
            Ok(Outcome::FoundWrong)
        }
        (Err(other), Output::Text | Output::Json) => Err(other.into()),
    }
}

/// Returns an entry for people: number, time, action, outcome, then what else is told.
fn line(entry: &Entry) -> String {
    let members = entry.read().unwrap_or_default();
    let text = |name: &str| members.get(name).and_then(|value| value.as_str()).unwrap_or("-");
    let at = members.get("at").and_then(serde_json::Value::as_i64).unwrap_or_default();
    let at = jiff::Timestamp::from_second(at).map_or_else(|_| "-".to_owned(), |at| at.to_string());
    let mut line = format!("{}\t{at}\t{}\t{}", entry.sequence, text("action"), text("outcome"));
    for name in ["actor", "subject", "client", "about", "detail", "address", "request"] {
        line.push('\t');
        line.push_str(text(name));
    }
    line
}

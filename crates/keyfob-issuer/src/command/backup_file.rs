//! The file of a backup: a line of JSON for what it is, for each table, for each row, and for its end.

use crate::command::backup::BackedUp;
use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use keyfob_issuer_core::seal::SealKey;
use keyfob_issuer_sql::{Record, Value};
use keyfob_oauth::Timestamp;
use serde_json::json;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// What a backup is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) created_at: Timestamp,
    /// Which step its tables are at.
    pub(super) step: i64,
    /// The text of `issuer.toml`.
    pub(super) settings: String,
}

/// A file is no backup of this issuer.
#[derive(Debug, thiserror::Error)]
pub enum InvalidBackup {
    /// It cannot be read.
    #[error("cannot read it")]
    Io(#[from] io::Error),
    /// It is something else.
    #[error("it is no backup of a keyfob-issuer")]
    NotABackup,
    /// It was made by a program that writes another form.
    #[error("it is a backup of form {0}, and this program reads form {FORM}")]
    OtherForm(u64),
    /// It ends too early.
    #[error("it has no last line: it was cut off")]
    CutOff,
    /// Its code is another.
    #[error("it was changed, or the seal key is not that of the issuer which made it")]
    WrongKey,
}

const FORM: u64 = 1;

fn authentication_key(seal_key: &SealKey) -> io::Result<hmac::Key> {
    seal_key.authentication_key("backup").map_err(io::Error::other)
}

/// Writes a backup.
pub(super) struct Writer {
    file: BufWriter<File>,
    code: hmac::Context,
    done: BackedUp,
}

impl Writer {
    /// Begins a file that its owner alone reads; one that was left unfinished makes room.
    pub(super) fn create(path: &Path, seal_key: &SealKey, header: &Header) -> io::Result<Self> {
        match std::fs::remove_file(path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        let code = hmac::Context::with_key(&authentication_key(seal_key)?);
        let mut writer = Self { file: BufWriter::new(file), code, done: BackedUp { rows: 0, bytes: 0 } };
        writer.line(&json!({
            "keyfob_backup": FORM,
            "version": env!("CARGO_PKG_VERSION"),
            "created_at": header.created_at.as_unix(),
            "step": header.step,
            "settings": header.settings,
        }))?;
        Ok(writer)
    }

    /// Writes a record.
    pub(super) fn take(&mut self, record: &Record) -> io::Result<()> {
        match record {
            Record::Table { name, columns } => self.line(&json!({ "table": name, "columns": columns })),
            Record::Row(values) => {
                self.done.rows += 1;
                self.line(&values.iter().map(to_json).collect())
            }
        }
    }

    /// Ends the file and makes it durable.
    pub(super) fn finish(mut self) -> io::Result<BackedUp> {
        let code = STANDARD.encode(self.code.clone().sign());
        let end = json!({ "rows": self.done.rows, "code": code });
        self.line(&end)?;
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        Ok(self.done)
    }

    fn line(&mut self, value: &serde_json::Value) -> io::Result<()> {
        let mut line = value.to_string();
        line.push('\n');
        self.code.update(line.as_bytes());
        self.done.bytes += u64::try_from(line.len()).unwrap_or_default();
        self.file.write_all(line.as_bytes())
    }
}

/// A backup whose code fits.
#[derive(Debug)]
pub(super) struct Verified {
    pub(super) header: Header,
    pub(super) rows: u64,
}

/// Reads a whole backup, and believes it only if its code is by `seal_key`.
pub(super) fn verify(path: &Path, seal_key: &SealKey) -> Result<Verified, InvalidBackup> {
    let mut code = hmac::Context::with_key(&authentication_key(seal_key)?);
    let mut header = None;
    let mut last: Option<String> = None;
    for line in BufReader::new(File::open(path)?).split(b'\n') {
        let line = String::from_utf8(line?).map_err(|_| InvalidBackup::NotABackup)?;
        if header.is_none() {
            header = Some(read_header(&line)?);
        }
        if let Some(before) = last.replace(line) {
            code.update(before.as_bytes());
            code.update(b"\n");
        }
    }
    let header = header.ok_or(InvalidBackup::NotABackup)?;
    let end: serde_json::Value =
        last.and_then(|line| serde_json::from_str(&line).ok()).ok_or(InvalidBackup::CutOff)?;
    let (Some(told), Some(rows)) = (
        end.get("code").and_then(serde_json::Value::as_str),
        end.get("rows").and_then(serde_json::Value::as_u64),
    ) else {
        return Err(InvalidBackup::CutOff);
    };
    let told = STANDARD.decode(told).map_err(|_| InvalidBackup::CutOff)?;
    let is_ours = subtle::ConstantTimeEq::ct_eq(code.sign().as_ref(), &*told);
    if bool::from(is_ours) { Ok(Verified { header, rows }) } else { Err(InvalidBackup::WrongKey) }
}

/// Returns the records of a backup that was verified.
pub(super) fn records(path: &Path) -> io::Result<impl Iterator<Item = io::Result<Record>> + Send + use<>> {
    let lines = BufReader::new(File::open(path)?).lines().skip(1);
    Ok(lines.filter_map(|line| line.and_then(|line| to_record(&line)).transpose()))
}

fn read_header(line: &str) -> Result<Header, InvalidBackup> {
    let told: serde_json::Value = serde_json::from_str(line).map_err(|_| InvalidBackup::NotABackup)?;
    let number = |name: &str| told.get(name).and_then(serde_json::Value::as_i64);
    let form =
        told.get("keyfob_backup").and_then(serde_json::Value::as_u64).ok_or(InvalidBackup::NotABackup)?;
    if form != FORM {
        return Err(InvalidBackup::OtherForm(form));
    }
    let settings = told.get("settings").and_then(serde_json::Value::as_str);
    match (number("created_at"), number("step"), settings) {
        (Some(created_at), Some(step), Some(settings)) => {
            Ok(Header { created_at: Timestamp::from_unix(created_at), step, settings: settings.to_owned() })
        }
        (_, _, _) => Err(InvalidBackup::NotABackup),
    }
}

fn to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Integer(number) => json!(number),
        Value::Text(text) => json!(text),
        Value::Bytes(bytes) => json!({ "bytes": STANDARD.encode(bytes) }),
    }
}

/// Reads a line; the last one is no record.
fn to_record(line: &str) -> io::Result<Option<Record>> {
    let broken = || io::Error::from(io::ErrorKind::InvalidData);
    match serde_json::from_str(line).map_err(|_| broken())? {
        serde_json::Value::Array(values) => {
            let values = values.into_iter().map(to_value).collect::<Option<_>>().ok_or_else(broken)?;
            Ok(Some(Record::Row(values)))
        }
        serde_json::Value::Object(members) => {
            let Some(name) = members.get("table").and_then(serde_json::Value::as_str) else {
                return Ok(None);
            };
            let columns = members.get("columns").and_then(serde_json::Value::as_array).ok_or_else(broken)?;
            let columns =
                columns.iter().map(|column| column.as_str().map(str::to_owned)).collect::<Option<_>>();
            Ok(Some(Record::Table { name: name.to_owned(), columns: columns.ok_or_else(broken)? }))
        }
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::String(_) => Err(broken()),
    }
}

fn to_value(told: serde_json::Value) -> Option<Value> {
    match told {
        serde_json::Value::Null => Some(Value::Null),
        serde_json::Value::Number(number) => number.as_i64().map(Value::Integer),
        serde_json::Value::String(text) => Some(Value::Text(text)),
        serde_json::Value::Object(members) => {
            STANDARD.decode(members.get("bytes")?.as_str()?).ok().map(Value::Bytes)
        }
        serde_json::Value::Bool(_) | serde_json::Value::Array(_) => None,
    }
}

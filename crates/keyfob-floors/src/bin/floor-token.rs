//! `floor-token FILE`: prints the access token of an `auth.json` if it has not expired; the floor of `keyfob token`.
//!
//! It looks at the file's mode, takes a shared lock, parses the document, and reads the end in the token.

use anyhow::{Context as _, Result, ensure};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rustix::fs::{FlockOperation, flock};
use serde_json::Value;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::time::{SystemTime, UNIX_EPOCH};

fn main() -> Result<()> {
    let path = std::env::args_os().nth(1).context("usage: floor-token FILE")?;
    let mut file = File::open(path)?;
    ensure!(file.metadata()?.permissions().mode() % 0o100 == 0, "others may read the file");
    flock(&file, FlockOperation::LockShared)?;
    let mut document = Vec::with_capacity(8192);
    file.read_to_end(&mut document)?;
    let document: Value = serde_json::from_slice(&document)?;
    let token = document.pointer("/tokens/access_token").and_then(Value::as_str).context("no token")?;
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).context("no JWT")?)?;
    let claims: Value = serde_json::from_slice(&payload)?;
    ensure!(claims.get("exp").and_then(Value::as_u64).context("no end")? > now()?, "expired");
    writeln!(std::io::stdout().lock(), "{token}")?;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "this program is its own adapter")]
fn now() -> Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())
}

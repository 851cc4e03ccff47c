//! An authenticator app: Debian's `oathtool`, somebody else's reading of the standard (RFC 6238).

use anyhow::{Context as _, Result, ensure};
use std::process::Stdio;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// Returns the code that an app with `key` shows `later` seconds from now.
pub async fn code(key: &str, later: u8) -> Result<String> {
    let mut app = Command::new("oathtool")
        .args(["--totp", "--base32", "--now", &format!("now + {later} seconds"), "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("cannot start oathtool; Debian's package is oathtool")?;
    app.stdin.take().context("no standard input")?.write_all(format!("{key}\n").as_bytes()).await?;
    let output = app.wait_with_output().await?;
    ensure!(output.status.success(), "oathtool ended with {}", output.status);
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

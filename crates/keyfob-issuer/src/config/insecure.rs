//! What an issuer refuses to start with, though every value is one that can be read (I-86).

use crate::command::files::SEAL_KEY;
use crate::config::{Config, FILE};
use crate::mail::Outbox;
use crate::webhook::{Webhook, WebhookError};
use crate::workloads::Workloads;
use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Something that is not safe, or cannot work; each says which key or file, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Finding {
    /// Passwords and tokens would cross a network in the clear.
    #[error(
        "`listen` is {0}, which others reach, and `url` is http: put a proxy with TLS in front and name its https address in `url`, or listen on 127.0.0.1"
    )]
    PlainListener(IpAddr),
    /// What is to be apart would be public.
    #[error("`{0}` is {1}, which is where the issuer itself listens: give it a port of its own")]
    SameListener(&'static str, SocketAddr),
    /// Every server would take every token.
    #[error(
        "`audience` is `*`: name the one server that access tokens are for, such as \"https://gateway.example.org\""
    )]
    AnyAudience,
    /// Anybody could say where a request comes from.
    #[error("`trusted_proxies` holds {0}, which means any address: name the addresses of the proxies")]
    AnyProxy(IpAddr),
    /// Letters cannot be sent.
    #[error("{0}: name it as \"smtps://HOST\" or \"smtp://HOST\", and `from` as \"Name <name@example.org>\"")]
    Mail(String),
    /// The rules by which workloads are let in are not as they should be.
    #[error("`workloads`: {0}")]
    Workloads(String),
    /// The secret that notices of anomalies are signed with is none.
    #[error("`anomalies.secret_file`: {0}")]
    Webhook(String),
    /// A file cannot be read.
    #[error("`{key}`: cannot read {path}: {reason}")]
    Unreadable {
        /// Which key, or what else leads to it.
        key: &'static str,
        /// Which file.
        path: String,
        /// Why.
        reason: io::ErrorKind,
    },
    /// A list of passwords is no directory.
    #[error("`breached_passwords` is {0}, which is no directory")]
    NotADirectory(String),
    /// Everybody on this machine can read a secret.
    #[error("{path} holds {what}, and everybody on this machine can read it: run `chmod o-rwx {path}`")]
    Exposed {
        /// Which file.
        path: String,
        /// What is in it.
        what: &'static str,
    },
    /// Everybody on this machine can change it.
    #[error("{path} can be changed by everybody on this machine: run `chmod o-w {path}`")]
    Writable {
        /// Which file.
        path: String,
    },
    /// A seal key that everybody could guess.
    #[error(
        "{path} holds a seal key of one repeated byte, which is no secret: restore the one that `init` made"
    )]
    GuessableSealKey {
        /// Which file.
        path: String,
    },
}

/// Returns everything that speaks against starting the issuer in `data` with these settings.
pub fn findings(data: &Path, config: &Config) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(address) = config.listen.filter(|_| config.url.is_plain_http()).map(|listen| listen.ip())
        && !address.is_loopback()
    {
        found.push(Finding::PlainListener(address));
    }
    for (key, address) in [("operations", config.operations), ("administration", config.administration)] {
        let same = address.filter(|own| config.listen == Some(*own));
        found.extend(same.map(|address| Finding::SameListener(key, address)));
    }
    if config.audience.as_str() == "*" {
        found.push(Finding::AnyAudience);
    }
    found.extend(
        config.trusted_proxies.iter().filter(|proxy| proxy.is_unspecified()).copied().map(Finding::AnyProxy),
    );
    if let Some(mail) = &config.mail {
        match Outbox::new(mail) {
            Ok(_usable) => {}
            Err(error @ crate::mail::MailError::Password { .. }) => drop(error),
            Err(error) => found.push(Finding::Mail(told(&error))),
        }
    }
    if let Some(file) = &config.workloads {
        found.extend(writable(&data.join(file)));
        let rules = Workloads::load(data, file, &config.url, config.outbound_proxy.as_ref());
        found.extend(rules.err().map(|error| Finding::Workloads(told(&error))));
    }
    match config
        .anomalies
        .as_ref()
        .map(|settings| Webhook::load(data, settings, config.outbound_proxy.as_ref()))
    {
        Some(Err(error @ WebhookError::Secret { .. })) => found.push(Finding::Webhook(told(&error))),
        // What is wrong with the file itself is found below.
        Some(Ok(_) | Err(WebhookError::File(_))) | None => {}
    }
    let login = config.mail.as_ref().and_then(|mail| mail.login.as_ref());
    let secrets = [
        (SEAL_KEY, Some(data.join(SEAL_KEY)), "the seal key"),
        (
            "database_password_file",
            config.database.password_file.as_ref().map(|file| data.join(file)),
            "a password",
        ),
        ("mail.password_file", login.map(|(_, file)| data.join(file)), "a password"),
        ("database", config.database.url.file(data), "password hashes"),
        (
            "anomalies.secret_file",
            config.anomalies.as_ref().map(|settings| data.join(&settings.secret_file)),
            "the secret of a webhook",
        ),
    ];
    for (key, path, what) in secrets {
        let Some(path) = path else { continue };
        found.extend(secret(key, &path, what));
    }
    found.extend(config.breached_passwords.as_ref().and_then(|lists| directory(&data.join(lists))));
    found.extend(writable(&data.join(FILE)));
    found
}

/// Whether a seal key is one that nobody had to guess: all its bytes are the same.
pub(crate) fn guessable(data: &Path, bytes: &[u8]) -> Option<Finding> {
    let path = data.join(SEAL_KEY).display().to_string();
    let is_one_byte = bytes.first().is_none_or(|first| bytes.iter().all(|byte| byte == first));
    is_one_byte.then_some(Finding::GuessableSealKey { path })
}

fn secret(key: &'static str, path: &Path, what: &'static str) -> Option<Finding> {
    let shown = path.display().to_string();
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.permissions().mode() & 0o007 != 0 => {
            Some(Finding::Exposed { path: shown, what })
        }
        Ok(_guarded) => None,
        Err(error) => Some(Finding::Unreadable { key, path: shown, reason: error.kind() }),
    }
}

fn directory(path: &PathBuf) -> Option<Finding> {
    let shown = path.display().to_string();
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => None,
        Ok(_file) => Some(Finding::NotADirectory(shown)),
        Err(error) => {
            Some(Finding::Unreadable { key: "breached_passwords", path: shown, reason: error.kind() })
        }
    }
}

fn writable(path: &Path) -> Option<Finding> {
    let mode = std::fs::metadata(path).ok()?.permissions().mode();
    (mode & 0o002 != 0).then(|| Finding::Writable { path: path.display().to_string() })
}

/// Returns an error with what it comes from, in one line.
fn told(error: &dyn Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", told(cause)),
        None => error.to_string(),
    }
}

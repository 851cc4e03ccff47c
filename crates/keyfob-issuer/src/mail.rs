//! Letters, where the administrator has set `[mail]` up.

use keyfob_issuer_core::user::Email;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;

/// How letters are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailConfig {
    /// The server: `smtps://HOST`, `smtp://HOST` with STARTTLS, or `smtp://127.0.0.1:PORT` without.
    pub server: String,
    /// Who the letters are from.
    pub from: String,
    /// Who signs in to the server, and the file that holds the password.
    pub login: Option<(String, PathBuf)>,
}

/// Letters cannot be sent as the settings say.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The server's address.
    #[error("`server` in `[mail]` is no address of an SMTP server")]
    Server,
    /// The sender.
    #[error("`from` in `[mail]` is no e-mail address")]
    From(#[source] lettre::address::AddressError),
    /// The transport.
    #[error("cannot use the SMTP server of `[mail]`")]
    Transport(#[source] lettre::transport::smtp::Error),
    /// The password's file.
    #[error("cannot read {path}")]
    Password {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Sends letters beside the requests that caused them, so that no answer tells by its time whether one was sent (I-53).
#[derive(Debug)]
pub(crate) struct Outbox {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    running: Mutex<JoinSet<()>>,
}

/// How long a letter may take.
const LIMIT: Duration = Duration::from_secs(30);
/// How many may be on their way at once.
const MOST_RUNNING: usize = 64;

impl Outbox {
    pub(crate) fn new(config: &MailConfig) -> Result<Self, MailError> {
        let url = url::Url::parse(&config.server).map_err(|_| MailError::Server)?;
        let host = url.host_str().ok_or(MailError::Server)?;
        let is_here = host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        let builder = match url.scheme() {
            "smtps" => AsyncSmtpTransport::<Tokio1Executor>::relay(host).map_err(MailError::Transport)?,
            // Nothing but this machine itself hears what is not encrypted.
            "smtp" if is_here => AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host),
            "smtp" => {
                AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(host).map_err(MailError::Transport)?
            }
            _ => return Err(MailError::Server),
        };
        let builder = match url.port() {
            Some(port) => builder.port(port),
            None => builder,
        };
        let builder = match &config.login {
            Some((user, file)) => builder.credentials(Credentials::new(user.clone(), read_password(file)?)),
            None => builder,
        };
        Ok(Self {
            transport: builder.timeout(Some(LIMIT)).build(),
            from: config.from.parse().map_err(MailError::From)?,
            running: Mutex::default(),
        })
    }

    /// Runs `work` beside the request; nothing happens when too much runs, which the log says.
    pub(crate) fn run(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        while running.try_join_next().is_some() {}
        if running.len() >= MOST_RUNNING {
            tracing::warn!("too many letters are on their way; one was not sent");
            return;
        }
        running.spawn(async move {
            if tokio::time::timeout(LIMIT, work).await.is_err() {
                tracing::warn!("a letter was not sent in time");
            }
        });
    }

    /// Sends a letter.
    pub(crate) async fn send(&self, to: &Email, subject: String, text: String) {
        // An address alone: in what may have a name before it, an account's address could name another one (I-83).
        let Ok(to) = to.as_str().parse::<Address>() else {
            tracing::warn!("an account's address takes no letters");
            return;
        };
        let letter = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(subject)
            .header(ContentType::TEXT_PLAIN)
            .body(text);
        match letter {
            Ok(letter) => match self.transport.send(letter).await {
                Ok(_accepted) => tracing::info!("a letter was sent"),
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "a letter was not sent");
                }
            },
            Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "cannot write a letter"),
        }
    }
}

fn read_password(file: &Path) -> Result<String, MailError> {
    std::fs::read_to_string(file)
        .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
        .map_err(|source| MailError::Password { path: file.display().to_string(), source })
}

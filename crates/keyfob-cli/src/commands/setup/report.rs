//! What was written, and what is to be done next, for people and for programs.

use super::super::Acting;
use super::check::{Checked, LEAST};
use super::discover::{Found, signed_in_at};
use super::edit::{Setting, Wanted};
use super::provider::{Credential, Native};
use super::trial::Tried;
use crate::args::{NativeStore, SetupCodex};
use crate::error::{CommandError, Failure};
use crate::exit::Exit;
use crate::output;
use keyfob_client::Status;
use keyfob_oauth::text;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How it went.
pub(super) struct Report<'a> {
    pub(super) acting: &'a Acting,
    pub(super) found: &'a Found,
    pub(super) wanted: &'a Wanted,
    /// Whether the configuration is, or would be, another one.
    pub(super) changed: bool,
    /// What the Codex CLI says, if it was asked.
    pub(super) checked: Option<Checked>,
    /// What the gateway says to a token, if one was shown to it.
    pub(super) tried: Option<Tried>,
}

impl Report<'_> {
    pub(super) fn show(&self, arguments: &SetupCodex) -> Result<(), CommandError> {
        if arguments.json {
            return Ok(output::data(&self.document().to_string()).map_err(Failure::Output)?);
        }
        for line in self.lines() {
            output::say(&line);
        }
        Ok(())
    }

    /// Shows what would be written.
    pub(super) fn show_lines(&self, arguments: &SetupCodex, lines: &str) -> Result<(), CommandError> {
        if arguments.json {
            let mut document = self.document();
            if let Some(members) = document.as_object_mut() {
                members.insert("lines".into(), lines.into());
            }
            return Ok(output::data(&document.to_string()).map_err(Failure::Output)?);
        }
        output::data(lines.trim_end()).map_err(Failure::Output)?;
        let path = self.acting.logins.home().codex_config_file();
        let would = if self.changed { "These lines would be in" } else { "This is what is in" };
        output::say(&format!("{would} `{}`; nothing was changed", path.display()));
        Ok(())
    }

    fn lines(&self) -> Vec<String> {
        let Self { found, wanted, .. } = self;
        let (id, path) = (&wanted.provider.id, self.acting.logins.home().codex_config_file());
        let has = if self.changed { "has" } else { "already had" };
        let mut lines = vec![format!(
            "`{}` {has} the provider `{id}`: {}, with tokens of {}",
            path.display(),
            found.gateway,
            found.issuer
        )];
        lines.push(match &wanted.provider.credential {
            Credential::Exported { command, arguments } => {
                format!("Codex asks for them: {command} {}", arguments.join(" "))
            }
            Credential::Native(Native { store: NativeStore::File, .. }) => {
                "Codex signs in by itself at its first use, and keeps that in `secrets` beside its configuration"
                    .to_owned()
            }
            Credential::Native(Native { store: NativeStore::Keyring, .. }) => {
                "Codex signs in by itself at its first use, and keeps that in the keyring; without one it cannot"
                    .to_owned()
            }
        });
        if self.has(Setting::ChatgptBaseUrl) {
            lines.push(format!(
                "`{}` is set, so that Codex sends the login of this home there and not to OpenAI's hosts",
                Setting::ChatgptBaseUrl.key()
            ));
        }
        lines.extend(self.advice());
        lines.extend(self.tried.as_ref().map(|tried| match tried {
            Tried::Taken => "The gateway takes your token".to_owned(),
            Tried::Refused(why) => {
                format!("note: the gateway does not take your token: {}", text::printable(why))
            }
            Tried::Unclear(why) => {
                format!(
                    "note: it is not known whether the gateway takes your token: {}",
                    text::printable(why)
                )
            }
        }));
        lines.push(match &self.checked {
            Some(Checked::Accepted(version)) => {
                format!("Codex {version} takes it; no model was asked for anything")
            }
            Some(Checked::TooOld(version)) => {
                format!("note: this is Codex {version}, which cannot do that; update it to {LEAST} or later")
            }
            Some(Checked::Unclear(why)) => {
                format!("note: not checked, since Codex did not say: {}", text::printable(why))
            }
            Some(Checked::NotThere | Checked::Refused(_)) | None => {
                format!(
                    "note: not checked, since there is no `codex` in `PATH`; it has to be {LEAST} or later"
                )
            }
        });
        lines.push(match (self.has(Setting::ModelProvider), self.has(Setting::Model)) {
            (true, true) => "It is what Codex uses where nothing else is named".to_owned(),
            (true, false) => {
                "Codex uses it where nothing else is named; the model too has to be one of the gateway's"
                    .to_owned()
            }
            (false, _) => format!("To use it: codex -c model_provider={id} -c model=MODEL"),
        });
        lines
    }

    /// Whether somebody is signed in where the gateway's tokens come from.
    pub(super) fn has_login(&self) -> bool {
        signed_in_at(self.acting).as_ref() == Some(&self.found.issuer)
    }

    fn has(&self, setting: Setting) -> bool {
        self.wanted.settings.iter().any(|(wanted, _)| *wanted == setting)
    }

    /// What is still to be done before `keyfob` has a token for the gateway.
    fn advice(&self) -> Option<String> {
        let (login, issuer) = (&self.acting.chosen.login, &self.found.issuer);
        if !self.wanted.provider.credential.is_exported() || self.has_login() {
            return None;
        }
        Some(match self.acting.session.status() {
            Ok(Status::SignedOut) => {
                format!("note: nobody is signed in: run `keyfob login --issuer {issuer}`")
            }
            Ok(Status::Account(_) | Status::ApiKey | Status::AccessToken | Status::Foreign(_)) | Err(_) => {
                format!(
                    "note: the login `{login}` is not one of {issuer}: run `keyfob login --issuer {issuer} --as NAME`, then \
                     this again with `--login NAME`"
                )
            }
        })
    }

    fn document(&self) -> Value {
        let Self { acting, found, wanted, changed, checked, tried } = self;
        let exported = wanted.provider.credential.is_exported();
        let settings: BTreeMap<&str, &str> =
            wanted.settings.iter().map(|(setting, text)| (setting.key(), text.as_str())).collect();
        json!({
            "schema": 1,
            "state": Exit::Ok.state(),
            "changed": changed,
            "file": acting.logins.home().codex_config_file().display().to_string(),
            "provider": wanted.provider.id,
            "base_url": wanted.provider.base_url,
            "issuer": found.issuer.as_str(),
            "resource": found.resource,
            "signs_in": if exported { "keyfob" } else { "codex" },
            "login": exported.then(|| acting.document()),
            "signed_in": exported.then(|| self.has_login()),
            "settings": settings,
            "codex": checked.as_ref().map(checked_document),
            "gateway": tried.as_ref().map(tried_document),
        })
    }
}

fn checked_document(checked: &Checked) -> Value {
    let (state, version, why) = match checked {
        Checked::Accepted(version) => ("accepted", Some(version), None),
        Checked::TooOld(version) => ("too_old", Some(version), None),
        Checked::NotThere => ("not_there", None, None),
        Checked::Refused(why) => ("refused", None, Some(why)),
        Checked::Unclear(why) => ("unclear", None, Some(why)),
    };
    json!({ "state": state, "version": version.map(ToString::to_string), "why": why })
}

fn tried_document(tried: &Tried) -> Value {
    let (state, why) = match tried {
        Tried::Taken => ("accepted", None),
        Tried::Refused(why) => ("refused", Some(why)),
        Tried::Unclear(why) => ("unclear", Some(why)),
    };
    json!({ "state": state, "why": why })
}

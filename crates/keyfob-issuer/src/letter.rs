//! The letters that people get: what each says, and that it goes its way beside the request.

use crate::app::App;
use crate::text::TEXT;
use askama::Template;
use keyfob_issuer_core::user::Email;
use keyfob_issuer_core::workspace::WorkspaceName;
use keyfob_oauth::Secret;
use std::sync::Arc;

/// A letter.
#[derive(Clone, Debug)]
pub(crate) enum Letter {
    /// A link that resets the password.
    Reset(Secret),
    /// A link that shows that the address is theirs.
    Verify(Secret),
    /// Another address is the account's from now on, and a link that takes that back.
    Moved(Email, Secret),
    /// Somebody is asked into a workspace, and a link by which they join it.
    Invitation(WorkspaceName, Secret),
    /// A device was let in, and a link that signs it out (I-50).
    Device(DeviceNews, Secret),
    /// Something happened to the account that its person should know of.
    Happened(Happened),
}

/// A device that was let in.
#[derive(Clone, Debug)]
pub(crate) struct DeviceNews {
    /// The program.
    pub(crate) client: String,
    /// From where it asked.
    pub(crate) place: String,
    /// When it asked.
    pub(crate) time: String,
}

/// What happened to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happened {
    /// A recovery code was used (I-56).
    RecoveryCodeUsed,
    /// An authenticator app was set up, or another took its place.
    FactorSetUp,
    /// There are new recovery codes.
    RecoveryCodesMade,
    /// There is another password.
    PasswordChanged,
}

#[derive(Template)]
#[template(path = "letter_link.txt")]
struct LinkText<'a> {
    lead: String,
    before: &'a str,
    link: &'a str,
    end: &'a str,
}

#[derive(Template)]
#[template(path = "letter_happened.txt")]
struct HappenedText<'a> {
    lead: String,
    happened: &'a str,
    account: &'a str,
}

impl Letter {
    /// Returns the subject of a letter from `site`.
    pub(crate) fn subject(&self, site: &str) -> String {
        match self {
            Self::Reset(_) => TEXT.reset_letter.subject,
            Self::Verify(_) => TEXT.verify_letter.subject,
            Self::Moved(..) => TEXT.moved_letter.subject,
            Self::Invitation(..) => TEXT.invitation_letter.subject,
            Self::Device(..) => TEXT.device_letter.subject,
            Self::Happened(_) => TEXT.happened_letter.subject,
        }
        .plain(site)
    }

    /// Returns the text of a letter from `site`, on which `account` is the page of one's own account.
    pub(crate) fn text(&self, site: &str, account: &str) -> Result<String, askama::Error> {
        let link = |lead: String, before: crate::text::Words, link: &Secret, end: crate::text::Words| {
            LinkText { lead, before: before.as_str(), link: link.expose(), end: end.as_str() }.render()
        };
        match self {
            Self::Reset(to) => {
                let said = &TEXT.reset_letter;
                link(said.lead.plain(site), said.link, to, said.end)
            }
            Self::Verify(to) => {
                let said = &TEXT.verify_letter;
                link(said.lead.plain(site), said.link, to, said.end)
            }
            Self::Moved(email, to) => {
                let said = &TEXT.moved_letter;
                link(
                    format!("{}\n{}", said.lead.plain(site), said.moved.plain(email)),
                    said.link,
                    to,
                    said.end,
                )
            }
            Self::Invitation(workspace, to) => {
                let said = &TEXT.invitation_letter;
                let lead = said.lead.plain(site);
                let lead = match inert(workspace.as_str()) {
                    Some(name) => format!("{lead}\n{}", said.name.plain(name)),
                    None => lead,
                };
                link(lead, said.link, to, said.end)
            }
            Self::Device(DeviceNews { client, place, time }, to) => {
                let said = &TEXT.device_letter;
                let lead = [
                    said.lead.plain(site),
                    String::new(),
                    said.client.plain(client),
                    said.place.plain(place),
                    said.time.plain(time),
                ];
                link(lead.join("\n"), said.link, to, said.end)
            }
            Self::Happened(happened) => {
                let said = &TEXT.happened_letter;
                let words = match happened {
                    Happened::RecoveryCodeUsed => said.recovery_code_used,
                    Happened::FactorSetUp => said.factor_set_up,
                    Happened::RecoveryCodesMade => said.recovery_codes_made,
                    Happened::PasswordChanged => said.password_changed,
                };
                HappenedText { lead: said.lead.plain(site), happened: words.as_str(), account }.render()
            }
        }
    }
}

/// Returns a name that somebody else chose, if a letter can repeat it: no mail program finds an address in it (I-83).
fn inert(name: &str) -> Option<&str> {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '&' | '\'');
    name.chars().all(is_plain).then_some(name)
}

/// Sends a letter beside the request, where letters can be sent.
pub(crate) fn post(app: &Arc<App>, to: Email, letter: Letter) {
    let Some(outbox) = &app.outbox else { return };
    let app = Arc::clone(app);
    outbox.run(async move { send(&app, &to, &letter).await });
}

/// Sends a letter, where letters can be sent.
pub(crate) async fn send(app: &App, to: &Email, letter: &Letter) {
    let Some(outbox) = &app.outbox else { return };
    let site = app.site.name();
    match letter.text(site, &app.issuer.url().join("/account")) {
        Ok(text) => outbox.send(to, letter.subject(site), text).await,
        Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "cannot write a letter"),
    }
}

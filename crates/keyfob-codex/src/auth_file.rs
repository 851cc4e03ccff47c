//! `auth.json`: the document that the Codex CLI and `keyfob` share.

mod layout;
mod outline;

use crate::members::Members;
use keyfob_oauth::{AccessToken, ApiKey, ClientId, IdToken, IssuerUrl, RefreshToken, Timestamp};
use layout::Layout;
pub use outline::Outline;
use serde_json::json;

/// The document as it stands: known members are read through methods, unknown ones stay where and as they are.
#[derive(Clone, Debug, PartialEq)]
pub struct AuthFile(Members);

/// What kind of login a document holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// Tokens of an account.
    Account(Box<AccountTokens>),
    /// An API key.
    ApiKey,
    /// A personal access token, which its person made on a page of the issuer; it is never refreshed.
    AccessToken(AccessToken),
    /// A kind that we show, keep and do not handle; the name is the mode's.
    Foreign(String),
}

/// The tokens of an account sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountTokens {
    /// Attached to requests.
    pub access_token: AccessToken,
    /// Absent when the document holds an empty one.
    pub refresh_token: Option<RefreshToken>,
    /// Who signed in.
    pub id_token: IdToken,
    /// Where the login was made and by which client; absent in files of older builds.
    pub provenance: Option<Provenance>,
    /// The workspace.
    pub account_id: Option<String>,
    /// When the tokens were last written.
    pub last_refresh: Option<Timestamp>,
}

/// Where a login was made and by which client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// The issuer.
    pub issuer: IssuerUrl,
    /// The client.
    pub client_id: ClientId,
}

/// A document cannot be read; nothing in the message comes from it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAuthFile {
    /// It is no JSON object.
    #[error("it is not a JSON object (line {line}, column {column})")]
    NotJson {
        /// Where reading stopped.
        line: usize,
        /// Where reading stopped.
        column: usize,
    },
    /// Objects or arrays nest deeper than in any login.
    #[error("it is nested too deeply")]
    TooDeep,
    /// A member has the wrong type or value.
    #[error("its member `{0}` is missing or has the wrong form")]
    Member(&'static str),
}

const MODES: [&str; 8] = [
    "apikey",
    "chatgpt",
    "chatgptAuthTokens",
    "headers",
    "agentIdentity",
    "personalAccessToken",
    "bedrockApiKey",
    "bedrockAccessKeys",
];

impl Login {
    /// Parses a document for the login in it alone; what is no [`AuthFile`] is none here either.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidAuthFile> {
        AuthFile::of_json(bytes)?.read()
    }
}

impl AuthFile {
    /// Parses a document; its order, its unknown members and their numbers are kept.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidAuthFile> {
        let file = Self::of_json(bytes)?;
        file.read()?;
        Ok(file)
    }

    fn of_json(bytes: &[u8]) -> Result<Self, InvalidAuthFile> {
        let not_json = |error: serde_json::Error| InvalidAuthFile::NotJson {
            line: error.line(),
            column: error.column(),
        };
        let members: Members = serde_json::from_slice(bytes).map_err(not_json)?;
        // What parsed is text.
        if std::str::from_utf8(bytes).is_ok_and(layout::too_deep) {
            return Err(InvalidAuthFile::TooDeep);
        }
        Ok(Self(members))
    }

    /// Returns the document of a new account login, member for member as the Codex CLI writes it.
    pub fn of_account(tokens: &AccountTokens, login_owner_id: &str) -> Self {
        let mut members = Members::default();
        members.set("id_token", &tokens.id_token.expose());
        members.set("access_token", &tokens.access_token.expose());
        members.set("refresh_token", &tokens.refresh_token.as_ref().map_or("", RefreshToken::expose));
        if let Some(Provenance { issuer, client_id }) = &tokens.provenance {
            let provenance = json!({ "issuer": issuer.as_str(), "client_id": client_id.as_str() });
            members.set("oauth_provenance", &provenance);
        }
        members.set("login_owner_id", &login_owner_id);
        members.set("account_id", &tokens.account_id);
        let mut file = Members::default();
        file.set("auth_mode", &"chatgpt");
        file.set("OPENAI_API_KEY", &None::<&str>);
        file.set("tokens", &members);
        Self(file)
    }

    /// Returns the document of an API key, member for member as the Codex CLI writes it.
    pub fn of_api_key(key: &ApiKey) -> Self {
        let mut file = Members::default();
        file.set("auth_mode", &"apikey");
        file.set("OPENAI_API_KEY", &key.expose());
        Self(file)
    }

    /// Returns the document of a personal access token, member for member as the Codex CLI writes it.
    pub fn of_access_token(token: &AccessToken) -> Self {
        let mut file = Members::default();
        file.set("OPENAI_API_KEY", &None::<&str>);
        file.set("personal_access_token", &token.expose());
        Self(file)
    }

    /// Puts refreshed tokens in the places of the old ones; every other member stays.
    pub fn replace_tokens(
        &mut self,
        access_token: &AccessToken,
        refresh_token: Option<&RefreshToken>,
        id_token: Option<&IdToken>,
    ) {
        let Some(mut tokens) = self.0.read::<Members>("tokens") else { return };
        tokens.set("access_token", &access_token.expose());
        if let Some(refresh_token) = refresh_token {
            tokens.set("refresh_token", &refresh_token.expose());
        }
        if let Some(id_token) = id_token {
            tokens.set("id_token", &id_token.expose());
        }
        self.0.set("tokens", &tokens);
    }

    /// Notes when the tokens were written, RFC 3339 in UTC.
    pub fn set_last_refresh(&mut self, now: Timestamp) {
        if let Ok(moment) = jiff::Timestamp::from_second(now.as_unix()) {
            self.0.set("last_refresh", &moment.to_string());
        }
    }

    /// Returns the random name of the login, which stays over refreshes.
    pub fn login_owner_id(&self) -> Option<String> {
        self.0.read::<Members>("tokens")?.read("login_owner_id")
    }

    /// Returns the key, if it is the document of one.
    pub fn api_key(&self) -> Option<ApiKey> {
        match self.login() {
            Login::ApiKey => self.0.read::<String>("OPENAI_API_KEY").map(ApiKey::new),
            Login::Account(_) | Login::AccessToken(_) | Login::Foreign(_) => None,
        }
    }

    /// Returns the text of a file: two spaces of indent, no newline at the end.
    pub fn to_text(&self) -> String {
        self.laid_out(Layout::Pretty)
    }

    /// Returns the text of a keyring entry: one line.
    pub fn to_line(&self) -> String {
        self.laid_out(Layout::Line)
    }

    fn laid_out(&self, layout: Layout) -> String {
        layout.apply(&serde_json::to_string(&self.0).unwrap_or_default())
    }

    /// Returns what kind of login the document holds.
    pub fn login(&self) -> Login {
        // A document was read when it was parsed and changes only by well-formed tokens.
        self.read().unwrap_or_else(|_| Login::Foreign("unreadable".into()))
    }

    fn read(&self) -> Result<Login, InvalidAuthFile> {
        let mode = match self.0.raw("auth_mode") {
            None => self.guessed_mode().to_owned(),
            Some(_) => match self.0.read::<String>("auth_mode") {
                Some(mode) if MODES.contains(&mode.as_str()) => mode,
                _ => return Err(InvalidAuthFile::Member("auth_mode")),
            },
        };
        match mode.as_str() {
            "chatgpt" => Ok(Login::Account(Box::new(self.account()?))),
            "apikey" => match self.0.read::<String>("OPENAI_API_KEY") {
                Some(_) => Ok(Login::ApiKey),
                None => Err(InvalidAuthFile::Member("OPENAI_API_KEY")),
            },
            "personalAccessToken" => match self.0.read::<String>("personal_access_token") {
                Some(token) => Ok(Login::AccessToken(AccessToken::new(token))),
                None => Err(InvalidAuthFile::Member("personal_access_token")),
            },
            _ => Ok(Login::Foreign(mode)),
        }
    }

    /// The order in which the Codex CLI guesses when the file names no mode.
    fn guessed_mode(&self) -> &str {
        let has = |name: &str| self.0.raw(name).is_some();
        if has("personal_access_token") {
            "personalAccessToken"
        } else if has("bedrock_api_key") {
            "bedrockApiKey"
        } else if has("bedrock_access_keys") {
            "bedrockAccessKeys"
        } else if has("OPENAI_API_KEY") {
            "apikey"
        } else if has("agent_identity") {
            "agentIdentity"
        } else {
            "chatgpt"
        }
    }

    fn account(&self) -> Result<AccountTokens, InvalidAuthFile> {
        let tokens: Members = self.0.read("tokens").ok_or(InvalidAuthFile::Member("tokens"))?;
        let text = |name: &str| tokens.read::<String>(name);
        let refresh_token = text("refresh_token").ok_or(InvalidAuthFile::Member("tokens.refresh_token"))?;
        Ok(AccountTokens {
            access_token: AccessToken::new(
                text("access_token").ok_or(InvalidAuthFile::Member("tokens.access_token"))?,
            ),
            refresh_token: (!refresh_token.is_empty()).then(|| RefreshToken::new(refresh_token)),
            id_token: IdToken::new(text("id_token").ok_or(InvalidAuthFile::Member("tokens.id_token"))?),
            provenance: provenance(&tokens)?,
            account_id: text("account_id"),
            last_refresh: last_refresh(&self.0)?,
        })
    }
}

fn provenance(tokens: &Members) -> Result<Option<Provenance>, InvalidAuthFile> {
    const NAME: InvalidAuthFile = InvalidAuthFile::Member("tokens.oauth_provenance");
    if tokens.raw("oauth_provenance").is_none() {
        return Ok(None);
    }
    let value: Members = tokens.read("oauth_provenance").ok_or(NAME)?;
    let text = |name: &str| value.read::<String>(name).ok_or(NAME);
    let issuer = IssuerUrl::parse(&text("issuer")?).map_err(|_| NAME)?;
    Ok(Some(Provenance { issuer, client_id: ClientId::new(text("client_id")?) }))
}

fn last_refresh(file: &Members) -> Result<Option<Timestamp>, InvalidAuthFile> {
    const NAME: InvalidAuthFile = InvalidAuthFile::Member("last_refresh");
    if file.raw("last_refresh").is_none() {
        return Ok(None);
    }
    let moment: jiff::Timestamp =
        file.read::<String>("last_refresh").ok_or(NAME)?.parse().map_err(|_| NAME)?;
    Ok(Some(Timestamp::from_unix(moment.as_second())))
}

#[cfg(test)]
mod tests;

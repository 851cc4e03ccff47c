//! `auth.json`: the document that the Codex CLI and `keyfob` share.

use keyfob_oauth::{AccessToken, ClientId, IdToken, IssuerUrl, RefreshToken, Timestamp};
use serde_json::{Map, Value, json};

/// The document as it stands: known members are read through methods, unknown ones stay where they are.
#[derive(Clone, PartialEq)]
pub struct AuthFile(Map<String, Value>);

impl std::fmt::Debug for AuthFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

/// What kind of login a document holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// Tokens of an account.
    Account(Box<AccountTokens>),
    /// An API key.
    ApiKey,
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

impl AuthFile {
    /// Parses a document; its order and its unknown members are kept.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidAuthFile> {
        let file = serde_json::from_slice(bytes)
            .map(Self)
            .map_err(|error| InvalidAuthFile::NotJson { line: error.line(), column: error.column() })?;
        file.read()?;
        Ok(file)
    }

    /// Returns the document of a new account login, member for member as the Codex CLI writes it.
    pub fn of_account(tokens: &AccountTokens, login_owner_id: &str) -> Self {
        let mut file = Self(Map::new());
        file.0.insert("auth_mode".into(), json!("chatgpt"));
        file.0.insert("OPENAI_API_KEY".into(), Value::Null);
        let mut members = Map::new();
        members.insert("id_token".into(), json!(tokens.id_token.expose()));
        members.insert("access_token".into(), json!(tokens.access_token.expose()));
        let refresh_token = tokens.refresh_token.as_ref().map_or("", RefreshToken::expose);
        members.insert("refresh_token".into(), json!(refresh_token));
        if let Some(provenance) = &tokens.provenance {
            let issuer = provenance.issuer.as_str();
            members.insert(
                "oauth_provenance".into(),
                json!({ "issuer": issuer, "client_id": provenance.client_id.as_str() }),
            );
        }
        members.insert("login_owner_id".into(), json!(login_owner_id));
        members.insert("account_id".into(), json!(tokens.account_id));
        file.0.insert("tokens".into(), Value::Object(members));
        file
    }

    /// Puts refreshed tokens in the places of the old ones; every other member stays.
    pub fn replace_tokens(
        &mut self,
        access_token: &AccessToken,
        refresh_token: Option<&RefreshToken>,
        id_token: Option<&IdToken>,
    ) {
        let Some(Value::Object(tokens)) = self.0.get_mut("tokens") else { return };
        tokens.insert("access_token".into(), json!(access_token.expose()));
        if let Some(refresh_token) = refresh_token {
            tokens.insert("refresh_token".into(), json!(refresh_token.expose()));
        }
        if let Some(id_token) = id_token {
            tokens.insert("id_token".into(), json!(id_token.expose()));
        }
    }

    /// Notes when the tokens were written, RFC 3339 in UTC.
    pub fn set_last_refresh(&mut self, now: Timestamp) {
        if let Ok(moment) = jiff::Timestamp::from_second(now.as_unix()) {
            self.0.insert("last_refresh".into(), json!(moment.to_string()));
        }
    }

    /// Returns the random name of the login, which stays over refreshes.
    pub fn login_owner_id(&self) -> Option<&str> {
        self.0.get("tokens")?.get("login_owner_id")?.as_str()
    }

    /// Returns the bytes to store: two spaces of indent, no newline at the end.
    pub fn to_text(&self) -> String {
        serde_json::to_string_pretty(&self.0).unwrap_or_default()
    }

    /// Returns what kind of login the document holds.
    pub fn login(&self) -> Login {
        // A document was read when it was parsed and changes only by well-formed tokens.
        self.read().unwrap_or_else(|_| Login::Foreign("unreadable".into()))
    }

    fn read(&self) -> Result<Login, InvalidAuthFile> {
        let mode = match self.0.get("auth_mode") {
            None | Some(Value::Null) => self.guessed_mode(),
            Some(Value::String(mode)) if MODES.contains(&mode.as_str()) => mode,
            Some(_) => return Err(InvalidAuthFile::Member("auth_mode")),
        };
        match mode {
            "chatgpt" => Ok(Login::Account(Box::new(self.account()?))),
            "apikey" => match self.0.get("OPENAI_API_KEY") {
                Some(Value::String(_)) => Ok(Login::ApiKey),
                _ => Err(InvalidAuthFile::Member("OPENAI_API_KEY")),
            },
            other => Ok(Login::Foreign(other.to_owned())),
        }
    }

    /// The order in which the Codex CLI guesses when the file names no mode.
    fn guessed_mode(&self) -> &str {
        let has = |name: &str| self.0.get(name).is_some_and(|value| !value.is_null());
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
        let Some(Value::Object(tokens)) = self.0.get("tokens") else {
            return Err(InvalidAuthFile::Member("tokens"));
        };
        let text = |name: &str| tokens.get(name).and_then(Value::as_str);
        let refresh_token = text("refresh_token").ok_or(InvalidAuthFile::Member("tokens.refresh_token"))?;
        Ok(AccountTokens {
            access_token: AccessToken::new(
                text("access_token").ok_or(InvalidAuthFile::Member("tokens.access_token"))?,
            ),
            refresh_token: (!refresh_token.is_empty()).then(|| RefreshToken::new(refresh_token)),
            id_token: IdToken::new(text("id_token").ok_or(InvalidAuthFile::Member("tokens.id_token"))?),
            provenance: provenance(tokens.get("oauth_provenance"))?,
            account_id: text("account_id").map(str::to_owned),
            last_refresh: last_refresh(self.0.get("last_refresh"))?,
        })
    }
}

fn provenance(value: Option<&Value>) -> Result<Option<Provenance>, InvalidAuthFile> {
    const NAME: InvalidAuthFile = InvalidAuthFile::Member("tokens.oauth_provenance");
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(None) };
    let text = |name: &str| value.get(name).and_then(Value::as_str).ok_or(NAME);
    let issuer = IssuerUrl::parse(text("issuer")?).map_err(|_| NAME)?;
    Ok(Some(Provenance { issuer, client_id: ClientId::new(text("client_id")?) }))
}

fn last_refresh(value: Option<&Value>) -> Result<Option<Timestamp>, InvalidAuthFile> {
    const NAME: InvalidAuthFile = InvalidAuthFile::Member("last_refresh");
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(None) };
    let moment: jiff::Timestamp = value.as_str().ok_or(NAME)?.parse().map_err(|_| NAME)?;
    Ok(Some(Timestamp::from_unix(moment.as_second())))
}

#[cfg(test)]
mod tests;

//! Where a provider's credential is looked for, and which place decides.

use crate::why::Asked;
use keyfob_settings::{Precedence, Provider};

/// A place that can name the credential of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The variable `CODEX_API_KEY`.
    CodexApiKey,
    /// The variable `CODEX_ACCESS_TOKEN`.
    CodexAccessToken,
    /// The login in the store.
    StoredLogin,
    /// The variable that the provider names.
    EnvKey,
    /// The token in the configuration.
    BearerToken,
    /// The command that prints a token.
    Command,
    /// The key that is kept for this provider.
    KeptKey,
}

/// What a provider goes by: one of these, whatever else it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// A command prints its token.
    Command,
    /// A variable of its own holds its key.
    EnvKey,
    /// The configuration holds its token.
    BearerToken,
    /// The login, or what stands for it, goes to it.
    Login,
    /// It asks for nothing; a key that is kept for it goes to it.
    Open,
}

/// What is used for a provider.
pub type Decision = crate::why::Decision<Source>;

impl Source {
    /// Returns the name of the place.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CodexApiKey => "CODEX_API_KEY",
            Self::CodexAccessToken => "CODEX_ACCESS_TOKEN",
            Self::StoredLogin => "stored_login",
            Self::EnvKey => "env_key",
            Self::BearerToken => "experimental_bearer_token",
            Self::Command => "command",
            Self::KeptKey => "kept_key",
        }
    }
}

impl Way {
    /// Returns what `provider` goes by.
    ///
    /// Where it asks for the login, its `env_key` is passed over, as documented; the Codex CLI uses it all the same, and
    /// `precedence = "codex"` does too (design D2).
    pub const fn of(provider: &Provider, precedence: Precedence) -> Self {
        let login = provider.login.is_some();
        let env_key = provider.env_key.is_some();
        if provider.command.is_some() {
            return Self::Command;
        }
        match (precedence, env_key, provider.bearer_token.is_some(), login) {
            (Precedence::Codex, true, _, _) | (Precedence::Keyfob, true, _, false) => Self::EnvKey,
            (_, _, true, _) => Self::BearerToken,
            (_, _, false, true) => Self::Login,
            (_, false, false, false) => Self::Open,
        }
    }

    /// Returns the word for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::EnvKey => "env_key",
            Self::BearerToken => "bearer_token",
            Self::Login => "login",
            Self::Open => "open",
        }
    }

    /// Whether a request without a credential makes no sense: somebody has to sign in, or to set something.
    pub const fn needs_credential(self) -> bool {
        match self {
            Self::Command | Self::EnvKey | Self::BearerToken | Self::Login => true,
            Self::Open => false,
        }
    }

    /// Returns the places in the order in which they are looked at.
    pub const fn order(self, precedence: Precedence, asked: Asked) -> &'static [Source] {
        use Source::{BearerToken, CodexAccessToken, CodexApiKey, Command, EnvKey, KeptKey, StoredLogin};
        match (self, precedence, asked) {
            (Self::Command, ..) => &[Command],
            (Self::BearerToken, ..) => &[BearerToken],
            (Self::EnvKey, Precedence::Keyfob, _) => &[EnvKey, KeptKey],
            (Self::EnvKey, Precedence::Codex, _) => &[EnvKey],
            (Self::Login, _, Asked::Nothing) => &[CodexApiKey, CodexAccessToken, StoredLogin],
            (Self::Login, _, Asked::Login) => &[StoredLogin, CodexApiKey, CodexAccessToken],
            (Self::Open, Precedence::Keyfob, _) => &[KeptKey],
            // It keeps no keys of providers.
            (Self::Open, Precedence::Codex, _) => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Precedence::{Codex, Keyfob};
    use keyfob_settings::Settings;

    /// The provider with these keys.
    fn provider(keys: &str) -> Provider {
        let folder = tempfile::tempdir().unwrap();
        let shared = folder.path().join("config.toml");
        let text = format!("[model_providers.p]\nname = 'P'\n{keys}");
        std::fs::File::create(&shared)
            .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))
            .unwrap();
        let system = "/nowhere".into();
        let places = keyfob_settings::Places { system, shared, ..keyfob_settings::Places::default() };
        Settings::load(&places).unwrap().provider(Some("p")).unwrap()
    }

    #[test]
    fn s_22_d_02_env_key_is_passed_over_where_the_login_is_asked_for_unless_codex_is_reproduced() {
        const LOGIN: &str = "requires_openai_auth = true\n";
        const VARIABLE: &str = "env_key = 'K'\n";
        const TOKEN: &str = "experimental_bearer_token = 't'\n";
        const COMMAND: &str = "[model_providers.p.auth]\ncommand = 'c'\n";
        for (keys, keyfob, codex) in [
            (vec![], Way::Open, Way::Open),
            (vec![LOGIN], Way::Login, Way::Login),
            (vec![VARIABLE], Way::EnvKey, Way::EnvKey),
            (vec![TOKEN], Way::BearerToken, Way::BearerToken),
            (vec![COMMAND], Way::Command, Way::Command),
            (vec![LOGIN, VARIABLE], Way::Login, Way::EnvKey),
            (vec![LOGIN, TOKEN], Way::BearerToken, Way::BearerToken),
            (vec![VARIABLE, TOKEN], Way::EnvKey, Way::EnvKey),
            (vec![LOGIN, VARIABLE, TOKEN], Way::BearerToken, Way::EnvKey),
        ] {
            let provider = provider(&keys.concat());
            assert_eq!((Way::of(&provider, Keyfob), Way::of(&provider, Codex)), (keyfob, codex), "{keys:?}");
        }
    }

    #[test]
    fn p_42_what_needs_a_credential_is_said_by_the_provider_alone() {
        let needs = |provider: &Provider| Way::of(provider, Keyfob).needs_credential();
        let built_in = |id| Settings::default().provider(Some(id)).unwrap();

        assert!(needs(&built_in("openai")));
        assert!(!needs(&built_in("ollama")));
        assert!(!needs(&built_in("lmstudio")));
        assert!(!needs(&provider("base_url = 'https://p.test'\n")));
    }

    #[test]
    fn d_08_only_a_login_is_looked_for_where_the_codex_cli_looks() {
        use Source::{CodexAccessToken, CodexApiKey, EnvKey, KeptKey, StoredLogin};
        for precedence in [Keyfob, Codex] {
            let order = Way::Login.order(precedence, Asked::Nothing);
            assert_eq!(order, [CodexApiKey, CodexAccessToken, StoredLogin]);
        }
        assert_eq!(Way::EnvKey.order(Keyfob, Asked::Nothing), [EnvKey, KeptKey]);
        assert_eq!(Way::EnvKey.order(Codex, Asked::Nothing), [EnvKey]);
        assert_eq!(Way::Open.order(Keyfob, Asked::Nothing), [KeptKey]);
        assert_eq!(Way::Open.order(Codex, Asked::Nothing), []);
    }
}

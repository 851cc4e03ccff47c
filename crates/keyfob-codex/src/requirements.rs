//! What we read of the Codex CLI's `requirements.toml`, in which an administrator says what nobody may weaken.

use crate::config::{CredentialsStore, InvalidConfig, LoginMethod};
use crate::provider::ProviderTable;
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

/// The requirements that concern a login, each with its place in the text; every other key is the Codex CLI's business.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Requirements {
    /// How people may sign in.
    pub allowed_login_methods: Option<Spanned<Vec<LoginMethod>>>,
    /// In which workspaces accounts may be used; blanks name none.
    pub allowed_chatgpt_workspaces: Option<Spanned<Vec<String>>>,
    /// Where logins are kept.
    pub cli_auth_credentials_store: Option<Spanned<CredentialsStore>>,
    /// Where the Codex CLI sends the login of an account.
    pub chatgpt_base_url: Option<Spanned<String>>,
    /// Which provider of models is used.
    pub model_provider: Option<Spanned<String>>,
    /// What of providers nobody else may say.
    #[serde(default)]
    pub model_providers: BTreeMap<String, Spanned<ProviderTable>>,
    /// What concerns Keyfob alone.
    #[serde(default)]
    pub keyfob: OwnRequirements,
}

/// The table `[keyfob]`, which the Codex CLI passes over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnRequirements {
    /// The issuer at which accounts sign in.
    pub issuer: Option<Spanned<String>>,
    /// What happens in a job of a CI that outsiders can start.
    pub untrusted_ci: Option<Spanned<UntrustedCi>>,
}

/// What happens where a credential is about to be used in a job that outsiders can start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UntrustedCi {
    /// A warning is said.
    #[default]
    Warn,
    /// The credential is not used.
    Refuse,
}

impl Requirements {
    /// Reads the text of the file.
    pub fn parse(text: &str) -> Result<Self, InvalidConfig> {
        Ok(toml::from_str(text)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s_18_requirements_have_their_place_and_other_keys_are_left_alone() {
        let text = "allowed_approval_policies = [\"never\"]\nallowed_login_methods = [\"chatgpt\"]\n\
                    allowed_chatgpt_workspaces = [\"w-1\"]\n[keyfob]\nissuer = \"https://id.test\"\n";

        let requirements = Requirements::parse(text).unwrap();

        let methods = requirements.allowed_login_methods.unwrap();
        assert_eq!(text.get(methods.span()), Some("[\"chatgpt\"]"));
        assert_eq!(methods.into_inner(), [LoginMethod::Chatgpt]);
        assert_eq!(requirements.allowed_chatgpt_workspaces.unwrap().into_inner(), ["w-1"]);
        assert_eq!(requirements.keyfob.issuer.unwrap().into_inner(), "https://id.test");
        assert_eq!(requirements.cli_auth_credentials_store, None);
    }

    #[test]
    fn c_53_a_word_that_is_no_method_is_an_error() {
        let error = Requirements::parse("allowed_login_methods = [\"chatgpt\", \"sso\"]").unwrap_err();

        assert_eq!(error.message, "unknown variant `sso`, expected `chatgpt` or `api`");
        assert_eq!(error.span, 36..41);
    }
}

//! Tokens that were verified a moment ago.

use super::caller::Caller;
use keyfob_oauth::Timestamp;
use quick_cache::sync::Cache;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use std::time::Duration;

/// The SHA-256 of a whole token; a shorter key would let one token pass for another (security G-37).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TokenDigest([u8; 32]);

impl TokenDigest {
    pub(crate) fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }
}

/// How long a verdict is believed without another look.
const LONGEST: Duration = Duration::from_secs(30);
/// How many verdicts are kept; the least useful one goes first.
const MOST: usize = 16_384;

/// Callers by the digest of their token, each for at most 30 s and never past the token's own end.
#[derive(Debug)]
pub(crate) struct VerifiedTokens(Cache<TokenDigest, Entry>);

#[derive(Clone, Debug)]
struct Entry {
    caller: Arc<Caller>,
    until: Timestamp,
}

impl VerifiedTokens {
    pub(crate) fn new() -> Self {
        Self(Cache::new(MOST))
    }

    pub(crate) fn insert(&self, token: TokenDigest, caller: &Arc<Caller>, now: Timestamp) {
        let until = caller.expires.map_or(now.plus(LONGEST), |end| end.min(now.plus(LONGEST)));
        self.0.insert(token, Entry { caller: Arc::clone(caller), until });
    }

    pub(crate) fn find(&self, token: &TokenDigest, now: Timestamp) -> Option<Arc<Caller>> {
        self.0.get(token).filter(|entry| now < entry.until).map(|entry| entry.caller)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authenticate::CredentialKind;
    use crate::authenticate::caller::DataPolicy;
    use keyfob_oauth::{ClientId, Scope, Subject, WorkspaceId};

    fn caller(expires: i64) -> Arc<Caller> {
        Arc::new(Caller {
            subject: Subject::new("u-1"),
            workspace: WorkspaceId::new("w-1"),
            scope: Scope::default(),
            credential: CredentialKind::AccessToken { client: ClientId::new("app"), session: None },
            data: DataPolicy::default(),
            models: None,
            issued: Timestamp::from_unix(0),
            expires: Some(Timestamp::from_unix(expires)),
        })
    }

    #[test]
    fn g_37_a_verdict_lives_30_seconds_and_never_past_its_token() {
        let tokens = VerifiedTokens::new();
        let (long, short) = (TokenDigest::of("long"), TokenDigest::of("short"));
        let at = Timestamp::from_unix;

        tokens.insert(long, &caller(9_999), at(1_000));
        tokens.insert(short, &caller(1_005), at(1_000));

        assert_eq!(tokens.find(&long, at(1_029)), Some(caller(9_999)));
        assert_eq!(tokens.find(&long, at(1_030)), None);
        assert_eq!(tokens.find(&short, at(1_004)), Some(caller(1_005)));
        assert_eq!(tokens.find(&short, at(1_005)), None);
    }

    #[test]
    fn g_37_tokens_with_the_same_long_prefix_are_two_tokens() {
        let prefix = "x".repeat(500);
        let tokens = VerifiedTokens::new();
        tokens.insert(TokenDigest::of(&format!("{prefix}a")), &caller(9_999), Timestamp::from_unix(0));

        assert_eq!(tokens.find(&TokenDigest::of(&format!("{prefix}b")), Timestamp::from_unix(0)), None);
    }
}

//! Whether an access token can be used now or should be refreshed first.

use crate::clock_skew::{Moment, is_before};
use crate::store::Digest;
use keyfob_codex::auth_file::AccountTokens;
use keyfob_jose::Lifetime;
use keyfob_oauth::{AccessToken, Entropy, EntropyError};
use std::time::Duration;

/// How much earlier or later than the exact moment this process refreshes, so that many do not at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jitter {
    /// Tenths of a percent around 100 %.
    permille: u32,
}

impl Jitter {
    /// Exactly on time.
    pub const NONE: Self = Self { permille: 1000 };

    /// Draws between 10 % early and 10 % late.
    pub fn draw(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        let [low, high] = entropy.bytes::<2>()?;
        Ok(Self { permille: 900 + u32::from(u16::from_be_bytes([low, high])) % 201 })
    }
}

/// What a caller needs of an access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// That it works; it is refreshed a while before it ends.
    Usable(Jitter),
    /// That it works for at least this long.
    Life(Duration),
    /// That the issuer has just given it, as proof that the session is alive.
    New,
    /// That what is stored is what the issuer gave this home, and nobody has changed it since.
    Vouched,
    /// That it is not the one with this digest, which a server refused: one that another process stored meanwhile will do.
    InPlaceOf(Digest),
}

impl Need {
    /// Wants another one than `refused`.
    pub fn in_place_of(refused: &AccessToken) -> Self {
        Self::InPlaceOf(Digest::of(refused.expose().as_bytes()))
    }

    /// Says the same of `token` alone.
    fn of_token(self, token: &AccessToken) -> Self {
        match self {
            Self::InPlaceOf(refused) if Digest::of(token.expose().as_bytes()) == refused => Self::New,
            Self::InPlaceOf(_) => Self::Life(Duration::ZERO),
            Self::Usable(_) | Self::Life(_) | Self::New | Self::Vouched => self,
        }
    }

    /// Whether nothing but an answer of the issuer will do.
    fn wants_an_answer(self) -> bool {
        matches!(self, Self::New | Self::Vouched)
    }
}

/// How near an access token is to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// Use it.
    Fresh,
    /// Usable, and time to refresh.
    ExpiresSoon,
    /// Not usable.
    Expired,
}

/// We refresh before the Codex CLI does, which is at 5 minutes (design D6).
const LONGEST_LEEWAY: Duration = Duration::from_mins(10);
/// A token that names no expiry is refreshed when this old, as the Codex CLI does.
const OPAQUE_LIFE: Duration = Duration::from_hours(192);

impl Freshness {
    /// Judges the access token of `tokens` at `moment` for what is needed of it.
    pub(crate) fn of(tokens: &AccountTokens, moment: Moment, need: Need) -> Self {
        let now = moment.now;
        let need = need.of_token(&tokens.access_token);
        let Some(lifetime) = Lifetime::read_unverified(tokens.access_token.expose()) else {
            return match tokens.last_refresh {
                Some(written) if now.since(written) < OPAQUE_LIFE && !need.wants_an_answer() => Self::Fresh,
                _ => Self::ExpiresSoon,
            };
        };
        let Some(expires) = lifetime.expires else {
            return if need.wants_an_answer() { Self::ExpiresSoon } else { Self::Fresh };
        };
        let made = lifetime.issued;
        let now = moment.for_token_of(made);
        if now >= expires {
            return Self::Expired;
        }
        // The clock is wrong by an unknown amount: the token may be good, and a refresh tells.
        if made.is_some_and(|made| is_before(now, made)) {
            return Self::ExpiresSoon;
        }
        let leeway = match need {
            Need::Usable(jitter) => {
                let life = made.map_or(LONGEST_LEEWAY, |issued| expires.since(issued));
                (life * 6 / 10).min(LONGEST_LEEWAY) * jitter.permille / 1000
            }
            Need::Life(least) => least,
            Need::New | Need::Vouched | Need::InPlaceOf(_) => return Self::ExpiresSoon,
        };
        if now.plus(leeway) >= expires { Self::ExpiresSoon } else { Self::Fresh }
    }

    /// Whether the access token has time left at all.
    pub(crate) fn is_usable(tokens: &AccountTokens, moment: Moment) -> bool {
        Self::of(tokens, moment, Need::Life(Duration::ZERO)) != Self::Expired
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyfob_jose::{SigningKey, TokenType};
    use keyfob_oauth::{IdToken, Timestamp};
    use serde_json::json;

    fn tokens(access_token: &str, written: i64) -> AccountTokens {
        AccountTokens {
            access_token: AccessToken::new(access_token),
            refresh_token: None,
            id_token: IdToken::new("i"),
            provenance: None,
            account_id: None,
            last_refresh: Some(Timestamp::from_unix(written)),
        }
    }

    #[test]
    fn s_12_a_token_is_refreshed_before_it_ends() {
        let key = SigningKey::generate().unwrap();
        let judge = |issued: i64, expires: i64, now: i64| {
            let claims = json!({ "iat": issued, "exp": expires });
            let token = key.sign(TokenType::AccessToken, &claims).unwrap();
            Freshness::of(&tokens(&token, 0), Timestamp::from_unix(now).into(), Need::Usable(Jitter::NONE))
        };

        assert_eq!(judge(0, 3600, 2999), Freshness::Fresh);
        assert_eq!(judge(0, 3600, 3000), Freshness::ExpiresSoon, "ten minutes before the end of an hour");
        assert_eq!(judge(0, 600, 239), Freshness::Fresh);
        assert_eq!(judge(0, 600, 240), Freshness::ExpiresSoon, "at 60 % of a short life");
        assert_eq!(judge(0, 600, 600), Freshness::Expired);
    }

    #[test]
    fn an_opaque_token_is_refreshed_when_it_is_eight_days_old() {
        let judge = |now: i64| {
            Freshness::of(&tokens("opaque", 0), Timestamp::from_unix(now).into(), Need::Usable(Jitter::NONE))
        };

        assert_eq!(judge(691_199), Freshness::Fresh);
        assert_eq!(judge(691_200), Freshness::ExpiresSoon);
    }

    #[test]
    fn g_31_what_a_server_refused_is_not_fresh_and_what_came_after_it_is() {
        let key = SigningKey::generate().unwrap();
        let claims = json!({ "iat": 0, "exp": 3600 });
        let token = key.sign(TokenType::AccessToken, &claims).unwrap();
        let judge = |refused: &str, now: i64| {
            let need = Need::in_place_of(&AccessToken::new(refused));
            Freshness::of(&tokens(&token, 0), Timestamp::from_unix(now).into(), need)
        };

        assert_eq!(judge(&token, 1), Freshness::ExpiresSoon);
        assert_eq!(judge("another", 1), Freshness::Fresh);
        assert_eq!(judge("another", 3600), Freshness::Expired);
    }

    #[test]
    fn jitter_stays_within_ten_percent() {
        #[derive(Debug)]
        struct Fixed(u8);
        impl Entropy for Fixed {
            fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
                bytes.fill(self.0);
                Ok(())
            }
        }
        for byte in 0..=255 {
            let drawn = Jitter::draw(&Fixed(byte)).unwrap();
            assert!((900..=1100).contains(&drawn.permille), "{drawn:?}");
        }
    }
}

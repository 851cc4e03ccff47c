//! Which credential is used for the built-in provider, and why (design D8).

use std::ffi::OsStr;

/// A place that can name the credential, in the order in which they are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The variable `CODEX_API_KEY`.
    CodexApiKey,
    /// The variable `CODEX_ACCESS_TOKEN`.
    CodexAccessToken,
    /// The login in the store.
    StoredLogin,
}

/// What was found in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Absent,
    /// A credential that can be tried.
    Present,
    /// Something that cannot be used.
    Flawed(Flaw),
}

/// What is wrong with a credential; nothing of its text is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// The variable is set to nothing.
    #[error("it is set and empty")]
    Empty,
    /// It begins or ends with a space or a line end.
    #[error("it begins or ends with white space")]
    SurroundingSpace,
    /// It holds a character that no credential has.
    #[error("it holds characters that no credential has")]
    Characters,
    /// It is longer than any credential.
    #[error("it is longer than any credential (8 KiB)")]
    TooLong,
    /// It is neither a personal access token nor a JWT.
    #[error("it is neither a personal access token (`at-…`) nor a JWT")]
    NotAToken,
    /// The store cannot be read.
    #[error("the store cannot be read")]
    Unreadable,
    /// It is a login of a kind that is shown and not used.
    #[error("it is a login of a kind that is not used")]
    Foreign,
}

/// What the command was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Nothing: the places decide.
    Nothing,
    /// To use a login that it names: then nothing else is used.
    Login,
}

/// What each place holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// What the command was told.
    pub asked: Asked,
    /// What `CODEX_API_KEY` holds.
    pub codex_api_key: Found,
    /// What `CODEX_ACCESS_TOKEN` holds.
    pub codex_access_token: Found,
    /// What the store holds.
    pub stored_login: Found,
}

/// What is used, of places that an `S` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision<S = Source> {
    /// The credential of this place; those of later places are shadowed.
    Uses(S),
    /// Nothing: this place comes first and cannot be used. Later ones are never fallen back to.
    Refuses(S, Flaw),
    /// Nothing: every place is empty.
    Nothing,
}

const LONGEST: usize = 8 * 1024;

impl Source {
    /// Returns the name of the place.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CodexApiKey => "CODEX_API_KEY",
            Self::CodexAccessToken => "CODEX_ACCESS_TOKEN",
            Self::StoredLogin => "stored_login",
        }
    }
}

impl Found {
    /// Judges the value of a variable that holds an API key.
    pub fn api_key(value: Option<&OsStr>) -> Self {
        value.map_or(Self::Absent, |value| visible(value).map_or_else(Self::Flawed, |_| Self::Present))
    }

    /// Judges the value of a variable that holds an access token.
    pub fn access_token(value: Option<&OsStr>) -> Self {
        let Some(value) = value else { return Self::Absent };
        match visible(value) {
            Ok(text) if text.starts_with("at-") || text.split('.').count() == 3 => Self::Present,
            Ok(_) => Self::Flawed(Flaw::NotAToken),
            Err(flaw) => Self::Flawed(flaw),
        }
    }
}

/// Returns the text of a credential: visible ASCII, as a header can carry it (security C-29).
pub(crate) fn visible(value: &OsStr) -> Result<&str, Flaw> {
    let text = value.to_str().ok_or(Flaw::Characters)?;
    if text.is_empty() {
        Err(Flaw::Empty)
    } else if text.trim() != text {
        Err(Flaw::SurroundingSpace)
    } else if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Err(Flaw::Characters)
    } else if text.len() > LONGEST {
        Err(Flaw::TooLong)
    } else {
        Ok(text)
    }
}

impl Places {
    /// Returns what `source` holds.
    pub const fn found(&self, source: Source) -> Found {
        match source {
            Source::CodexApiKey => self.codex_api_key,
            Source::CodexAccessToken => self.codex_access_token,
            Source::StoredLogin => self.stored_login,
        }
    }

    /// Returns every place, in the order in which they are looked at.
    pub const fn order(self) -> [Source; 3] {
        match self.asked {
            Asked::Nothing => [Source::CodexApiKey, Source::CodexAccessToken, Source::StoredLogin],
            Asked::Login => [Source::StoredLogin, Source::CodexApiKey, Source::CodexAccessToken],
        }
    }

    /// Returns the place that decides: the first that is not empty, or the one that was asked for, whatever it holds.
    fn first(self) -> Option<Source> {
        match self.asked {
            Asked::Nothing => self.order().into_iter().find(|source| self.found(*source) != Found::Absent),
            Asked::Login => Some(Source::StoredLogin),
        }
    }

    /// Decides; a place that comes first and cannot be used is not passed over.
    pub fn decide(self) -> Decision {
        match self.first().map(|source| (source, self.found(source))) {
            Some((source, Found::Present)) => Decision::Uses(source),
            Some((source, Found::Flawed(flaw))) => Decision::Refuses(source, flaw),
            Some((_, Found::Absent)) | None => Decision::Nothing,
        }
    }

    /// Returns the places that hold something and come after the one that decides.
    pub fn shadowed(self) -> Vec<Source> {
        let first = self.first();
        let others = self.order().into_iter().filter(|source| Some(*source) != first);
        others.filter(|source| self.found(*source) != Found::Absent).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Decision::{Nothing, Refuses, Uses};
    use Source::{CodexAccessToken, CodexApiKey, StoredLogin};

    const NO: Found = Found::Absent;
    const YES: Found = Found::Present;
    const BAD: Found = Found::Flawed(Flaw::Empty);

    #[test]
    fn d_08_the_first_place_that_is_set_decides_and_nothing_falls_through() {
        let refuses = |source| Refuses(source, Flaw::Empty);
        for (codex_api_key, codex_access_token, stored_login, decision) in [
            (NO, NO, NO, Nothing),
            (NO, NO, YES, Uses(StoredLogin)),
            (NO, NO, BAD, refuses(StoredLogin)),
            (NO, YES, NO, Uses(CodexAccessToken)),
            (NO, YES, YES, Uses(CodexAccessToken)),
            (NO, YES, BAD, Uses(CodexAccessToken)),
            (NO, BAD, NO, refuses(CodexAccessToken)),
            (NO, BAD, YES, refuses(CodexAccessToken)),
            (YES, NO, YES, Uses(CodexApiKey)),
            (YES, YES, YES, Uses(CodexApiKey)),
            (YES, BAD, BAD, Uses(CodexApiKey)),
            (BAD, NO, NO, refuses(CodexApiKey)),
            (BAD, YES, YES, refuses(CodexApiKey)),
        ] {
            let places = Places { asked: Asked::Nothing, codex_api_key, codex_access_token, stored_login };
            assert_eq!(places.decide(), decision, "{places:?}");
        }
    }

    #[test]
    fn what_comes_after_the_one_that_is_used_is_shadowed() {
        let places =
            Places { asked: Asked::Nothing, codex_api_key: YES, codex_access_token: NO, stored_login: YES };
        assert_eq!(places.shadowed(), [StoredLogin]);
        let places =
            Places { asked: Asked::Nothing, codex_api_key: NO, codex_access_token: NO, stored_login: YES };
        assert_eq!(places.shadowed(), []);
    }

    #[test]
    fn d_08_a_login_that_is_named_comes_before_every_variable_and_has_no_substitute() {
        for (stored_login, decision) in
            [(YES, Uses(StoredLogin)), (BAD, Refuses(StoredLogin, Flaw::Empty)), (NO, Nothing)]
        {
            let places =
                Places { asked: Asked::Login, codex_api_key: YES, codex_access_token: BAD, stored_login };
            assert_eq!(places.decide(), decision);
            assert_eq!(places.shadowed(), [CodexApiKey, CodexAccessToken]);
            assert_eq!(places.order(), [StoredLogin, CodexApiKey, CodexAccessToken]);
        }
    }

    #[test]
    fn d_08_a_variable_that_is_set_and_wrong_is_flawed_and_not_absent() {
        let key = |text: &str| Found::api_key(Some(OsStr::new(text)));
        let token = |text: &str| Found::access_token(Some(OsStr::new(text)));
        let long = "k".repeat(LONGEST + 1);

        assert_eq!(Found::api_key(None), Found::Absent);
        for (text, found) in [
            ("sk-1", Found::Present),
            ("", Found::Flawed(Flaw::Empty)),
            (" sk-1", Found::Flawed(Flaw::SurroundingSpace)),
            ("sk-1\n", Found::Flawed(Flaw::SurroundingSpace)),
            ("sk 1", Found::Flawed(Flaw::Characters)),
            ("sk-ä", Found::Flawed(Flaw::Characters)),
            (&long, Found::Flawed(Flaw::TooLong)),
        ] {
            assert_eq!(key(text), found, "{text}");
        }
        assert_eq!(token("at-1"), Found::Present);
        assert_eq!(token("e30.e30.sig"), Found::Present);
        assert_eq!(token("sk-1"), Found::Flawed(Flaw::NotAToken));
        assert_eq!(token(""), Found::Flawed(Flaw::Empty));
    }
}

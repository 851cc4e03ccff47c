//! What a login is called.

/// The name of a login that is kept beside the shared one; it is also the name of its folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LoginName(String);

/// Which login of a home.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Which {
    /// The one that the Codex CLI uses too.
    Shared,
    /// One that is kept beside it.
    Beside(LoginName),
}

/// A text is not the name of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLoginName {
    /// It is empty.
    #[error("a login's name is not empty")]
    Empty,
    /// It is too long.
    #[error("a login's name has at most {LONGEST} characters")]
    TooLong,
    /// It begins with something else than a letter or digit.
    #[error("a login's name begins with a lower-case letter or a digit")]
    Beginning,
    /// It has a character that names do not have.
    #[error("a login's name has lower-case letters, digits and `.`, `_`, `@`, `+`, `-` only")]
    Character,
    /// It is the name of the shared login.
    #[error("`{SHARED}` is the name of the login that is shared with the Codex CLI")]
    Reserved,
}

/// What the shared login is called.
const SHARED: &str = "shared";
const LONGEST: usize = 64;

impl LoginName {
    /// Checks a name.
    pub fn parse(text: &str) -> Result<Self, InvalidLoginName> {
        match text.chars().next() {
            None => Err(InvalidLoginName::Empty),
            Some(_) if text.len() > LONGEST => Err(InvalidLoginName::TooLong),
            Some(first) if !may_begin(first) => Err(InvalidLoginName::Beginning),
            Some(_) if !text.chars().all(may_have) => Err(InvalidLoginName::Character),
            Some(_) if text == SHARED => Err(InvalidLoginName::Reserved),
            Some(_) => Ok(Self(text.to_owned())),
        }
    }

    /// Makes a name of a text for people, as far as that can be in a name.
    pub fn derived(text: &str) -> Self {
        let text = text.to_ascii_lowercase();
        let kept = text.chars().skip_while(|c| !may_begin(*c));
        let name: String = kept.map(|c| if may_have(c) { c } else { '-' }).take(LONGEST).collect();
        Self::parse(&name).unwrap_or_else(|_| Self("login".into()))
    }

    /// Returns the name with a number, for another login that would be called the same.
    #[must_use]
    pub fn numbered(&self, number: u32) -> Self {
        let number = format!("-{number}");
        let mut name = self.0.clone();
        // Names are ASCII, so every place is between two characters.
        name.truncate(LONGEST - number.len());
        Self(name + &number)
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn may_begin(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

fn may_have(c: char) -> bool {
    may_begin(c) || matches!(c, '.' | '_' | '@' | '+' | '-')
}

impl std::fmt::Display for LoginName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Which {
    /// Checks a name; `shared` is the shared login's.
    pub fn parse(text: &str) -> Result<Self, InvalidLoginName> {
        match text {
            SHARED => Ok(Self::Shared),
            _ => LoginName::parse(text).map(Self::Beside),
        }
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Shared => SHARED,
            Self::Beside(name) => name.as_str(),
        }
    }
}

impl std::fmt::Display for Which {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_folder_and_never_an_option_or_a_way_out() {
        let long = "n".repeat(LONGEST + 1);
        for (text, refused) in [
            ("", InvalidLoginName::Empty),
            (&long, InvalidLoginName::TooLong),
            ("..", InvalidLoginName::Beginning),
            (".hidden", InvalidLoginName::Beginning),
            ("-x", InvalidLoginName::Beginning),
            ("Work", InvalidLoginName::Beginning),
            ("/etc", InvalidLoginName::Beginning),
            ("a/../b", InvalidLoginName::Character),
            ("a b", InvalidLoginName::Character),
            ("a\u{1b}[31m", InvalidLoginName::Character),
            ("wOrk", InvalidLoginName::Character),
            ("büro", InvalidLoginName::Character),
            ("shared", InvalidLoginName::Reserved),
        ] {
            assert_eq!(LoginName::parse(text), Err(refused), "{text}");
        }
        for text in ["work", "0", "mia@example.org", "a..b", "mia+x_y-2"] {
            assert_eq!(LoginName::parse(text).map(|name| name.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn the_shared_login_has_a_name_of_its_own() {
        assert_eq!(Which::parse("shared"), Ok(Which::Shared));
        assert_eq!(Which::parse("work").map(|which| which.to_string()), Ok("work".to_owned()));
        assert_eq!(Which::parse("../x"), Err(InvalidLoginName::Beginning));
    }

    #[test]
    fn a_name_is_made_of_what_a_person_is_called() {
        let derived = |text: &str| LoginName::derived(text).to_string();

        assert_eq!(derived("Mia.Muster@Example.org"), "mia.muster@example.org");
        assert_eq!(derived("../\"Mia\" <m>"), "mia---m-");
        assert_eq!(derived(&"x".repeat(200)), "x".repeat(LONGEST));
        assert_eq!([derived("…"), derived(""), derived("shared")], ["login"; 3]);
    }

    #[test]
    fn a_number_always_makes_another_name() {
        let longest = LoginName::derived(&"x".repeat(200));

        assert_eq!(LoginName::derived("mia").numbered(2).as_str(), "mia-2");
        assert_eq!(longest.numbered(12).as_str(), format!("{}-12", "x".repeat(LONGEST - 3)));
    }
}

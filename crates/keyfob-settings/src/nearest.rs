//! The known word that somebody may have meant.

/// Returns the nearest of `known`, if one is near.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    within((word.chars().count() / 3).max(1), word, known)
}

/// As [`nearest`], where words that are not known may well be right.
pub(crate) fn slip<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const MOST: usize = 3;
    within((word.chars().count() / 4).clamp(1, MOST), word, known)
}

fn within<'a>(far: usize, word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = known.into_iter().map(|known| (strsim::damerau_levenshtein(word, known), known));
    near.filter(|(distance, _)| *distance <= far)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Returns what to do about the message of a parser that names what it does not know and what it does.
pub(crate) fn to_unknown(message: &str) -> Option<String> {
    let (unknown, rest) = unknown(message)?;
    let known = rest.split('`').skip(1).step_by(2);
    nearest(unknown, known).map(|known| format!("did you mean `{known}`?"))
}

/// Returns what a parser does not know, and what it says then.
pub(crate) fn unknown(message: &str) -> Option<(&str, &str)> {
    let rest =
        message.strip_prefix("unknown field `").or_else(|| message.strip_prefix("unknown variant `"))?;
    rest.split_once('`')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_near_and_another_word_is_not() {
        let known = ["issuer", "default_login", "login_rule"];

        assert_eq!(nearest("isuer", known), Some("issuer"));
        assert_eq!(nearest("defaultlogin", known), Some("default_login"));
        assert_eq!(nearest("sandbox", known), None);
        assert_eq!(nearest("", known), None);
    }

    #[test]
    fn what_the_parser_expected_is_searched() {
        let help = |message| to_unknown(message);

        assert_eq!(
            help("unknown variant `fil`, expected one of `file`, `keyring`"),
            Some("did you mean `file`?".into())
        );
        assert_eq!(help("unknown field `isuer`, expected `issuer`"), Some("did you mean `issuer`?".into()));
        assert_eq!(help("unknown field `zzz`, expected `issuer`"), None);
        assert_eq!(help("expected a value"), None);
    }
}

use super::*;

#[derive(Debug)]
struct Fixed(u8);

impl Entropy for Fixed {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        bytes.fill(self.0);
        Ok(())
    }
}

#[test]
fn i_29_a_key_names_its_kind_and_carries_a_checksum_that_scanners_can_verify() {
    for (kind, text) in [
        (KeyKind::Personal, "at-BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc804d06bc"),
        (KeyKind::Api, "sk-kf-BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc9b9583b4"),
    ] {
        let made = KeySecret::generate(kind, &Fixed(7)).unwrap();

        assert_eq!(made.expose(), text);
        assert_eq!(KeySecret::parse(text), Some((kind, made)));
    }
}

#[test]
fn what_is_mistyped_cut_or_of_another_kind_is_no_key() {
    let key = KeySecret::generate(KeyKind::Personal, &Fixed(7)).unwrap();
    let text = key.expose();
    let others = [
        text.replacen('B', "C", 1),
        text.replacen("at-", "sk-kf-", 1),
        text.get(1..).unwrap().to_owned(),
        text.get(..text.len() - 1).unwrap().to_owned(),
        format!("{text}0"),
        format!("{text} "),
        text.to_uppercase(),
        "at-".to_owned(),
        "at-ü".repeat(13),
        String::new(),
    ];

    for other in others {
        assert_eq!(KeySecret::parse(&other), None, "{other}");
    }
    assert_eq!(key.ending(), text.get(text.len() - 4..).unwrap());
}

#[test]
fn s_03_no_api_key_carries_a_word_that_needs_a_person() {
    let scope = Scope::parse("openid profile email offline_access api.connectors.read cloud").unwrap();

    let narrow = |kind: KeyKind| kind.narrow(&scope).to_string();

    assert_eq!(narrow(KeyKind::Personal), "profile email api.connectors.read cloud");
    assert_eq!(narrow(KeyKind::Api), "api.connectors.read");
}

#[test]
fn a_personal_access_token_always_ends_and_no_key_lives_longer_than_a_year() {
    let days = |days: u64| Duration::from_secs(days * 24 * 3600);

    assert_eq!(KeyKind::Personal.life(None), Ok(Some(days(30))));
    assert_eq!(KeyKind::Personal.life(Some(days(365))), Ok(Some(days(365))));
    assert_eq!(KeyKind::Api.life(None), Ok(None));
    for kind in KeyKind::ALL {
        assert_eq!(kind.life(Some(days(366))), Err(LifeTooLong));
    }
}

#[test]
fn labels_are_cleaned_and_lists_of_models_have_limits() {
    assert_eq!(KeyLabel::parse(" ci\u{202e} \u{7}").unwrap().as_str(), "ci");
    assert_eq!(KeyLabel::parse("\u{1b} "), None);
    assert_eq!(Models::parse(" "), Some(Models::All));
    assert_eq!(Models::parse("a  b"), Some(Models::Only(vec!["a".into(), "b".into()])));
    assert_eq!(Models::parse(&"m ".repeat(51)), None);
    assert_eq!(Models::parse(&"m".repeat(101)), None);
    assert_eq!(Models::parse("modèle"), None);
}

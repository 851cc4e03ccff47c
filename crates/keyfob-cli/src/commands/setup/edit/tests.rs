use super::super::provider::{Credential, Native};
use super::*;
use crate::args::NativeStore;

fn id(name: &str) -> ProviderId {
    ProviderId::parse(name).unwrap()
}

fn exported(name: &str) -> Wanted {
    let credential = Credential::Exported {
        command: "/usr/bin/keyfob".into(),
        arguments: ["token", "--issuer", "https://id.test"].map(str::to_owned).to_vec(),
    };
    let provider = Provider {
        id: id(name),
        name: "gateway.test".into(),
        base_url: "https://gateway.test/v1".into(),
        credential,
    };
    Wanted { provider, settings: Vec::new() }
}

fn native(name: &str) -> Wanted {
    let mut wanted = exported(name);
    wanted.provider.credential = Credential::Native(Native {
        authorization_url: "https://id.test/authorize".into(),
        device_authorization_url: Some("https://id.test/device".into()),
        token_url: "https://id.test/token".into(),
        client_id: "codex-gateway".into(),
        resource: None,
        store: NativeStore::File,
    });
    wanted
}

fn as_default(mut wanted: Wanted) -> Wanted {
    wanted.settings.push((Setting::ModelProvider, wanted.provider.id.to_string()));
    wanted.settings.push((Setting::Model, "m-1".into()));
    wanted
}

/// What the files hold.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Held(Option<String>, Option<Record>);

impl Held {
    fn of(text: &str) -> Self {
        Self(Some(text.to_owned()), None)
    }

    fn and(self, wanted: &Wanted) -> Self {
        let new = apply(self.text(), wanted, self.1.as_ref(), Occupied::Replace).unwrap();
        if self.0.as_ref() == Some(&new) {
            return self;
        }
        let record = Record::after(self.1.as_ref(), self.0.as_deref(), wanted, &new).unwrap();
        Self(Some(new), Some(record))
    }

    fn edited(mut self, from: &str, to: &str) -> Self {
        assert!(self.text().contains(from), "{}", self.text());
        self.0 = self.0.map(|text| text.replacen(from, to, 1));
        self
    }

    fn undone(&self) -> Option<String> {
        self.1.as_ref().unwrap().without(self.0.as_deref()).unwrap()
    }

    fn text(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }
}

const EXPORTED: &str = r#"[model_providers.keyfob]
name = "gateway.test"
base_url = "https://gateway.test/v1"
wire_api = "responses"
supports_websockets = false
gateway_oauth = { credential_export = { command = "/usr/bin/keyfob", args = ["token", "--issuer", "https://id.test"] } }
"#;

const NATIVE: &str = r#"[model_providers.keyfob]
name = "gateway.test"
base_url = "https://gateway.test/v1"
wire_api = "responses"
supports_websockets = false

[model_providers.keyfob.gateway_oauth]
authorization_url = "https://id.test/authorize"
device_authorization_url = "https://id.test/device"
token_url = "https://id.test/token"
client_id = "codex-gateway"
scopes = ["openid", "offline_access"]
credentials_store = "file"
"#;

/// Texts that are odd in some way, each followed by what it is with our provider.
fn odd() -> Vec<(&'static str, String)> {
    vec![
        ("", EXPORTED.to_owned()),
        ("model = 'x' # mine", format!("model = 'x' # mine\n\n{EXPORTED}")),
        ("# first\n\n[a]\nb = 1\n# last\n", format!("# first\n\n[a]\nb = 1\n# last\n\n{EXPORTED}")),
        (
            "[model_providers.other] # theirs\nname = \"o\"\n\n[z]\nb=1\n",
            format!("[model_providers.other] # theirs\nname = \"o\"\n\n{EXPORTED}\n[z]\nb=1\n"),
        ),
        ("model_providers.other.name = \"o\"\n", format!("model_providers.other.name = \"o\"\n\n{EXPORTED}")),
        ("[[a]]\nb=1\n[[a]]\nb=2\n", format!("[[a]]\nb=1\n[[a]]\nb=2\n\n{EXPORTED}")),
    ]
}

#[test]
fn s_23_what_is_there_stays_and_the_provider_follows_it() {
    for (text, whole) in odd() {
        let held = Held::of(text).and(&exported("keyfob"));

        assert_eq!(held.text(), whole);
    }
    assert_eq!(Held::of("").and(&native("keyfob")).text(), NATIVE);
}

#[test]
fn s_23_undoing_returns_the_text_byte_for_byte() {
    for (text, _) in odd() {
        for steps in [
            vec![exported("keyfob")],
            vec![as_default(native("keyfob"))],
            vec![exported("keyfob"), as_default(native("keyfob")), as_default(exported("other"))],
        ] {
            let held = steps.iter().fold(Held::of(text), Held::and);

            assert_eq!(held.undone().as_deref(), Some(text), "{steps:?}");
        }
    }
    assert_eq!(
        Held(None, None).and(&exported("keyfob")).undone(),
        None,
        "where there was no file there is none"
    );
}

#[test]
fn s_23_a_second_time_changes_nothing() {
    for (text, _) in odd() {
        for wanted in [exported("keyfob"), native("keyfob"), as_default(native("other"))] {
            let once = Held::of(text).and(&wanted);

            assert_eq!(once.clone().and(&wanted), once);
        }
    }
}

#[test]
fn s_23_a_text_that_was_laid_out_otherwise_and_says_the_same_stays() {
    let held = Held::of(
        "[model_providers]\nkeyfob.supports_websockets = false\n[model_providers . keyfob]\nwire_api = 'responses'\n",
    );
    assert!(apply(held.text(), &exported("keyfob"), None, Occupied::Keep).is_err(), "it is no TOML");

    // Written anew, it would end with a line break.
    let text = EXPORTED.trim_end().replace('"', "'").replace(" = ", "=");

    assert_eq!(apply(&text, &exported("keyfob"), None, Occupied::Keep).unwrap(), text);
}

#[test]
fn s_23_the_kind_of_sign_in_and_the_gateway_can_be_changed() {
    let held = Held::of("").and(&exported("keyfob"));
    let mut elsewhere = native("keyfob");
    elsewhere.provider.base_url = "https://elsewhere.test/v1".into();

    let changed = held.and(&elsewhere);
    let back = changed.clone().and(&exported("keyfob"));

    assert_eq!(changed.text(), NATIVE.replace("https://gateway.test/v1", "https://elsewhere.test/v1"));
    assert_eq!(back.text(), EXPORTED);
}

#[test]
fn s_23_what_a_person_added_to_the_provider_stays_when_it_is_set_up_again() {
    let added = "supports_websockets = false\nstream_max_retries = 2 # mine\n";
    let held = Held::of("").and(&exported("keyfob")).edited("supports_websockets = false\n", added);

    let again = held.and(&native("keyfob"));

    assert_eq!(again.text(), NATIVE.replace("supports_websockets = false\n", added));
}

#[test]
fn s_23_settings_keep_their_comments_and_come_back() {
    let text = "# which one\nmodel_provider = \"other\" # for now\nmodel = 'm-0'\n\n[model_providers.other]\nname = \"o\"\n";
    let held = Held::of(text).and(&as_default(exported("keyfob")));
    assert!(
        held.text().starts_with("# which one\nmodel_provider = \"keyfob\" # for now\nmodel = \"m-1\"\n"),
        "{}",
        held.text()
    );

    let changed_since =
        held.edited("model = \"m-1\"", "model = \"m-2\"").edited("name = \"o\"", "name = \"p\"");

    assert_eq!(
        changed_since.undone().unwrap(),
        text.replace("model = 'm-0'", "model = \"m-2\"").replace("\"o\"", "\"p\""),
        "what was changed since stays, and the rest is as it was"
    );
}

#[test]
fn s_23_after_other_changes_only_ours_is_taken_out() {
    for (text, _) in odd() {
        let held = Held::of(text).and(&as_default(native("keyfob"))).and(&exported("second"));
        let edited = Held(Some(format!("{}\n[mine] # new\na = 1\n", held.text())), held.1.clone());

        let undone = edited.undone().unwrap();

        assert!(undone.contains("\n[mine] # new\na = 1\n"), "{undone}");
        // A comment that was the last line may have gone behind what came to be there.
        let lines =
            |text: &str| text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(lines(&undone.replace("[mine] # new\na = 1\n", "")), lines(text));
    }
}

#[test]
fn s_23_of_two_providers_one_is_taken_out_and_the_rest_comes_back_whole() {
    let text = "model_provider = \"x\"\n";
    let held = Held::of(text).and(&as_default(exported("one"))).and(&native("two"));

    let (left, without_one) = held.1.as_ref().unwrap().without_provider(held.text(), &id("one")).unwrap();

    let alone = Held::of(text).and(&native("two"));
    assert_eq!(without_one, alone.text());
    assert_eq!(left.without(Some(&without_one)).unwrap().as_deref(), Some(text));
}

#[test]
fn s_23_a_provider_of_somebody_else_stays_unless_it_is_to_be_replaced() {
    let text = "[model_providers.keyfob] # theirs\nname = \"x\"\nenv_key = \"KEY\"\n\n[z]\na = 1\n";

    let kept = apply(text, &exported("keyfob"), None, Occupied::Keep);
    let replaced = Held::of(text).and(&exported("keyfob"));

    assert!(matches!(kept, Err(EditError::Occupied(occupied)) if occupied == id("keyfob")));
    assert!(
        replaced.text().contains(EXPORTED.trim_end()) && !replaced.text().contains("env_key"),
        "{replaced:?}"
    );
    assert_eq!(replaced.undone().as_deref(), Some(text));
    let edited = replaced.edited("a = 1", "a = 2").undone().unwrap();
    assert_eq!(
        toml::from_str::<toml::Table>(&edited).unwrap(),
        toml::from_str::<toml::Table>(&text.replace("a = 1", "a = 2")).unwrap()
    );
}

#[test]
fn s_23_what_is_in_the_way_is_named_and_so_is_where_a_text_breaks_off() {
    let refused =
        |text: &str| format!("{:?}", apply(text, &as_default(exported("keyfob")), None, Occupied::Keep));

    assert_eq!(refused("model_providers = 7\n"), r#"Err(InTheWay("model_providers.keyfob"))"#);
    assert_eq!(refused("[[model_providers]]\na=1\n"), r#"Err(InTheWay("model_providers.keyfob"))"#);
    assert_eq!(refused("[model_providers]\nkeyfob = 7\n"), r#"Err(InTheWay("model_providers.keyfob"))"#);
    assert_eq!(refused("[model_provider]\n"), r#"Err(InTheWay("model_provider"))"#);
    assert!(matches!(check("a = 1\n  b = \n"), Err(EditError::NotToml { line: 2, column: 7, .. })));
}

#[test]
fn s_23_providers_in_one_line_get_ours_there() {
    let text = "model_providers = { other = { name = \"o\" } }\n";

    for wanted in [exported("keyfob"), native("keyfob")] {
        let held = Held::of(text).and(&wanted);

        let document: toml::Table = toml::from_str(held.text()).unwrap();
        let providers = document["model_providers"].as_table().unwrap();
        assert_eq!(providers.keys().collect::<Vec<_>>(), ["keyfob", "other"]);
        assert_eq!(held.undone().as_deref(), Some(text));
    }
}

#[test]
fn s_23_a_record_of_what_is_not_there_takes_nothing_out() {
    let text = "model = \"x\" # mine\n";
    let held = Held::of(text).and(&as_default(exported("keyfob")));

    assert_eq!(Held(Some(text.to_owned()), held.1).undone().as_deref(), Some(text));
}

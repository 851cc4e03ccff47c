use super::*;
use crate::restrictions::{How, Judgement, Presented, Workspace};
use std::fs;

/// The files of one machine and user.
struct Machine(tempfile::TempDir, Places);

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let places = Places {
            system: at("etc"),
            preferences: Vec::new(),
            shared: at("config.toml"),
            own: at("own.toml"),
            home: Some("/home/mia".into()),
            flags: Vec::new(),
        };
        fs::create_dir(&places.system).unwrap();
        Self(folder, places)
    }

    fn with(self, name: &str, text: &str) -> Self {
        crate::on_disk::put(&self.0.path().join(name), text);
        self
    }

    fn with_flag(mut self, flag: &str) -> Self {
        self.1.flags.push(flag.into());
        self
    }

    fn load(&self) -> Result<Settings, String> {
        let folder = self.0.path().display().to_string();
        Settings::load(&self.1).map_err(|error| error.to_string().replace(&folder, "M"))
    }

    fn settings(&self) -> Settings {
        self.load().unwrap()
    }

    fn problem(&self) -> String {
        self.load().unwrap_err().lines().next().unwrap_or_default().to_owned()
    }
}

const REQUIREMENTS: &str = "etc/requirements.toml";
const MANAGED: &str = "etc/managed_config.toml";
const SYSTEM: &str = "etc/config.toml";
const USER: &str = "config.toml";

#[test]
fn a_machine_without_files_says_nothing() {
    let machine = Machine::new();
    fs::remove_dir(&machine.1.system).unwrap();

    let settings = machine.settings();

    assert!(settings.restrictions().is_empty());
    assert_eq!((settings.store(), settings.issuer(), settings.chatgpt_base_url()), (None, None, None));
}

#[test]
fn s_18_the_strongest_layer_has_the_say_and_a_pin_before_it() {
    let store = |machine: &Machine| {
        machine.settings().store().map(|store| (store.value.as_str(), store.origin.layer.as_str()))
    };
    let say = |word: &str| format!("\n\ncli_auth_credentials_store = \"{word}\"\n");

    let machine = Machine::new().with(SYSTEM, &say("auto"));
    assert_eq!(store(&machine), Some(("auto", "system")));
    let machine = machine.with(USER, &say("keyring"));
    assert_eq!(store(&machine), Some(("keyring", "user")));
    let machine = machine.with_flag("cli_auth_credentials_store=file");
    assert_eq!(store(&machine), Some(("file", "flag")));
    let machine = machine.with_flag("cli_auth_credentials_store=\"auto\"");
    assert_eq!(store(&machine), Some(("auto", "flag")), "the last one counts");
    let machine = machine.with(MANAGED, &say("ephemeral"));
    assert_eq!(store(&machine), Some(("ephemeral", "managed_config")));
    let machine = machine.with(REQUIREMENTS, &say("keyring"));
    assert_eq!(store(&machine), Some(("keyring", "requirements")));
    assert_eq!(machine.settings().store().map(|store| store.origin.line), Some(3));
}

#[test]
fn s_18_forced_keys_of_every_administrators_layer_bind_and_of_the_user_the_strongest() {
    let machine = Machine::new()
        .with(SYSTEM, "forced_chatgpt_workspace_id = [\"a\", \"b\", \"c\"]\n")
        .with(MANAGED, "forced_chatgpt_workspace_id = [\"b\", \"c\", \"d\"]\n")
        .with(REQUIREMENTS, "allowed_chatgpt_workspaces = [\" c \", \"\", \"b\"]\n")
        .with(USER, "forced_chatgpt_workspace_id = \"nobody\"\n")
        .with_flag("forced_chatgpt_workspace_id=[\"c\",\"x\"]");

    let settings = machine.settings();

    let allowed = settings.restrictions().allowed_workspaces().unwrap();
    assert_eq!(allowed.iter().map(WorkspaceId::as_str).collect::<Vec<_>>(), ["c"]);
    let layers = settings.restrictions().workspaces().iter().map(|one| one.origin.layer.as_str());
    assert_eq!(layers.collect::<Vec<_>>(), ["requirements", "managed_config", "flag", "system"]);
}

#[test]
fn s_16_an_empty_list_of_the_user_restricts_nothing_and_one_of_the_administrator_everything() {
    let user = Machine::new().with(USER, "forced_chatgpt_workspace_id = []\n").settings();
    let administrator = Machine::new().with(REQUIREMENTS, "allowed_chatgpt_workspaces = []\n").settings();

    assert!(user.restrictions().is_empty());
    let broken = administrator.restrictions().may_use(LoginMethod::Chatgpt).unwrap_err();
    assert_eq!(broken.how, How::NoWorkspace);
    assert_eq!(broken.key, "allowed_chatgpt_workspaces");
    assert!(administrator.restrictions().may_use(LoginMethod::Api).is_ok());
}

#[test]
fn c_53_restrictions_that_leave_no_way_to_sign_in_are_an_error_that_names_them() {
    let machine = Machine::new()
        .with(REQUIREMENTS, "\nallowed_login_methods = [\"chatgpt\"]\n")
        .with(USER, "forced_login_method = \"api\"\n");

    assert_eq!(
        machine.problem(),
        "the restrictions permit no usable login method: `allowed_login_methods` in M/etc/requirements.toml:2, \
         `forced_login_method` in M/config.toml:1"
    );
    assert!(Machine::new().with(REQUIREMENTS, "allowed_login_methods = []\n").load().is_err());
}

#[test]
fn c_53_what_cannot_be_understood_in_any_layer_allows_nothing() {
    for (file, text, problem) in [
        (
            REQUIREMENTS,
            "allowed_login_methods = [\"sso\"]",
            "M/etc/requirements.toml:1:26: unknown variant `sso`, expected `chatgpt` or `api`",
        ),
        (
            REQUIREMENTS,
            "[keyfob]\nissuer = \"x\"",
            "M/etc/requirements.toml:2:10: the issuer is not usable: ",
        ),
        (
            MANAGED,
            "forced_login_method = \"chat\"",
            "M/etc/managed_config.toml:1:23: unknown variant `chat`, expected `chatgpt` or `api`",
        ),
        (SYSTEM, "=", "M/etc/config.toml:1:1: "),
        (
            USER,
            "forced_chatgpt_workspace_id = \"a,b\"",
            "M/config.toml:1:31: a comma is no part of a workspace's id; several are a list: [\"…\", \"…\"]",
        ),
    ] {
        let found = Machine::new().with(file, text).problem();
        assert!(found.starts_with(problem), "{found}");
    }
    let flag = Machine::new().with_flag("forced_login_method=sso").problem();
    assert_eq!(flag, "-c:1:21: unknown variant `sso`, expected `chatgpt` or `api`");
}

#[test]
fn c_53_an_error_of_the_administrators_files_is_one_about_restrictions() {
    let is = |file: &str| {
        let machine = Machine::new().with(file, "=");
        Settings::load(&machine.1).unwrap_err().is_about_restrictions()
    };

    assert_eq!([REQUIREMENTS, MANAGED, SYSTEM, USER, "own.toml"].map(is), [true, true, true, false, false]);
}

#[test]
fn s_18_an_administrator_says_where_people_sign_in() {
    let machine = Machine::new().with("own.toml", "issuer = \"https://mine.test\"\n");
    let issuer = |machine: &Machine| machine.settings().issuer().map(|issuer| issuer.value.to_string());

    assert_eq!(issuer(&machine), Some("https://mine.test".into()));
    let machine = machine.with(REQUIREMENTS, "[keyfob]\nissuer = \"https://ours.test\"\n");
    assert_eq!(issuer(&machine), Some("https://ours.test".into()));
}

#[test]
fn c_53_a_workspace_is_judged_by_what_the_issuer_said() {
    let machine = Machine::new().with(USER, "forced_chatgpt_workspace_id = \"w-1\"\n");
    let settings = machine.settings();
    let issuer = IssuerUrl::parse("https://id.test").unwrap();
    let judge =
        |workspace| settings.restrictions().judge(Presented::Account { issuer: Some(&issuer), workspace });
    let (mine, other) = (WorkspaceId::new("w-1"), WorkspaceId::new("w-2"));

    assert_eq!(judge(Workspace::Of(&mine)), Judgement::Allowed);
    let Judgement::Unverified(origin) = judge(Workspace::Unverified) else { panic!() };
    assert_eq!(origin.line, 1);
    let words = |judgement| match judgement {
        Judgement::Broken(broken) => broken.to_string(),
        Judgement::Allowed | Judgement::Unverified(_) => panic!(),
    };
    assert_eq!(
        words(judge(Workspace::Of(&other))),
        "Login is restricted to workspace(s) w-1, but current credentials belong to w-2."
    );
    assert_eq!(
        words(judge(Workspace::None)),
        "Login is restricted to workspace(s) w-1, but current credentials lack a workspace identifier."
    );
    assert_eq!(settings.restrictions().judge(Presented::Key), Judgement::Allowed);
    assert!(settings.restrictions().passed_by_keys().is_some());
}

#[test]
fn c_53_what_only_looks_like_a_restriction_is_an_error_and_not_none() {
    let of = |text: &str| Machine::new().with(REQUIREMENTS, text).problem();
    assert_eq!(
        of("allowed_login_method = [\"api\"]\n"),
        "M/etc/requirements.toml:1:1: no key of requirements.toml is called `allowed_login_method`"
    );
    assert_eq!(
        of("allowed_chatgpt_workspaces = [\"a\", \"b,c\"]\n"),
        "M/etc/requirements.toml:1:30: a comma is no part of a workspace's id; each is a text of its own: [\"…\", \"…\"]"
    );
    let cut = Machine::new().with_flag("forced_chatgpt_workspace_id=[\"w-1\"").problem();
    assert!(cut.starts_with("-c:1:"), "{cut}");
    // Other keys of the Codex CLI's are its business.
    assert!(Machine::new().with(REQUIREMENTS, "allowed_sandbox_modes = [\"read-only\"]\n").load().is_ok());
}

#[test]
fn s_18_of_two_administrators_files_the_stricter_word_counts_and_two_issuers_are_a_conflict() {
    let machine = Machine::new();
    let text = |content: &str| Text {
        layer: Layer::Requirements,
        file: Arc::new("/r.toml".into()),
        content: content.into(),
    };
    for (first, second) in [("warn", "refuse"), ("refuse", "warn")] {
        let mut settings = machine.settings();
        for word in [first, second] {
            settings.require(&text(&format!("[keyfob]\nuntrusted_ci = \"{word}\"\n"))).unwrap();
        }
        let said = settings.restrictions().untrusted_ci().map(|said| said.value);
        assert_eq!(said, Some(UntrustedCi::Refuse));
    }
    let mut settings = machine.settings();
    settings.require(&text("[keyfob]\nissuer = \"https://a.test\"\n")).unwrap();
    let other = settings.require(&text("[keyfob]\nissuer = \"https://b.test\"\n"));
    assert!(matches!(other, Err(SettingsError::Conflict(_))));
}

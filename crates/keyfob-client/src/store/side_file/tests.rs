//! Turns of ours and of the Codex CLI, on a store in a file.

use super::*;
use crate::home::Home;
use crate::store::{Digest, FileStore, SharedStore};
use keyfob_jose::{SigningKey, TokenType};
use keyfob_oauth::AccessToken;
use serde_json::json;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

struct Turns {
    _folder: tempfile::TempDir,
    home: Home,
    store: SharedStore,
    /// ID tokens; each signing of one would be another text.
    mia: String,
    ada: String,
}

impl Turns {
    fn begin() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path().join("home"));
        home.make().unwrap();
        let store = SharedStore::new(home.clone(), Arc::new(FileStore::new(home.clone())));
        let key = SigningKey::generate().unwrap();
        let id_token = |subject: &str| {
            let claims =
                json!({ "sub": subject, "https://api.openai.com/auth": { "chatgpt_account_id": "ws" } });
            key.sign(TokenType::IdToken, &claims).unwrap()
        };
        Self { _folder: folder, home, store, mia: id_token("mia"), ada: id_token("ada") }
    }

    /// A login with or without members that the Codex CLI does not know.
    fn document(&self, issuer: &str, client: &str, subject: &str, unknown: [&str; 3]) -> AuthFile {
        let id_token = if subject == "mia" { &self.mia } else { &self.ada };
        let [first, middle, last] = unknown;
        let text = format!(
            r#"{{{first}"auth_mode":"chatgpt","OPENAI_API_KEY":null,"tokens":{{"id_token":"{id_token}",
            "access_token":"at-secret",{middle}"refresh_token":"rt-secret","oauth_provenance":
            {{"issuer":"{issuer}","client_id":"{client}"}},"login_owner_id":"owner"}}{last}}}"#
        );
        AuthFile::parse(text.as_bytes()).unwrap()
    }

    fn ours(&self, unknown: [&str; 3]) -> AuthFile {
        self.document("https://id.test", "app", "mia", unknown)
    }

    /// The Codex CLI, or anybody else, replaces the file.
    fn put(&self, record: &AuthFile) {
        let mut file = std::fs::File::create(self.home.auth_file()).unwrap();
        std::io::Write::write_all(&mut file, record.to_text().as_bytes()).unwrap();
    }

    async fn expected(&self) -> Option<Digest> {
        self.store.load().await.unwrap().digest()
    }

    /// What is stored after a refresh of ours.
    async fn after_our_refresh(&self) -> String {
        let (digest, mut record) = self.store.load_locked().await.unwrap().record().unwrap().unwrap();
        record.replace_tokens(&AccessToken::new("at-secret"), None, None);
        self.store.save(Some(digest), &record).await.unwrap();
        std::fs::read_to_string(self.home.auth_file()).unwrap()
    }

    fn side_file(&self) -> Option<String> {
        std::fs::read_to_string(self.home.keepsake("members")).ok()
    }
}

const KNOWN: [&str; 3] = [""; 3];
const UNKNOWN: [&str; 3] =
    [r#""first":1.50,"#, r#""middle":{"b":[1e400],"a":"\u00e9"},"#, r#","last":12345678901234567890123"#];

#[tokio::test]
async fn c_39_what_the_codex_cli_drops_comes_back_at_our_next_save() {
    let turns = Turns::begin();
    let whole = turns.ours(UNKNOWN);
    turns.store.save(None, &whole).await.unwrap();

    for _ in 0..3 {
        turns.put(&turns.ours(KNOWN));
        assert_eq!(turns.after_our_refresh().await, whole.to_text());
    }

    let expected = r#"{"schema":1,"login":{"issuer":"https://id.test","client_id":"app","subject":"mia","workspace":"ws"},"document":{"first":1.50,"auth_mode":null,"OPENAI_API_KEY":null,"tokens":{"id_token":null,"access_token":null,"middle":{"b":[1e400],"a":"\u00e9"},"refresh_token":null,"oauth_provenance":null,"login_owner_id":null},"last":12345678901234567890123}}"#;
    assert_eq!(turns.side_file().as_deref(), Some(expected), "nothing that the Codex CLI knows");
    let mode = std::fs::metadata(turns.home.keepsake("members")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
}

#[tokio::test]
async fn c_39_what_another_program_added_is_remembered_when_its_login_is_adopted() {
    let turns = Turns::begin();
    turns.store.save(None, &turns.ours(["", "", r#","last":1"#])).await.unwrap();
    turns.put(&turns.ours([r#""first":2,"#, "", ""]));

    turns.store.load_locked().await.unwrap();
    turns.put(&turns.ours(KNOWN));

    let both = turns.ours([r#""first":2,"#, "", r#","last":1"#]);
    assert_eq!(turns.after_our_refresh().await, both.to_text());
}

#[tokio::test]
async fn c_39_members_of_one_login_never_get_into_another() {
    let turns = Turns::begin();
    let others = [
        turns.document("https://other.test", "app", "mia", KNOWN),
        turns.document("https://id.test", "other", "mia", KNOWN),
        turns.document("https://id.test", "app", "ada", KNOWN),
        AuthFile::parse(br#"{"auth_mode":"apikey","OPENAI_API_KEY":"sk"}"#).unwrap(),
    ];
    for other in others {
        turns.store.save(turns.expected().await, &turns.ours(UNKNOWN)).await.unwrap();
        turns.put(&other);

        assert_eq!(turns.after_our_refresh().await, other.to_text());
        assert_eq!(turns.side_file(), None, "it is of no login any more");
    }
}

#[tokio::test]
async fn c_63_what_was_signed_out_does_not_come_back() {
    let turns = Turns::begin();
    let saved = turns.store.save(None, &turns.ours(UNKNOWN)).await.unwrap();
    turns.store.remove(saved).await.unwrap();
    assert_eq!(turns.side_file(), None, "by us");

    turns.store.save(None, &turns.ours(UNKNOWN)).await.unwrap();
    std::fs::remove_file(turns.home.auth_file()).unwrap();
    turns.store.load_locked().await.unwrap();
    assert_eq!(turns.side_file(), None, "by the Codex CLI");

    turns.store.save(None, &turns.ours(KNOWN)).await.unwrap();
    assert_eq!(turns.after_our_refresh().await, turns.ours(KNOWN).to_text());
}

#[tokio::test]
async fn a_damaged_side_file_is_no_reason_to_lose_a_token() {
    let turns = Turns::begin();
    turns.store.save(None, &turns.ours(KNOWN)).await.unwrap();
    for damage in ["", "{", "[]", r#"{"schema":2,"login":{},"document":{"x":1}}"#] {
        let mut file = std::fs::File::create(turns.home.keepsake("members")).unwrap();
        std::io::Write::write_all(&mut file, damage.as_bytes()).unwrap();

        assert_eq!(turns.after_our_refresh().await, turns.ours(KNOWN).to_text(), "{damage}");
    }
}

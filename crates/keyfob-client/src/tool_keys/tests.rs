use super::*;
use std::os::unix::fs::{PermissionsExt as _, symlink};

#[derive(Debug)]
struct Fixed(u8);

impl Entropy for Fixed {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        bytes.fill(self.0);
        Ok(())
    }
}

fn keys() -> (tempfile::TempDir, ToolKeys) {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::new(folder.path().into());
    home.make().unwrap();
    let keys = ToolKeys::of(&home);
    (folder, keys)
}

fn name(text: &str) -> ToolName {
    ToolName::parse(text).unwrap()
}

fn tool(text: &str) -> NewTool {
    NewTool { name: name(text), quota: None, sandbox: None }
}

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

#[test]
fn g_02_a_key_is_256_random_bits_and_only_its_digest_is_kept() {
    let (_folder, keys) = keys();

    let key =
        keys.create(&NewTool { quota: NonZeroU32::new(60), ..tool("editor") }, NOW, &Fixed(0xA5)).unwrap();

    assert_eq!(key.expose(), format!("kfl-{}", URL_SAFE_NO_PAD.encode([0xA5; 32])));
    let text = fs::read_to_string(keys.file(&name("editor"))).unwrap();
    let digest = KeyDigest::of(key.expose()).to_hex();
    let expected = format!("{{\"sha256\":\"{digest}\",\"created\":1800000000,\"requests_per_minute\":60}}\n");
    assert_eq!(text, expected);
    assert!(!text.contains(key.expose()) && !format!("{key:?}").contains(key.expose()));
    let found = keys.find(key.expose()).unwrap().unwrap();
    assert_eq!((found.name, found.created, found.quota), (name("editor"), NOW, NonZeroU32::new(60)));
}

#[test]
fn g_02_no_part_and_no_likeness_of_a_key_opens_anything() {
    let (_folder, keys) = keys();
    let key = keys.create(&tool("a"), NOW, &Fixed(1)).unwrap();
    let other = keys.create(&tool("b"), NOW, &Fixed(2)).unwrap();
    let digest = KeyDigest::of(key.expose()).to_hex();

    let shorter = key.expose().split_at(key.expose().len() - 1).0;
    let unlike = ["", "kfl-", shorter, &format!("{}A", key.expose()), &key.expose().to_uppercase(), &digest];
    for shown in unlike {
        assert_eq!(keys.find(shown).unwrap(), None, "{shown}");
    }
    assert_eq!(keys.find(other.expose()).unwrap().unwrap().name, name("b"));
}

#[test]
fn g_07_a_key_file_is_private_from_its_first_moment_and_never_written_through_a_link() {
    let (folder, keys) = keys();
    keys.create(&tool("a"), NOW, &Fixed(1)).unwrap();
    let planted = folder.path().join("planted");
    symlink(&planted, keys.file(&name("b"))).unwrap();

    let refused = keys.create(&tool("b"), NOW, &Fixed(2));

    assert!(matches!(refused, Err(ToolKeysError::Taken(_))), "{refused:?}");
    assert!(!planted.exists());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode(&keys.folder), mode(&keys.file(&name("a")))), (0o700, 0o600));
}

#[test]
fn g_06_a_revoked_key_is_gone_and_its_name_is_free() {
    let (_folder, keys) = keys();
    let key = keys.create(&tool("a"), NOW, &Fixed(1)).unwrap();
    assert!(matches!(keys.create(&tool("a"), NOW, &Fixed(2)), Err(ToolKeysError::Taken(_))));

    keys.revoke(&name("a")).unwrap();

    assert_eq!(keys.find(key.expose()).unwrap(), None);
    assert!(matches!(keys.revoke(&name("a")), Err(ToolKeysError::Missing(_))));
    keys.create(&tool("a"), NOW, &Fixed(3)).unwrap();
    assert_eq!(keys.find(key.expose()).unwrap(), None);
}

#[test]
fn the_key_of_a_sandbox_is_found_by_its_folder() {
    let (_folder, keys) = keys();
    keys.create(&tool("a"), NOW, &Fixed(1)).unwrap();
    keys.create(&NewTool { sandbox: Some("/home/mia/b".into()), ..tool("b") }, NOW, &Fixed(2)).unwrap();

    let found = keys.of_sandbox("/home/mia/b").unwrap().unwrap();

    assert_eq!((found.name, found.sandbox.as_deref()), (name("b"), Some("/home/mia/b")));
    assert_eq!(keys.of_sandbox("/work").unwrap(), None);
}

#[test]
fn g_02_a_file_that_is_no_keys_opens_nothing() {
    let (_folder, keys) = keys();
    keys.create(&tool("a"), NOW, &Fixed(1)).unwrap();
    let digest = KeyDigest::of("x").to_hex();
    for (file, text) in [
        ("b.json", "{}".to_owned()),
        ("c.json", "{\"sha256\":\"00\",\"created\":1}".to_owned()),
        ("d.txt", format!("{{\"sha256\":\"{digest}\",\"created\":1}}")),
        (".e.json", format!("{{\"sha256\":\"{digest}\",\"created\":1}}")),
        ("f.json", format!("{{\"sha256\":\"{digest}\",\"created\":1,\"requests_per_minute\":0}}")),
    ] {
        fs::File::create(keys.folder.join(file)).unwrap().write_all(text.as_bytes()).unwrap();
    }

    assert_eq!(keys.find("x").unwrap(), None);
    assert_eq!(keys.list().unwrap().len(), 1);
}

#[test]
fn a_name_is_that_of_a_file_in_the_folder() {
    for bad in ["", ".", "..", ".a", "a/b", "../a", "a b", "-a", "ä", &"a".repeat(65)] {
        assert!(ToolName::parse(bad).is_err(), "{bad}");
    }
    for good in ["a", "codex-1", "My.Editor_2", &"a".repeat(64)] {
        assert!(ToolName::parse(good).is_ok(), "{good}");
    }
}

use super::*;
use crate::home::Home;
use crate::network::Network;
use crate::store::{FileStore, SharedStore};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// A clock that is set by hand.
#[derive(Debug)]
struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix(self.0.load(Ordering::Relaxed))
    }
}

/// A provider's place, and a script that counts how often it ran.
struct Scene {
    folder: tempfile::TempDir,
    kept: Session,
    clock: Hand,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path().join("home")).of_provider("p").unwrap();
        let store = Arc::new(FileStore::new(home.clone()));
        let kept = Session::new(SharedStore::new(home, store), Network::default(), Arc::default());
        Self { folder, kept, clock: Hand(AtomicI64::new(1_000)) }
    }

    /// A command of the shell that notes that it ran, in a folder of this scene.
    fn command(&self, script: &str) -> TokenCommand {
        TokenCommand {
            program: "sh".into(),
            arguments: vec!["-c".into(), format!("echo ran >> runs; {script}")],
            folder: Some(self.folder.path().to_owned()),
            limit: Duration::from_secs(20),
            used_for: Duration::from_mins(5),
        }
    }

    async fn token(&self, command: &TokenCommand) -> Result<String, CommandError> {
        let token = token(command, Some(&self.kept), &[], &self.clock).await?;
        Ok(token.expose().to_owned())
    }

    fn runs(&self) -> usize {
        std::fs::read_to_string(self.folder.path().join("runs")).unwrap_or_default().lines().count()
    }

    fn advance(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn p_30_a_token_is_used_for_its_interval_and_the_command_then_runs_again() {
    let scene = Scene::new();
    let command = scene.command("wc -l < runs");

    assert_eq!(scene.token(&command).await.unwrap(), "1");
    scene.advance(299);
    assert_eq!(scene.token(&command).await.unwrap(), "1");
    scene.advance(1);
    assert_eq!(scene.token(&command).await.unwrap(), "2");
    let changed = scene.command("wc -l < runs; true");
    assert_eq!(scene.token(&changed).await.unwrap(), "3", "a change of the configuration counts at once");
    let never_kept = TokenCommand { used_for: Duration::ZERO, ..changed };
    assert_eq!(scene.token(&never_kept).await.unwrap(), "4");
}

#[tokio::test]
async fn p_30_an_end_that_the_command_tells_counts_and_not_the_interval() {
    for (told, end) in [
        (r#"{"access_token":"t","expires_in":100}"#, 1_100),
        (r#"{"token":"t","expires_at":1100}"#, 1_100),
        (r#"{"token":"t","expires_at":"1970-01-01T00:18:20Z"}"#, 1_100),
    ] {
        let scene = Scene::new();
        let command = scene.command(&format!("echo '{told}'"));

        assert_eq!(scene.token(&command).await.unwrap(), "t", "{told}");
        scene.advance(end - 30 - 1_000 - 1);
        assert_eq!((scene.token(&command).await.unwrap().as_str(), scene.runs()), ("t", 1), "{told}");
        scene.advance(1);
        assert_eq!((scene.token(&command).await.unwrap().as_str(), scene.runs()), ("t", 2), "{told}");
    }
}

#[tokio::test]
async fn p_30_twenty_callers_at_once_run_the_command_once() {
    let scene = Scene::new();
    let command = scene.command("echo t");

    let callers = (0..20).map(|_| scene.token(&command));
    let tokens = futures_util::future::join_all(callers).await;

    assert!(tokens.into_iter().all(|token| token.unwrap() == "t"));
    assert_eq!(scene.runs(), 1);
}

#[tokio::test]
async fn s_22_a_command_that_gives_no_token_says_why_and_shows_nothing_of_what_it_printed() {
    let scene = Scene::new();
    let told = async |script: &str| scene.token(&scene.command(script)).await.unwrap_err().to_string();

    assert_eq!(
        told("echo secret; printf 'no \\033[2Jentry\\n' >&2; exit 3").await,
        "`sh` ended with exit status: 3: no [2Jentry"
    );
    assert_eq!(told("exit 1").await, "`sh` ended with exit status: 1");
    assert_eq!(told("true").await, "what `sh` printed is no token: it is set and empty");
    assert_eq!(
        told("echo two; echo lines").await,
        "what `sh` printed is no token: it holds characters that no credential has"
    );
    assert_eq!(
        told("printf '\\377'").await,
        "what `sh` printed is no token: it holds characters that no credential has"
    );
    assert!(told("echo '{\"secret\":1}'").await.starts_with("what `sh` printed is no token"));
    let missing = TokenCommand { program: "keyfob-no-such-program".into(), ..scene.command("") };
    assert_eq!(scene.token(&missing).await.unwrap_err().to_string(), "cannot start `keyfob-no-such-program`");
    assert_eq!(scene.kept.store().blocking().kept(Keepsake::CommandToken).unwrap(), None);
}

#[tokio::test]
async fn s_22_a_command_has_its_limit_no_input_and_not_the_variables_that_are_none_of_its_business() {
    let scene = Scene::new();

    let endless = TokenCommand { limit: Duration::from_millis(200), ..scene.command("exec sleep 600") };
    assert_eq!(scene.token(&endless).await.unwrap_err().to_string(), "`sh` printed no token within 200 ms");
    assert_eq!(scene.token(&scene.command("cat; echo end")).await.unwrap(), "end");
    let without = [OsString::from("PWD"), OsString::from("HOME")];
    let command = scene.command("echo x${HOME}");
    let token = token(&command, None, &without, &scene.clock).await.unwrap();
    assert_eq!(token.expose(), "x");
}

#[tokio::test]
async fn s_22_a_program_with_a_slash_is_one_of_the_commands_folder() {
    let scene = Scene::new();
    std::os::unix::fs::symlink("/bin/sh", scene.folder.path().join("own-sh")).unwrap();

    let command = TokenCommand { program: "./own-sh".into(), ..scene.command("echo t") };

    assert_eq!(scene.token(&command).await.unwrap(), "t");
}

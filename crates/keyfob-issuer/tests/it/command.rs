//! The program's commands.

use crate::world::{OWNER, PASSWORD, make_issuer};
use keyfob_oauth::{Clock, Timestamp};
use keyfob_testing::postgres::Server;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

#[derive(Debug)]
struct Epoch;

impl Clock for Epoch {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix(0)
    }
}

pub(crate) fn run(data: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_keyfob-issuer"))
        .args(arguments)
        .arg("--data")
        .arg(data)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that refuses early does not read.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

const INIT: [&str; 5] = ["init", "--url", "http://localhost:1", "--owner", OWNER];

#[test]
fn init_makes_files_for_their_owner_alone_and_refuses_a_second_time() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("issuer");

    let made = run(&data, &INIT, &format!("{PASSWORD}\n"));
    assert_eq!(said(&made).0, Some(0), "{made:?}");
    let permissions = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(permissions(&data), 0o700);
    let mut names: Vec<String> =
        fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["issuer.db", "issuer.toml", "seal.key"]);
    for name in names {
        assert_eq!(permissions(&data.join(&name)), 0o600, "{name}");
    }
    let again = said(&run(&data, &INIT, &format!("{PASSWORD}\n")));
    assert_eq!(again.0, Some(1));
    assert!(again.1.contains("holds an issuer already") && again.1.contains("hint: "), "{}", again.1);
}

#[tokio::test]
async fn init_on_a_server_keeps_the_data_there_and_takes_no_database_twice() {
    let database = Server::shared().unwrap().database().unwrap();
    let url = database.url_with_password("right horse").unwrap();
    let parent = tempfile::tempdir().unwrap();
    let (data, other) = (parent.path().join("issuer"), parent.path().join("other"));
    let password = parent.path().join("password");
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&password);
    file.unwrap().write_all(b"right horse\n").unwrap();
    let on_server = ["--database", &url, "--database-password-file", password.to_str().unwrap()];
    let init = [INIT.as_slice(), &on_server].concat();

    let made = run(&data, &init, &format!("{PASSWORD}\n"));
    let again = said(&run(&other, &init, &format!("{PASSWORD}\n")));
    let listed = run(&data, &["user", "list"], "");
    fs::set_permissions(&password, fs::Permissions::from_mode(0o644)).unwrap();
    let exposed = said(&run(&data, &["user", "list"], ""));

    assert_eq!(said(&made).0, Some(0), "{made:?}");
    assert!(!data.join("issuer.db").exists());
    assert!(again.0 == Some(1) && again.1.contains("holds an issuer already"), "{}", again.1);
    assert!(String::from_utf8_lossy(&listed.stdout).starts_with(OWNER), "{listed:?}");
    assert!(exposed.0 == Some(1) && exposed.1.contains("everybody can read it"), "{}", exposed.1);
}

#[test]
fn init_takes_up_an_interrupted_attempt_and_reports_lost_settings() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("issuer");
    fs::create_dir_all(data.join("init.unfinished")).unwrap();
    fs::File::create(data.join("init.unfinished/issuer.db")).unwrap();

    assert_eq!(said(&run(&data, &INIT, &format!("{PASSWORD}\n"))).0, Some(0));
    fs::remove_file(data.join("issuer.toml")).unwrap();
    let lost = said(&run(&data, &INIT, &format!("{PASSWORD}\n")));

    assert_eq!(lost.0, Some(1));
    assert!(lost.1.contains("holds seal.key but no issuer.toml"), "{}", lost.1);
    assert!(data.join("issuer.db").exists());
}

#[test]
fn a_short_password_and_a_bad_address_are_refused_before_anything_is_made() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("issuer");

    let short = said(&run(&data, &INIT, "short\n"));
    let bad = said(&run(&data, &["init", "--url", "http://a.example", "--owner", OWNER], PASSWORD));

    assert_eq!((short.0, bad.0), (Some(1), Some(1)));
    assert!(short.1.contains("shorter than 15 characters"), "{}", short.1);
    assert!(bad.1.contains("must use https"), "{}", bad.1);
    assert!(!data.exists());
}

#[test]
fn nothing_of_what_comes_for_a_password_is_dropped_unsaid() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("issuer");

    let more = said(&run(&data, &INIT, &format!("{PASSWORD}\n# and a remark\n")));
    let none = said(&run(&data, &INIT, ""));

    assert_eq!((more.0, none.0), (Some(1), Some(1)));
    assert!(more.1.contains("standard input holds more than one line, the password"), "{}", more.1);
    assert!(none.1.contains("no password in the first line of standard input"), "{}", none.1);
    assert!(!data.exists());
}

#[tokio::test]
async fn i_41_a_missing_or_wrong_seal_key_stops_the_start_and_changes_nothing() {
    let data = tempfile::tempdir().unwrap();
    make_issuer(data.path(), "http://localhost:1", &Epoch).await;
    let other = tempfile::tempdir().unwrap();
    make_issuer(other.path(), "http://localhost:1", &Epoch).await;
    let key = data.path().join("seal.key");
    let before = fs::read(data.path().join("issuer.db")).unwrap();

    fs::remove_file(&key).unwrap();
    let missing = said(&run(data.path(), &["serve"], ""));
    fs::copy(other.path().join("seal.key"), &key).unwrap();
    let wrong = said(&run(data.path(), &["serve"], ""));
    fs::File::create(&key).unwrap();
    let empty = said(&run(data.path(), &["serve"], ""));

    assert_eq!((missing.0, wrong.0, empty.0), (Some(1), Some(1), Some(1)));
    assert!(missing.1.contains("cannot read"), "{}", missing.1);
    assert!(wrong.1.contains("does not open with this key"), "{}", wrong.1);
    assert!(empty.1.contains("holds no seal key"), "{}", empty.1);
    assert_eq!(fs::read(data.path().join("issuer.db")).unwrap(), before);
}

#[tokio::test]
async fn users_are_added_once_and_listed() {
    let data = tempfile::tempdir().unwrap();
    make_issuer(data.path(), "http://localhost:1", &Epoch).await;
    let add = ["user", "add", "--email", "Zoe@Example.org"];

    let added = said(&run(data.path(), &add, PASSWORD));
    let twice = said(&run(data.path(), &add, PASSWORD));
    let listed = run(data.path(), &["user", "list"], "");

    assert_eq!((added.0, twice.0), (Some(0), Some(1)));
    assert!(twice.1.contains("zoe@example.org exists already"), "{}", twice.1);
    let listed = String::from_utf8(listed.stdout).unwrap();
    let addresses: Vec<&str> = listed.lines().map(|line| line.split('\t').next().unwrap()).collect();
    assert_eq!(addresses, [OWNER, "zoe@example.org"]);
}

#[tokio::test]
async fn a_reset_link_is_printed_alone_and_nobody_unknown_gets_one() {
    let data = tempfile::tempdir().unwrap();
    make_issuer(data.path(), "http://localhost:1", &Epoch).await;

    let made = run(data.path(), &["user", "reset-link", OWNER], "");
    let unknown = said(&run(data.path(), &["user", "reset-link", "zoe@example.org"], ""));
    let reset = said(&run(data.path(), &["user", "reset-factors", OWNER], ""));

    let link = String::from_utf8(made.stdout.clone()).unwrap();
    let token = link.strip_prefix("http://localhost:1/reset/").expect(&link);
    assert_eq!((made.status.code(), token.len()), (Some(0), 44));
    assert!(said(&made).1.contains("within half an hour"));
    assert_eq!(unknown.0, Some(1));
    assert!(unknown.1.contains("nobody has the address zoe@example.org"), "{}", unknown.1);
    assert_eq!(reset.0, Some(0), "{}", reset.1);
}

#[tokio::test]
async fn serve_says_where_it_is_ready_and_stops_within_two_seconds() {
    let data = tempfile::tempdir().unwrap();
    make_issuer(data.path(), "http://localhost:1", &Epoch).await;
    let mut child = Command::new(env!("CARGO_BIN_EXE_keyfob-issuer"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = String::new();
    BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut ready).unwrap();
    let address =
        ready.trim().strip_prefix("keyfob-issuer: serving http://localhost:1 on ").expect(&ready).to_owned();
    // A connection that never asks for anything must not hold the end up.
    let _silent = std::net::TcpStream::connect(address).unwrap();

    let asked = Instant::now();
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    let status = child.wait().unwrap();

    assert_eq!(status.code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
}

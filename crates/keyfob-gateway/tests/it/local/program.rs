//! The program: where it listens, what it says, and what another user gets to see of it.

use super::world::{Home, Local, answer, private_folder, provider};
use crate::world::{FakeUpstream, soon};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Output, Stdio};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

fn gateway(home: &Home, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keyfob-gateway"));
    command.arg("local").args(arguments).kill_on_drop(true).env_clear();
    command.env("CODEX_HOME", home.path()).env("PATH", "/usr/bin:/bin");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

async fn ended(mut command: Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = soon(command.output()).await.unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

async fn home() -> (Home, FakeUpstream) {
    let upstream = FakeUpstream::start().await;
    (Home::new(&provider(upstream.address, "experimental_bearer_token = 'sk-1'")), upstream)
}

#[tokio::test]
async fn g_01_an_address_that_others_reach_is_refused_in_a_sentence() {
    let (home, _upstream) = home().await;

    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"] {
        let (code, stdout, stderr) = ended(gateway(&home, &["--listen", address])).await;
        let sentence = "is not on loopback: the local gateway holds your login, so it listens on 127.0.0.1 or [::1], or on a \
                        socket";
        assert_eq!((code, stdout.as_str()), (Some(2), ""));
        assert_eq!(stderr, format!("keyfob-gateway: error: --listen: {address} {sentence}\n"));
    }
    let (code, _, stderr) = ended(gateway(&home, &[])).await;
    assert_eq!(code, Some(2));
    assert!(stderr.contains("`XDG_RUNTIME_DIR` is not set"), "{stderr}");
}

#[tokio::test]
async fn g_07_a_link_at_the_sockets_path_is_refused_by_the_program() {
    let (home, _upstream) = home().await;
    let runtime = private_folder();
    let socket = runtime.path().join("local.sock");
    symlink(runtime.path().join("elsewhere"), &socket).unwrap();

    let (code, _, stderr) = ended(gateway(&home, &["--socket", socket.to_str().unwrap()])).await;

    assert_eq!(code, Some(1));
    assert_eq!(
        stderr,
        format!("keyfob-gateway: error: {} is there already and is no socket\n", socket.display())
    );
}

#[tokio::test]
async fn it_says_where_it_listens_serves_curl_at_its_socket_and_leaves_none_behind() {
    let (home, upstream) = home().await;
    let runtime = private_folder();
    let mut command = gateway(&home, &["--listen", "127.0.0.1:0", "--socket"]);
    let socket = runtime.path().join("s.sock");
    let mut child = command.arg(&socket).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let line = soon(lines.next_line()).await.unwrap().unwrap();
    let rest = line.strip_prefix("keyfob-gateway: local on http://127.0.0.1:").unwrap();
    let expected =
        format!(" and unix:{}, provider p, upstream http://{}/base/v1", socket.display(), upstream.address);
    assert!(rest.ends_with(&expected), "{line}");

    let mut curl = Command::new("curl");
    curl.args(["-sS", "--json", "{}", "http://localhost/v1/responses", "--unix-socket"]).arg(&socket);
    let (told, exchange) = tokio::join!(ended(curl), async { upstream.answer(&answer(200, "served")).await });

    assert_eq!(told, (Some(0), "served".into(), String::new()));
    assert_eq!(exchange.header("authorization"), ["Bearer sk-1"]);
    let id = child.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().await.unwrap().success());
    assert_eq!(soon(child.wait()).await.unwrap().code(), Some(0));
    assert!(!socket.exists());
}

#[tokio::test]
async fn g_02_a_key_is_printed_once_listed_by_name_and_revoked() {
    let (home, _upstream) = home().await;

    let (code, key, said) = ended(gateway(&home, &["key", "create", "editor", "--quota", "60"])).await;
    assert_eq!((code, key.trim_end().len()), (Some(0), 47));
    assert!(key.starts_with("kfl-") && said.contains("not shown again"), "{said}");
    let again = ended(gateway(&home, &["key", "create", "editor"])).await;
    assert_eq!(
        again,
        (
            Some(1),
            String::new(),
            "keyfob-gateway: error: there is a key for `editor` already; revoke it first\n".into()
        )
    );
    let list = ended(gateway(&home, &["key", "list"])).await;
    assert_eq!(list, (Some(0), "editor\t60/min\n".into(), String::new()));
    let file = home.own_folder().join("gateway-keys/editor.json");
    assert!(!std::fs::read_to_string(&file).unwrap().contains(key.trim_end()));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o600);

    let revoked = ended(gateway(&home, &["key", "revoke", "editor"])).await;
    assert_eq!(revoked, (Some(0), String::new(), "Revoked the key of `editor`\n".into()));
    assert_eq!(ended(gateway(&home, &["key", "revoke", "editor"])).await.0, Some(1));
    assert_eq!(ended(gateway(&home, &["key", "create", "../x"])).await.0, Some(2));
}

/// Runs a program as nobody, who is no friend of the person here.
async fn as_nobody(program: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", program]).args(arguments);
    ended(command).await
}

#[tokio::test]
async fn g_44_another_user_sees_neither_login_nor_key_nor_socket_and_is_served_with_a_tools_key_alone() {
    let local = Local::new().await;
    local.home.put("auth.json", "{}");
    for path in [local.home.path(), local.runtime_folder()] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let auth_file = local.home.path().join("auth.json");
    std::fs::set_permissions(&auth_file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let key_file = text(&local.home.own_folder().join("gateway-keys/tool.json"));
    let socket = text(&local.socket);
    let url = format!("http://{}/v1/responses", local.address);
    let answers = ["-sS", "-o", "/dev/null", "-w", "%{http_code}", "--json", "{}"];

    for secret in [text(&auth_file), key_file] {
        assert_eq!(as_nobody("cat", &[&secret]).await.0, Some(1), "{secret}");
    }
    let at_socket = [&answers[..], &["--unix-socket", &socket, "http://localhost/v1/responses"]].concat();
    assert_eq!(as_nobody("curl", &at_socket).await.0, Some(7), "curl cannot connect");
    let bare = [&answers[..], &[&url]].concat();
    assert_eq!(as_nobody("curl", &bare).await.1, "401");
    let header = format!("authorization: Bearer {}", local.key);
    let with_key = [&answers[..], &["-H", &header, &url]].concat();
    let (served, _) = tokio::join!(as_nobody("curl", &with_key), local.reply(200, "{}"));
    assert_eq!(served.1, "200");

    // Even whoever is let to the socket is another user there.
    for (path, mode) in [(local.socket.parent().unwrap(), 0o755), (local.socket.as_path(), 0o666)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    assert_eq!(as_nobody("curl", &at_socket).await.1, "401");
    assert!(local.upstream.saw_nothing());
}

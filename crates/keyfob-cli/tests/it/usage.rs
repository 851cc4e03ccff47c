//! `keyfob usage` at gateways that answer as a test says.

use crate::fake_issuer::{FakeIssuer, TOKEN};
use crate::signed_in::{FAR, signed_in, signed_in_at};
use crate::{Home, Ran, ran};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;

/// Answers one request after the other, and tells their heads; it ends with the process of the test.
struct Gateway {
    address: String,
    asked: mpsc::Receiver<String>,
}

impl Gateway {
    fn answering(answers: &[(u16, String)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (asks, asked) = mpsc::channel();
        let answers = answers.to_vec();
        std::thread::spawn(move || {
            for (status, body) in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let head: Vec<String> = BufReader::new(stream.try_clone().unwrap())
                    .lines()
                    .map_while(Result::ok)
                    .take_while(|line| !line.is_empty())
                    .collect();
                asks.send(head.join("\n")).unwrap();
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status} X\r\nlocation: https://evil.test/\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        Self { address, asked }
    }

    fn telling(usage: &Value) -> Self {
        Self::answering(&[(200, usage.to_string())])
    }

    /// Lets the provider of `home` be here, with these lines in its entry.
    fn configure(&self, home: &Home, lines: &str) {
        configure(home, &self.address, lines);
    }

    /// The heads of all requests so far.
    fn heads(&self) -> Vec<String> {
        self.asked.try_iter().collect()
    }
}

fn configure(home: &Home, address: &str, lines: &str) {
    let text = format!(
        "model_provider = 'ours'\n[model_providers.ours]\nname = 'Ours'\nbase_url = 'http://{address}/v1'\n{lines}\n"
    );
    std::fs::write(home.path().join("config.toml"), text).unwrap();
}

const LOGIN: &str = "requires_openai_auth = true";

fn usage(name: &str) -> Value {
    json!({
        "schema": 1, "of": { "subject": name, "workspace": "w-1", "key": null }, "days": 30, "currency": "EUR",
        "by": "model", "usage": [
            { "model": name, "requests": 2, "aborted": 1, "reserved": 0, "input_tokens": 100, "cached_tokens": 40,
              "output_tokens": 20, "reasoning_tokens": 5, "price": "0.28", "unpriced_requests": 0 }
        ],
    })
}

fn error(code: &str, message: &str) -> String {
    json!({ "error": { "message": message, "type": "invalid_request_error", "param": null, "code": code } })
        .to_string()
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[test]
fn s_07_what_one_used_is_asked_of_the_gateway_with_the_login_and_shown_as_a_table() {
    let (home, access) = signed_in(FAR, "rt-secret");
    let gateway = Gateway::telling(&usage("m-1"));
    gateway.configure(&home, LOGIN);

    let shown = home.run(&["usage"]);

    let words = format!(
        "m-1 in workspace w-1 used at http://{} in the last 30 days; prices in EUR:\n",
        gateway.address
    );
    let table = "model  requests  aborted  input  cached  output  price\n\
                 m-1           2        1    100      40      20   0.28\n";
    assert_eq!(shown, ran(0, table, &words));
    let heads = gateway.heads();
    let [head] = heads.as_slice() else { panic!("{heads:?}") };
    assert!(head.starts_with("GET /v1/keyfob/usage?by=model&since=30 HTTP/1.1\n"), "{head}");
    assert_eq!(header(head, "authorization"), Some(format!("Bearer {access}").as_str()));
    assert_eq!(header(head, "chatgpt-account-id"), Some("ws-1"));
}

#[test]
fn s_07_programs_and_spreadsheets_get_it_whole() {
    let (home, _) = signed_in(FAR, "rt-secret");
    let told = |arguments: &[&str]| {
        let gateway = Gateway::telling(&usage("m-1"));
        gateway.configure(&home, LOGIN);
        (home.run(arguments), gateway.heads().remove(0), gateway.address)
    };

    let (json, _, address) = told(&["usage", "--output", "json"]);
    let (short, _, its_address) = told(&["usage", "--json"]);
    let (csv, head, _) = told(&["usage", "--output", "csv", "--by", "day", "--since", "7"]);

    let document = |address: &str| {
        let mut document = json!({ "schema": 1, "state": "active", "provider": "ours", "gateway": format!("http://{address}/v1") });
        document.as_object_mut().unwrap().extend(usage("m-1").as_object().unwrap().clone());
        format!("{document}\n")
    };
    assert_eq!(json, ran(0, &document(&address), ""));
    assert_eq!(short, ran(0, &document(&its_address), ""));
    let lines = "model,requests,aborted,reserved,input_tokens,cached_tokens,output_tokens,reasoning_tokens,price,unpriced_requests\r\n\
                 \"m-1\",2,1,0,100,40,20,5,0.28,0\r\n";
    assert_eq!(csv, ran(0, lines, ""));
    assert!(head.starts_with("GET /v1/keyfob/usage?by=day&since=7 HTTP/1.1\n"), "{head}");
}

#[test]
fn s_07_who_used_nothing_is_told_so() {
    let (home, _) = signed_in(FAR, "rt-secret");
    let mut nothing = usage("u-1");
    (nothing["usage"], nothing["of"]["key"]) = (json!([]), json!("k-1"));
    let gateway = Gateway::telling(&nothing);
    gateway.configure(&home, LOGIN);

    let words = format!(
        "The key k-1 of u-1 in workspace w-1 used nothing at http://{} in the last 30 days.\n",
        gateway.address
    );
    assert_eq!(home.run(&["usage"]), ran(0, "", &words));
}

/// A login whose access token a gateway refuses, and its issuer, which gives another one.
fn refused(answers: &[(u16, String)]) -> (FakeIssuer, Home, String, Gateway) {
    let issuer = FakeIssuer::start();
    let (home, first) = signed_in_at(&issuer.url, FAR, "rt-secret");
    let person = json!({ "sub": "u-1", "https://api.openai.com/auth": { "chatgpt_account_id": "ws-1" } });
    issuer.answer(TOKEN, "200 OK", &issuer.tokens(&person));
    let gateway = Gateway::answering(answers);
    gateway.configure(&home, LOGIN);
    (issuer, home, first, gateway)
}

#[test]
fn g_31_a_token_that_the_gateway_refuses_is_refreshed_once_and_asked_with_once_more() {
    let invalid = (401, error("invalid_token", "no"));
    let (issuer, home, first, gateway) = refused(&[invalid, (200, usage("m-1").to_string())]);

    let shown = home.run(&["usage"]);

    assert_eq!((shown.code, issuer.times_asked(TOKEN)), (Some(0), 1), "{shown:?}");
    let stored = home.run(&["token"]).stdout;
    let heads = gateway.heads();
    let sent: Vec<_> = heads.iter().map(|head| header(head, "authorization").unwrap()).collect();
    assert_eq!(sent, [format!("Bearer {first}"), format!("Bearer {}", stored.trim_end())]);
    assert_ne!(first, stored.trim_end());
}

#[test]
fn g_31_what_is_refused_twice_is_told_in_the_gateways_words() {
    let invalid = (401, error("invalid_token", "The access token is not valid here. Run `keyfob login`"));
    let (issuer, home, _, gateway) = refused(&[invalid.clone(), invalid]);

    let shown = home.run(&["usage", "--output", "json"]);

    let failed = format!(
        "http://{} refused to tell what was used (status 401): The access token is not valid here. Run `keyfob login`",
        gateway.address
    );
    let document = format!("{}\n", json!({ "schema": 1, "state": "error", "error": failed }));
    let words =
        format!("error: {failed}\nhint: `keyfob why` says which credential is used, and where it goes\n");
    // The issuer's clock stands at 1970, which is told before.
    assert!(shown.stderr.ends_with(&words), "{shown:?}");
    assert_eq!((shown.code, shown.stdout), (Some(1), document));
    assert_eq!((issuer.times_asked(TOKEN), gateway.heads().len()), (1, 2));
}

#[test]
fn s_07_each_way_in_which_it_cannot_be_told_says_what_to_do() {
    let (home, _) = signed_in(FAR, "rt-secret");
    let told = |answer: (u16, String)| {
        let gateway = Gateway::answering(&[answer]);
        gateway.configure(&home, LOGIN);
        let Ran { code, stdout, stderr } = home.run(&["usage"]);
        assert_eq!((stdout.as_str(), gateway.heads().len()), ("", 1));
        (code, stderr.replace(&gateway.address, "GATEWAY"))
    };

    let none = "error: http://GATEWAY does not tell what was used: it is no Keyfob gateway, or an older one\n\
                hint: `--provider ID` names another provider; `keyfob why` says which one is used, and where it is\n";
    for (status, body) in [(404, "{}"), (200, "<html>"), (302, ""), (200, "{\"object\":\"list\"}")] {
        assert_eq!(told((status, body.into())), (Some(1), none.into()), "{status} {body}");
    }
    let kept = "error: the gateway http://GATEWAY does not write down what is used\n\
                hint: whoever runs it can give it a folder for that: `data` in `gateway.toml`\n";
    assert_eq!(told((404, error("usage_not_kept", "x"))), (Some(1), kept.into()));
    let too_much = "error: http://GATEWAY refused to tell what was used (status 400): ask for fewer days\n";
    assert_eq!(told((400, error("too_much", "ask for fewer days"))), (Some(1), too_much.into()));
}

#[test]
fn s_07_nobody_is_asked_where_there_is_nobody_or_nothing_to_ask_with() {
    let (home, _) = signed_in(FAR, "rt-secret");
    configure(&home, "127.0.0.1:1", LOGIN);
    let offline = "error: http://127.0.0.1:1 did not answer\n  cause: no connection: Connection refused (os error 111)\n\
                   hint: your login is untouched; try again when the gateway answers\n";
    assert_eq!(home.run(&["usage"]), ran(8, "", offline));
    configure(&home, "127.0.0.1:1", "");
    let open = "error: provider `ours` is shown no credential, so its server does not know who asks\n\
                hint: `--provider ID` names another provider; docs/providers.md says what goes to one\n";
    assert_eq!(home.run(&["usage"]), ran(1, "", open));
    let elsewhere = home.run(&["usage", "--provider", "openai"]);
    let refused = "error: http://127.0.0.1:1 does not vouch for https://chatgpt.com, so what it issued is not sent there";
    assert_eq!((elsewhere.code, elsewhere.stderr.lines().next()), (Some(1), Some(refused)));

    let empty = Home::empty();
    configure(&empty, "127.0.0.1:1", LOGIN);
    let signed_out = "error: not signed in\nhint: run `keyfob login` to sign in\n";
    assert_eq!(empty.run(&["usage"]), ran(4, "", signed_out));
}

#[test]
fn s_07_a_key_of_the_provider_is_shown_to_it_and_not_had_anew() {
    let home = Home::empty();
    let gateway =
        Gateway::answering(&[(200, usage("m-1").to_string()), (401, error("unknown_tool_key", "no"))]);
    gateway.configure(&home, "env_key = 'TOOL_KEY'\nhttp_headers = { X-Team = 'blue' }");
    let run = || home.run_with(&[("TOOL_KEY", "kfl-1")], &["usage"]);

    let (first, second) = (run(), run());

    assert_eq!((first.code, second.code), (Some(0), Some(1)));
    let heads = gateway.heads();
    let sent: Vec<_> =
        heads.iter().map(|head| (header(head, "authorization"), header(head, "x-team"))).collect();
    assert_eq!(sent, [(Some("Bearer kfl-1"), Some("blue")); 2]);
}

#[test]
fn c_52_nothing_that_a_gateway_tells_reaches_the_terminal() {
    let (home, _) = signed_in(FAR, "rt-secret");
    let hostile = "m\u{1b}[2J\u{9b}2J\u{202e}\r\u{7}x\nline";
    let answers = [(200, usage(hostile).to_string()), (403, error(hostile, hostile))];
    for (status, body) in answers {
        for output in ["text", "json", "csv"] {
            let gateway = Gateway::answering(&[(status, body.clone())]);
            gateway.configure(&home, LOGIN);

            let Ran { stdout, stderr, .. } = home.run(&["usage", "--output", output]);

            let text = format!("{stdout}{stderr}").replace("\r\n", "\n");
            let is_inert = |c: char| !(c.is_control() && c != '\n') && c != '\u{202e}';
            assert!(text.chars().all(is_inert) && !text.contains("\nline"), "{status} {output}: {text:?}");
        }
    }
}

//! An issuer that takes every connection and never answers.

use crate::signed_in::{FAR, signed_in_at};
use crate::{Home, Ran};
use std::io::Write as _;
use std::net::TcpListener;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

/// What a command is run with there, and what comes of it.
struct Case {
    arguments: &'static [&'static str],
    stdin: &'static str,
    /// Until when the stored access token counts.
    expires: i64,
    code: i32,
}

const PAST: i64 = 1;
const TOKEN: &str = "at-canary-0123456789\n";
const STEP: Duration = Duration::from_secs(30);

const fn case(arguments: &'static [&'static str], expires: i64, code: i32) -> Case {
    Case { arguments, stdin: "", expires, code }
}

/// Each command that asks an issuer, but for those that sign out.
const CASES: [Case; 12] = [
    case(&["token"], PAST, 8),
    case(&["token", "--json"], PAST, 8),
    case(&["status", "--check"], FAR, 8),
    case(&["status", "--check", "--json"], PAST, 8),
    case(&["session", "list"], FAR, 8),
    case(&["session", "rename", "s", "name"], FAR, 8),
    case(&["login", "--no-browser"], FAR, 1),
    case(&["login", "--no-browser", "--json"], FAR, 8),
    case(&["login", "--device-auth"], FAR, 1),
    case(&["login", "--device-auth", "--json"], FAR, 8),
    Case { stdin: TOKEN, ..case(&["login", "--with-access-token"], FAR, 1) },
    Case { stdin: TOKEN, ..case(&["login", "--with-access-token", "--json"], FAR, 8) },
];

/// The issuer: the kernel takes the connections.
fn silence() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    (listener, issuer)
}

fn run(home: &Home, case: &Case) -> Ran {
    let mut command = home.command(case.arguments);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It may end without reading.
    let _written = child.stdin.take().unwrap().write_all(case.stdin.as_bytes());
    Ran::of(child.wait_with_output().unwrap(), home)
}

#[test]
fn r_22_with_an_issuer_that_never_answers_every_command_ends_and_leaves_the_login_as_it_was() {
    let (_listener, issuer) = silence();
    thread::scope(|scope| {
        for case in &CASES {
            let issuer = &issuer;
            scope.spawn(move || {
                let (home, _) = signed_in_at(issuer, case.expires, "rt-secret");
                let (before, began) = (home.stored(), Instant::now());

                let ran = run(&home, case);

                assert_eq!(ran.code, Some(case.code), "{:?}: {ran:?}", case.arguments);
                assert!(ran.stderr.contains("no answer within 20 s"), "{:?}: {ran:?}", case.arguments);
                assert!(began.elapsed() < STEP, "{:?}: {:?}", case.arguments, began.elapsed());
                assert_eq!(home.stored(), before, "{:?}", case.arguments);
            });
        }
    });
}

#[test]
fn c_62_with_an_issuer_that_never_answers_signing_out_ends_here_and_says_that_it_was_not_confirmed() {
    let (_listener, issuer) = silence();
    let logouts = [(&["logout", "--replace"][..], 1), (&["logout", "--all", "--replace"], 2)];
    thread::scope(|scope| {
        for (arguments, waits) in logouts {
            let issuer = &issuer;
            scope.spawn(move || {
                let (home, _) = signed_in_at(issuer, FAR, "rt-secret");
                let began = Instant::now();

                let ran = run(&home, &case(arguments, FAR, 0));

                assert_eq!(ran.code, Some(0), "{ran:?}");
                assert!(ran.stderr.contains("did not confirm that the session ended"), "{ran:?}");
                assert!(began.elapsed() < STEP * waits, "{arguments:?}: {:?}", began.elapsed());
                assert_eq!(home.stored(), None);
            });
        }
    });
}

//! Answers that lead elsewhere: nothing follows them (security C-18).

use crate::fake_issuer::{
    DISCOVERY, FakeIssuer, KEYS, POLL, REVOKE, SESSIONS, SignIn, TOKEN, USER_CODE, WHO_AM_I,
};
use crate::signed_in::{FAR, signed_in_at};
use crate::{Home, Ran};
use std::io::{ErrorKind, Write as _};
use std::net::TcpListener;
use std::process::Stdio;

const REDIRECTS: [u16; 5] = [301, 302, 303, 307, 308];

/// Where the answers lead; whoever comes there is seen.
pub(crate) struct Elsewhere(TcpListener);

impl Elsewhere {
    pub(crate) fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    /// Addresses there that differ from the issuer's in port, in host and in scheme.
    pub(crate) fn addresses(&self) -> [String; 3] {
        let port = self.0.local_addr().unwrap().port();
        ["http://127.0.0.1", "http://localhost", "https://127.0.0.1"]
            .map(|origin| format!("{origin}:{port}/canary"))
    }

    pub(crate) fn nobody_came(&self) -> bool {
        self.0.accept().is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }
}

/// Lets `path` of an issuer redirect in every way; `act` uses it, and says what its result must be.
fn redirecting(path: &str, act: impl Fn(&FakeIssuer) -> Ran, expected: impl Fn(&Ran, u16) -> bool) {
    let elsewhere = Elsewhere::open();
    for status in REDIRECTS {
        for address in elsewhere.addresses() {
            let issuer = FakeIssuer::start();
            issuer.redirect(path, status, &address);

            let ran = act(&issuer);

            assert!(issuer.was_asked(path), "{path} was not asked for: {ran:?}");
            assert!(expected(&ran, status), "{status} to {address}: {ran:?}");
            assert!(elsewhere.nobody_came(), "{status} to {address} was followed");
        }
    }
}

#[test]
fn c_18_discovery_is_not_led_elsewhere() {
    let act = |issuer: &FakeIssuer| Home::empty().run(&["login", "--no-browser", "--issuer", &issuer.url]);
    let expected = |ran: &Ran, status: u16| {
        let why = format!("publishes no discovery document (status {status})");
        ran.code == Some(1) && ran.stderr.contains(&why)
    };

    redirecting(DISCOVERY, act, expected);
}

#[test]
fn c_18_a_code_and_its_verifier_are_not_led_elsewhere() {
    let act = |issuer: &FakeIssuer| {
        let home = Home::empty();
        let ran = SignIn::start(&home, issuer).finish("code=canary-code");
        assert_eq!(home.stored(), None);
        ran
    };

    redirecting(TOKEN, act, |ran, status| {
        ran.code == Some(1) && ran.stderr.contains(&format!("the issuer refused the request ({status})"))
    });
}

#[test]
fn c_18_keys_are_not_taken_from_elsewhere() {
    let act = |issuer: &FakeIssuer| {
        let home = Home::empty();
        let sign_in = SignIn::start(&home, issuer);
        issuer.answer(TOKEN, "200 OK", &issuer.tokens(&issuer.claims(&sign_in)));
        let ran = sign_in.finish("code=canary-code");
        assert_eq!(home.stored(), None);
        ran
    };

    redirecting(KEYS, act, |ran, status| {
        ran.code == Some(1) && ran.stderr.contains(&format!("the issuer answered with status {status}"))
    });
}

#[test]
fn c_18_a_refresh_token_is_not_led_elsewhere_to_refresh_or_to_revoke() {
    let refresh = |issuer: &FakeIssuer| {
        let (home, _) = signed_in_at(&issuer.url, 1, "rt-canary-0123456789");
        let before = home.stored();
        let ran = home.run(&["token"]);
        assert_eq!(home.stored(), before);
        ran
    };
    let revoke = |issuer: &FakeIssuer| {
        let (home, _) = signed_in_at(&issuer.url, FAR, "rt-canary-0123456789");
        home.run(&["logout", "--replace"])
    };

    redirecting(TOKEN, refresh, |ran, _| ran.code == Some(8) && ran.stdout.is_empty());
    redirecting(REVOKE, revoke, |ran, _| ran.code == Some(0) && ran.stderr.contains("did not confirm"));
}

#[test]
fn c_18_an_access_token_is_not_led_elsewhere() {
    let act = |issuer: &FakeIssuer| {
        let (home, _) = signed_in_at(&issuer.url, FAR, "rt-canary-0123456789");
        home.run(&["session", "list"])
    };

    redirecting(SESSIONS, act, |ran, _| ran.code == Some(1) && ran.stdout.is_empty());
}

#[test]
fn c_18_a_device_sign_in_is_not_led_elsewhere_to_begin_or_to_ask() {
    let device =
        |issuer: &FakeIssuer| Home::empty().run(&["login", "--device-auth", "--issuer", &issuer.url]);
    let ask = |issuer: &FakeIssuer| {
        let given = r#"{"device_auth_id":"canary-device","user_code":"ABCD-1234","interval":"1"}"#;
        issuer.answer(USER_CODE, "200 OK", given);
        device(issuer)
    };
    let expected = |ran: &Ran, status: u16| {
        ran.code == Some(1) && ran.stderr.contains(&format!("the issuer refused the request ({status})"))
    };

    redirecting(USER_CODE, device, expected);
    redirecting(POLL, ask, expected);
}

#[test]
fn c_18_a_personal_access_token_is_not_led_elsewhere() {
    let act = |issuer: &FakeIssuer| {
        let home = Home::empty();
        let mut command = home.command(&["login", "--with-access-token", "--issuer", &issuer.url]);
        let mut child =
            command.stdin(Stdio::piped()).stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"at-canary-0123456789\n").unwrap();
        let ran = Ran::of(child.wait_with_output().unwrap(), &home);
        assert_eq!(home.stored(), None);
        ran
    };

    redirecting(WHO_AM_I, act, |ran, _| ran.code == Some(1));
}

//! A login that another machine copied here.

use crate::signed_in::{FAR, document};
use crate::{Home, Ran};
use serde_json::Value;
use std::io::Write as _;
use std::process::Stdio;

fn receive(home: &Home, copy: &str) -> Ran {
    let mut command = home.command(&["handoff", "receive", "--issuer", "https://id.corp.example"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(copy.as_bytes()).unwrap();
    Ran::of(child.wait_with_output().unwrap(), home)
}

#[test]
fn c_66_a_copy_that_names_no_issuer_is_one_of_openais_and_of_no_other() {
    let (named, _) = document("https://id.corp.example", "u-1", FAR, "rt-secret");
    let mut unnamed: Value = serde_json::from_str(&named).unwrap();
    unnamed["tokens"].as_object_mut().unwrap().remove("oauth_provenance");

    let home = Home::empty();
    let refused = receive(&home, &unnamed.to_string());
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("a login of https://auth.openai.com was handed over"), "{refused:?}");
    assert_eq!(home.stored(), None);

    assert_eq!(receive(&home, &named).code, Some(0));
    assert!(home.stored().is_some());
}

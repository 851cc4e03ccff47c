//! Doors × kinds of credentials × layers × rules: the outcome, the message, and what stays.

use super::machine::{Machine, NOBODY, Place, Stored};
use super::rules::{Credential, Rule, Verdict, Workspace, rules};
use crate::{Ran, ran};
use serde_json::{Value, json};
use std::sync::Mutex;

/// A command, what it is given, and what it uses.
#[derive(Clone, Copy)]
struct Door {
    name: &'static str,
    arguments: &'static [&'static str],
    variable: Option<(&'static str, &'static str)>,
    input: &'static str,
    uses: Uses,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Uses {
    /// The stored login.
    Stored,
    /// What is in a variable; the stored login stays.
    Variable(Credential),
    /// It only reports on the stored login.
    Reports,
    /// It only says whether somebody is signed in.
    SaysWhether,
    /// It brings another one.
    Brings(Credential),
}

const DOOR: Door = Door { name: "", arguments: &[], variable: None, input: "", uses: Uses::Stored };

const DOORS: &[Door] = &[
    Door { name: "token", arguments: &["token"], ..DOOR },
    Door { name: "session list", arguments: &["session", "list"], ..DOOR },
    Door { name: "handoff", arguments: &["handoff", "--text"], ..DOOR },
    Door { name: "handoff --copy", arguments: &["handoff", "--copy", "--docker", "c-1"], ..DOOR },
    Door { name: "exec", arguments: &["exec", "--", "true"], ..DOOR },
    Door {
        name: "exec with CODEX_API_KEY",
        arguments: &["exec", "--", "true"],
        variable: Some(("CODEX_API_KEY", "sk-2")),
        uses: Uses::Variable(Credential::Key),
        ..DOOR
    },
    Door {
        name: "why --provider",
        arguments: &["why", "--provider", "openai", "--json"],
        uses: Uses::Reports,
        ..DOOR
    },
    Door { name: "status", arguments: &["status", "--json"], uses: Uses::Reports, ..DOOR },
    Door { name: "why", arguments: &["why", "--json"], uses: Uses::Reports, ..DOOR },
    Door { name: "login status", arguments: &["login", "status"], uses: Uses::SaysWhether, ..DOOR },
    Door {
        name: "CODEX_API_KEY",
        arguments: &["token"],
        variable: Some(("CODEX_API_KEY", "sk-2")),
        uses: Uses::Variable(Credential::Key),
        ..DOOR
    },
    Door {
        name: "CODEX_ACCESS_TOKEN",
        arguments: &["token"],
        variable: Some(("CODEX_ACCESS_TOKEN", "at-2")),
        uses: Uses::Variable(Credential::Account(None, Workspace::Unknown)),
        ..DOOR
    },
    Door {
        name: "login --with-api-key",
        arguments: &["login", "--with-api-key", "--replace", "--json"],
        input: "sk-3",
        uses: Uses::Brings(Credential::Key),
        ..DOOR
    },
];

struct Case<'a> {
    door: &'a Door,
    stored: &'a Stored,
    rule: Rule,
}

impl Case<'_> {
    /// Runs it with the rule, and returns what is then stored.
    fn play(&self, rule: Option<Rule>) -> (Ran, Option<String>) {
        let machine = Machine::new();
        machine.home.configure(&format!("issuer = \"{NOBODY}\"\n"));
        let machine = match rule {
            Some(rule) => machine.with(rule.place, rule.text),
            None => machine,
        };
        machine.store(self.stored);
        let variables: Vec<_> = self.door.variable.into_iter().collect();
        let ran = machine.run(self.door.arguments, &variables, self.door.input);
        (ran, machine.home.stored())
    }

    fn check(&self) -> Result<(), String> {
        let (ran, stored) = self.play(Some(self.rule));
        let kept = self.stored.document.clone();
        let judged = self.rule.verdict(self.stored.credential);
        let expected = match (self.door.uses, judged) {
            (Uses::Stored, Verdict::Broken { words, next }) if self.rule.place == Place::Flag => {
                (self.refused(&words, next), kept)
            }
            (Uses::Stored, Verdict::Broken { words, next }) => (self.evicted(&words, next), None),
            (Uses::Stored, Verdict::Unverified) => (self.unverified(), kept),
            (Uses::Reports, verdict @ (Verdict::Broken { .. } | Verdict::Unverified)) => {
                return self.check_report(&ran, &verdict, stored == kept);
            }
            (Uses::SaysWhether, Verdict::Broken { words, .. }) => {
                let place = self.rule.place.named(self.rule.line);
                let note = format!("Not logged in\nnote: {words} `{}` in {place} says so\n", self.rule.key);
                (self::ran(1, "", &note), kept)
            }
            (Uses::Variable(given), _) => (self.variable(given), kept),
            (Uses::Brings(given), _) => match self.rule.verdict(given) {
                Verdict::Broken { .. } => (self.disabled(), kept),
                Verdict::Allowed | Verdict::Unverified => {
                    return check_brought(&ran, stored.as_deref());
                }
            },
            (_, Verdict::Allowed) | (Uses::SaysWhether, Verdict::Unverified) => self.play(None),
        };
        if (&ran, &stored) == (&expected.0, &expected.1) {
            return Ok(());
        }
        Err(format!(
            "{ran:#?}\nstored: {}\nexpected: {:#?}\n{}",
            stored.is_some(),
            expected.0,
            expected.1.is_some()
        ))
    }

    fn evicted(&self, words: &str, next: &str) -> Ran {
        let fate = if self.stored.name.starts_with("account") {
            format!(
                "the login was removed here; {NOBODY} did not confirm that the session ended, so it may live on there \
                 until it expires"
            )
        } else {
            "the login was removed here".to_owned()
        };
        let says_so = self.rule.says_so();
        ran(6, "", &format!("error: {words} Logging out.\nhint: {fate}\nhint: {says_so}\nhint: {next}\n"))
    }

    /// What holds for one command ends nothing.
    fn refused(&self, words: &str, next: &str) -> Ran {
        let fate = "`-c` holds for this command alone, so what is stored stays";
        let says_so = self.rule.says_so();
        ran(6, "", &format!("error: {words}\nhint: {fate}\nhint: {says_so}\nhint: {next}\n"))
    }

    /// The issuer does not answer, so that nobody can say whose the login is.
    fn unverified(&self) -> Ran {
        let again = "try again when the issuer answers, or sign in again: `keyfob login`";
        let (cause, next) = if self.stored.name.starts_with("token") {
            (
                "nobody but its issuer knows when the stored personal access token ends".to_owned(),
                "bring the token again, so that its issuer is asked: `keyfob login --with-access-token`",
            )
        } else {
            let cause = format!(
                "cannot refresh the session at {NOBODY}\n  cause: the issuer did not answer\n  \
                 cause: no connection: Connection refused (os error 111)"
            );
            (cause, again)
        };
        let place = self.rule.place.named(self.rule.line);
        ran(
            6,
            "",
            &format!(
                "error: whether the stored login may be used here cannot be verified now\n  cause: {cause}\n\
                 hint: {place} restricts who may sign in; nothing was changed\nhint: {next}\n"
            ),
        )
    }

    fn variable(&self, given: Credential) -> Ran {
        let name = self.door.variable.map_or("", |(name, _)| name);
        match self.rule.verdict(given) {
            Verdict::Allowed => self.play(None).0,
            Verdict::Broken { words, .. } => {
                let says_so = self.rule.says_so();
                let unset =
                    format!("`{name}` is not used, and what is stored stays: unset it, or give another one");
                ran(6, "", &format!("error: {words}\nhint: {says_so}\nhint: {unset}\n"))
            }
            Verdict::Unverified => {
                let place = self.rule.place.named(self.rule.line);
                let asked = self.rule.issuer.unwrap_or(NOBODY);
                ran(
                    6,
                    "",
                    &format!(
                        "error: whose token is in `{name}` cannot be verified now\n  \
                         cause: cannot ask {asked} whose token it is\n  \
                         cause: no connection: Connection refused (os error 111)\n\
                         hint: {place} restricts who may sign in; nothing was changed\n\
                         hint: try again when its issuer answers; `{name}` is not used, and what is stored stays\n"
                    ),
                )
            }
        }
    }

    fn disabled(&self) -> Ran {
        let says_so = self.rule.says_so();
        let words = "API key login is disabled. Use ChatGPT login instead.";
        ran(
            6,
            &format!("{{\"schema\":1,\"state\":\"policy_denied\",\"error\":\"{words}\"}}\n"),
            &format!(
                "error: {words}\nhint: {says_so}\n\
                 hint: sign in with an account: `keyfob login`\n"
            ),
        )
    }

    fn check_report(&self, ran: &Ran, verdict: &Verdict, is_kept: bool) -> Result<(), String> {
        let report: Value =
            serde_json::from_str(&ran.stdout).map_err(|error| format!("{error}: {ran:#?}"))?;
        let file = self.rule.place.named(self.rule.line);
        let (file, _) = file.rsplit_once(':').unwrap_or_default();
        let (expected, code) = match verdict {
            Verdict::Broken { words, .. } => (
                json!({ "broken": true, "what": words, "key": self.rule.key, "file": file, "line": self.rule.line }),
                6,
            ),
            Verdict::Unverified => (
                json!({ "broken": null, "what": "not verified yet", "key": null, "file": file, "line": self.rule.line }),
                0,
            ),
            Verdict::Allowed => (Value::Null, 0),
        };
        let state = if code == 6 { "policy_denied" } else { "active" };
        let is_right = report.get("restricted") == Some(&expected)
            && report.get("state") == Some(&json!(state))
            && ran.code == Some(code)
            && is_kept;
        if is_right { Ok(()) } else { Err(format!("{ran:#?}\nexpected {expected}, kept {is_kept}")) }
    }
}

/// The new one takes the place, whatever became of the old one.
fn check_brought(ran: &Ran, stored: Option<&str>) -> Result<(), String> {
    let document: Option<Value> = stored.and_then(|text| serde_json::from_str(text).ok());
    let key = document.as_ref().and_then(|document| document.get("OPENAI_API_KEY"));
    if ran.code == Some(0) && key == Some(&json!("sk-3")) {
        Ok(())
    } else {
        Err(format!("{ran:#?}\n{stored:?}"))
    }
}

#[test]
fn s_15_s_16_s_17_s_18_c_53_every_door_and_kind_and_layer_and_rule_has_the_outcome_that_is_written_down() {
    let (kinds, rules) = (Stored::kinds(), rules());
    let mut cases = Vec::new();
    for door in DOORS {
        for stored in &kinds {
            cases.extend(rules.iter().map(|rule| Case { door, stored, rule: *rule }));
        }
    }
    assert_eq!(cases.len(), 2_730);
    let (cases, wrong) = (Mutex::new(cases.into_iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let Some(case) = cases.lock().unwrap().next() else { break };
                    if let Err(problem) = case.check() {
                        let name = format!("{} × {} × {:?}", case.door.name, case.stored.name, case.rule);
                        wrong.lock().unwrap().push(format!("{name}\n{problem}"));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.iter().take(5).cloned().collect::<Vec<_>>().join("\n\n")
    );
}

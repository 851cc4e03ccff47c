//! Random walks through sign-ins over HTTP, beside a machine of few lines that says what each page must be (I-57).
//!
//! A walk has several tabs of one browser, goes back to cookies of before, and sends every step's form from every page. After
//! each step the page of each tab is the machine's, and what is granted at the end names the factors that were proven and
//! the time at which they were.

use crate::app::{App, enrol};
use crate::browser::{Answer, Browser};
use crate::rounds::rounds;
use crate::world::{Kept, OWNER, PASSWORD, Tokens, World, changed, codex_request, exchange, on_both};
use keyfob_jose::read_unverified;
use keyfob_oauth::Clock as _;
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::json;
use std::collections::BTreeMap;

/// So many walks, usually.
const WALKS: usize = 12;
const STEPS: usize = 24;
/// More would have to wait, which other tests are about.
const MOST_WRONG: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// A program asks, in a new tab; for a sign-in from now on, perhaps.
    Ask(Asked),
    /// Another tab comes to the front.
    Tab(usize),
    Password(Typed),
    SecondFactor(Typed),
    /// An answer to what the account has done long ago.
    SetUp,
    Approve,
    Deny,
    SignOut,
    /// The cookies are kept aside, or come back.
    Keep,
    Back,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Plainly,
    ForALogin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Typed {
    Right,
    Wrong,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Ask(Asked::Plainly)),
        1 => Just(Step::Ask(Asked::ForALogin)),
        2 => (0_usize..3).prop_map(Step::Tab),
        5 => Just(Step::Password(Typed::Right)),
        1 => Just(Step::Password(Typed::Wrong)),
        5 => Just(Step::SecondFactor(Typed::Right)),
        1 => Just(Step::SecondFactor(Typed::Wrong)),
        1 => Just(Step::SetUp),
        4 => Just(Step::Approve),
        1 => Just(Step::Deny),
        1 => Just(Step::SignOut),
        1 => Just(Step::Keep),
        1 => Just(Step::Back),
    ]
}

/// What a page asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Page {
    SignIn,
    SecondFactor,
    Consent,
    Finished,
    Other,
}

impl Page {
    fn of(answer: &Answer) -> Self {
        let known = [
            ("sign-in", Self::SignIn),
            ("second-factor", Self::SecondFactor),
            ("confirm", Self::Consent),
            ("finished", Self::Finished),
        ];
        let is = |id: &str| answer.body.contains(&format!("id=\"{id}\""));
        known.into_iter().find(|(id, _)| is(id)).map_or(Self::Other, |(_, page)| page)
    }
}

/// What somebody has proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Proven {
    password_at: i64,
    has_second_factor: bool,
}

#[derive(Clone, Debug)]
struct Tab {
    place: String,
    since: Option<i64>,
    is_over: bool,
}

/// Cookies, and the session that they name.
#[derive(Clone, Debug, Default)]
struct Jar {
    cookies: BTreeMap<String, String>,
    session: Option<usize>,
}

/// The machine beside the issuer.
#[derive(Default)]
struct Machine {
    /// Sessions by the cookie that names them: each proof makes a new one, and the one before it is worth nothing.
    sessions: BTreeMap<usize, Proven>,
    made: usize,
    tabs: Vec<Tab>,
    front: usize,
    session: Option<usize>,
    kept: Option<Jar>,
}

impl Machine {
    fn proven(&self) -> Option<Proven> {
        self.session.and_then(|session| self.sessions.get(&session).copied())
    }

    fn page(&self, tab: &Tab) -> Page {
        match self.proven() {
            _ if tab.is_over => Page::Finished,
            Some(proven) if tab.since.is_some_and(|since| proven.password_at < since) => Page::SignIn,
            Some(Proven { has_second_factor: false, .. }) => Page::SecondFactor,
            Some(_) => Page::Consent,
            None => Page::SignIn,
        }
    }

    fn replace(&mut self, proven: Option<Proven>) {
        if let Some(old) = self.session.take() {
            self.sessions.remove(&old);
        }
        if let Some(proven) = proven {
            self.made += 1;
            self.sessions.insert(self.made, proven);
            self.session = Some(self.made);
        }
    }
}

on_both!(i_57_random_walks_over_http_never_skip_a_step_and_tokens_name_what_was_proven);
#[expect(clippy::print_stdout, reason = "how far the walks went")]
async fn i_57_random_walks_over_http_never_skip_a_step_and_tokens_name_what_was_proven(kept: Kept) {
    let world = World::keeping(kept).await;
    let (app, _) = enrol(&world, &mut world.browser()).await;
    let mut runner = TestRunner::deterministic();
    let walks = proptest::collection::vec(step(), STEPS);
    let (mut steps_taken, mut pages, mut granted) = (0, 0, 0);
    let rounds = rounds(WALKS);
    for _ in 0..rounds {
        let steps = walks.new_tree(&mut runner).unwrap().current();
        let mut walk =
            Walk { world: &world, app: &app, browser: world.browser(), machine: Machine::default() };
        walk.ask(Asked::Plainly).await;
        let (mut wrong, mut taken) = (0, Vec::new());
        for step in steps {
            let is_wrong =
                matches!(step, Step::Password(Typed::Wrong) | Step::SecondFactor(Typed::Wrong) | Step::SetUp);
            wrong += usize::from(is_wrong);
            if is_wrong && wrong > MOST_WRONG {
                continue;
            }
            taken.push(step);
            steps_taken += 1;
            granted += usize::from(walk.take(step).await);
            pages += walk.compare(&taken).await;
        }
        // What was wrong is forgotten by what is right, for the next walk.
        walk.machine.front = walk.machine.tabs.len();
        walk.take(Step::SignOut).await;
        walk.ask(Asked::Plainly).await;
        walk.take(Step::Password(Typed::Right)).await;
        walk.take(Step::SecondFactor(Typed::Right)).await;
    }
    println!("{rounds} walks, {steps_taken} steps, {pages} pages compared, {granted} sign-ins granted");
    assert!(granted > rounds / 2, "walks get somewhere: {granted}");
}

struct Walk<'a> {
    world: &'a World,
    app: &'a App,
    browser: Browser,
    machine: Machine,
}

impl Walk<'_> {
    async fn ask(&mut self, asked: Asked) {
        self.world.clock.advance(1);
        let prompt = match asked {
            Asked::Plainly => "",
            Asked::ForALogin => "login",
        };
        let request = changed(&codex_request(), &[("prompt", prompt)]);
        let place = self.world.begin(&mut self.browser, &request).await;
        let since = (asked == Asked::ForALogin).then(|| self.now());
        self.machine.tabs.push(Tab { place, since, is_over: false });
        self.machine.front = self.machine.tabs.len() - 1;
    }

    fn now(&self) -> i64 {
        self.world.clock.now().as_unix()
    }

    fn front(&self) -> &Tab {
        &self.machine.tabs[self.machine.front.min(self.machine.tabs.len() - 1)]
    }

    /// Sends a form of the tab's place, from whatever page is there; returns what came.
    async fn send(&mut self, form: &str, fields: &[(&str, &str)]) -> Answer {
        let place = self.front().place.clone();
        let page = self.browser.get(&place).await;
        let csrf = if page.body.contains("name=\"csrf\"") { page.csrf() } else { String::new() };
        let fields: Vec<_> = [("csrf", &*csrf)].into_iter().chain(fields.iter().copied()).collect();
        self.browser.post(&format!("{place}/{form}"), &fields).await
    }

    /// Takes a step; returns whether something was granted.
    async fn take(&mut self, step: Step) -> bool {
        let before = self.machine.page(self.front());
        match step {
            Step::Ask(asked) => self.ask(asked).await,
            Step::Tab(number) => self.machine.front = number % self.machine.tabs.len(),
            Step::Password(typed) => {
                let password = if typed == Typed::Right { PASSWORD } else { "wrong horse" };
                self.send("sign-in", &[("email", OWNER), ("password", password)]).await;
                if typed == Typed::Right && before == Page::SignIn {
                    let proven = Proven { password_at: self.now(), has_second_factor: false };
                    self.machine.replace(Some(proven));
                }
            }
            Step::SecondFactor(typed) => {
                // Each code counts once.
                self.world.clock.advance(30);
                let code = self.app.code(self.world);
                let code = if typed == Typed::Right { &*code } else { "wrong" };
                let is_over = self.front().is_over;
                self.send("second-factor", &[("answer", code)]).await;
                // Proving it again is how a proof becomes fresh.
                if let Some(proven) = self.machine.proven()
                    && typed == Typed::Right
                    && !is_over
                {
                    self.machine.replace(Some(Proven { has_second_factor: true, ..proven }));
                }
            }
            Step::SetUp => drop(self.send("set-up", &[("answer", "000000")]).await),
            Step::Approve => return self.approve(before).await,
            Step::Deny => {
                let answer = self.send("confirm", &[("decision", "deny")]).await;
                let is_told = answer.location().is_some_and(|to| to.contains("error=access_denied"));
                assert_eq!(is_told, before == Page::Consent);
                self.end_tab(is_told);
            }
            Step::SignOut => {
                let is_over = self.front().is_over;
                self.send("sign-out", &[]).await;
                if !is_over {
                    self.machine.replace(None);
                }
            }
            Step::Keep => {
                let (cookies, session) = (self.browser.cookies.clone(), self.machine.session);
                self.machine.kept = Some(Jar { cookies, session });
            }
            Step::Back => {
                if let Some(Jar { cookies, session }) = self.machine.kept.clone() {
                    // What goes back is who is signed in; the tabs stay.
                    self.browser.cookies.retain(|name, _| name.contains("interaction"));
                    self.browser.cookies.extend(cookies);
                    self.machine.session = session;
                }
            }
        }
        false
    }

    fn end_tab(&mut self, is_over: bool) {
        let front = self.machine.front.min(self.machine.tabs.len() - 1);
        self.machine.tabs[front].is_over |= is_over;
    }

    async fn approve(&mut self, before: Page) -> bool {
        let answer = self.send("confirm", &[("decision", "approve")]).await;
        let code =
            answer.location().filter(|to| to.contains("code=")).map(|_| answer.redirected()["code"].clone());
        assert_eq!(code.is_some(), before == Page::Consent, "{:?}", answer.location());
        let Some(code) = code else { return false };
        self.end_tab(true);
        let tokens = Tokens::read(&self.world.browser().post("/oauth/token", &exchange(&code)).await);
        let claims = read_unverified(&tokens.id).unwrap();
        let proven = self.machine.proven().unwrap();
        let said = (claims.get("amr"), claims.get("auth_time"));
        assert_eq!(said, (Some(&json!(["pwd", "otp", "mfa"])), Some(&json!(proven.password_at))));
        true
    }

    /// Compares the page of every tab with the machine's; returns how many there were.
    async fn compare(&mut self, taken: &[Step]) -> usize {
        for tab in &self.machine.tabs {
            let page = self.browser.get(&tab.place).await;
            assert_eq!(Page::of(&page), self.machine.page(tab), "{tab:?} after {taken:?}\n{}", page.body);
        }
        self.machine.tabs.len()
    }
}

//! Whatever changes how somebody proves who they are, or takes their account, ends all that they are signed in with: at once,
//! and whoever refreshes in that moment (I-33).

use crate::app::{App, enrol};
use crate::browser::{Answer, Browser};
use crate::mail::PostOffice;
use crate::rounds::rounds;
use crate::world::{Kept, OWNER, PASSWORD, TestEntropy, Tokens, World};
use futures_util::future::join_all;
use keyfob_issuer::command::user;
use keyfob_issuer_core::user::{Email, UserStatus};
use reqwest::Method;

/// How often each trigger is pulled beside refreshes, usually.
const ROUNDS: usize = 1;
const NEW: &str = "a longer walk by the sea";

/// What ends everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trigger {
    ChangePassword,
    ResetPassword,
    OtherApp,
    EndAllOnPage,
    EndAllByProgram,
    UndoEmail,
    Recover,
    TakeFactors,
    Disable,
}

impl Trigger {
    const ALL: [Self; 9] = [
        Self::ChangePassword,
        Self::ResetPassword,
        Self::OtherApp,
        Self::EndAllOnPage,
        Self::EndAllByProgram,
        Self::UndoEmail,
        Self::Recover,
        Self::TakeFactors,
        Self::Disable,
    ];
}

/// A trigger that is a request away.
enum Cocked {
    Form(Browser, String, Vec<(&'static str, String)>),
    Program(String),
    Host(Trigger),
}

/// Somebody at three browsers and with three programs.
struct Somebody {
    world: World,
    post_office: PostOffice,
    browsers: Vec<Browser>,
    programs: Vec<Tokens>,
}

impl Somebody {
    async fn signed_in(kept: Kept) -> Self {
        let (post_office, settings) = PostOffice::start();
        let world = World::start_with_on(&settings, kept).await;
        let (mut browsers, mut programs) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            let mut browser = world.browser();
            world.sign_in(&mut browser, "/account", PASSWORD).await;
            browsers.push(browser);
            programs.push(world.tokens().await);
        }
        Self { world, post_office, browsers, programs }
    }

    async fn cock(&mut self, trigger: Trigger) -> Cocked {
        let world = &self.world;
        let mut browser = world.browser();
        match trigger {
            Trigger::ChangePassword => {
                world.sign_in(&mut browser, "/account", PASSWORD).await;
                let csrf = browser.get("/account/password").await.csrf();
                let form =
                    vec![("csrf", csrf), ("new_password", NEW.to_owned()), ("end_others", "yes".to_owned())];
                Cocked::Form(browser, "/account/password".to_owned(), form)
            }
            Trigger::ResetPassword => {
                let owner = Email::parse(OWNER).unwrap();
                let link =
                    user::reset_link(world.data.path(), &owner, &*world.clock, &TestEntropy).await.unwrap();
                let path = link.expose().strip_prefix(&world.base).unwrap().to_owned();
                let csrf = browser.get(&path).await.csrf();
                Cocked::Form(browser, path, vec![("csrf", csrf), ("new_password", NEW.to_owned())])
            }
            Trigger::OtherApp => {
                // The first app is no change of one: it ends nothing.
                enrol(world, &mut browser).await;
                assert!(is_known(&mut self.browsers[0]).await);
                let page = browser.get("/account/set-up").await;
                let code = App::scan(&page).code(world);
                Cocked::Form(
                    browser,
                    "/account/set-up/set-up".to_owned(),
                    vec![("csrf", page.csrf()), ("answer", code)],
                )
            }
            Trigger::EndAllOnPage => {
                world.sign_in(&mut browser, "/account/sessions", PASSWORD).await;
                let csrf = browser.get("/account/sessions").await.csrf();
                Cocked::Form(browser, "/account/sessions/end-all".to_owned(), vec![("csrf", csrf)])
            }
            Trigger::EndAllByProgram => Cocked::Program(world.tokens().await.access),
            Trigger::UndoEmail => {
                world.sign_in(&mut browser, "/account/email", PASSWORD).await;
                let csrf = browser.get("/account/email").await.csrf();
                browser.post("/account/email", &[("csrf", &csrf), ("email", "mia@new.example")]).await;
                let verify = self.post_office.link(&world.base, "/email/").1;
                let csrf = browser.get(&verify).await.csrf();
                assert_eq!(browser.post(&verify, &[("csrf", &csrf)]).await.status, 200);
                let undo = self.post_office.link(&world.base, "/email-undo/").1;
                let csrf = browser.get(&undo).await.csrf();
                Cocked::Form(browser, undo, vec![("csrf", csrf)])
            }
            host @ (Trigger::Recover | Trigger::TakeFactors | Trigger::Disable) => Cocked::Host(host),
        }
    }

    async fn pull(&self, cocked: Cocked) {
        let (data, clock) = (self.world.data.path(), &*self.world.clock);
        let owner = Email::parse(OWNER).unwrap();
        let done = |answer: Answer| assert!(answer.status < 400, "{} {}", answer.status, answer.body);
        match cocked {
            Cocked::Form(mut browser, path, form) => {
                let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, &**value)).collect();
                done(browser.post(&path, &form).await);
            }
            Cocked::Program(token) => {
                done(self.world.browser().call(Method::DELETE, "/api/sessions", &token, None).await);
            }
            Cocked::Host(Trigger::Recover) => {
                user::recover(data, Some(&owner), clock, &TestEntropy).await.unwrap();
            }
            Cocked::Host(Trigger::TakeFactors) => user::reset_factors(data, &owner, clock).await.unwrap(),
            Cocked::Host(_) => user::set_status(data, &owner, UserStatus::Disabled, clock).await.unwrap(),
        }
    }
}

/// Whether the browser still has a session: whoever has none is asked for the password, and not for a second factor alone.
async fn is_known(browser: &mut Browser) -> bool {
    let page = browser.get("/account").await.body;
    !page.contains("id=\"sign-in\"")
}

// Letters are waited for, while the issuer goes on sending them.
#[tokio::test(flavor = "multi_thread")]
async fn i_33_whatever_changes_a_proof_or_takes_the_account_ends_everything_and_the_refreshes_beside_it_on_sqlite()
 {
    everything_ends(Kept::InFile).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i_33_whatever_changes_a_proof_or_takes_the_account_ends_everything_and_the_refreshes_beside_it_on_postgresql()
 {
    everything_ends(Kept::OnServer).await;
}

#[expect(clippy::print_stdout, reason = "how many there were")]
async fn everything_ends(kept: Kept) {
    let rounds = rounds(ROUNDS);
    for trigger in Trigger::ALL {
        for round in 0..rounds {
            let mut mia = Somebody::signed_in(kept).await;
            let cocked = mia.cock(trigger).await;

            let refreshes = join_all(mia.programs.iter().map(|program| mia.world.refresh(&program.refresh)));
            let (answers, ()) = tokio::join!(refreshes, mia.pull(cocked));

            for browser in &mut mia.browsers {
                assert!(!is_known(browser).await, "{trigger:?} {round}");
            }
            let raced = answers.iter().filter(|answer| answer.status == 200).map(Tokens::read);
            for tokens in mia.programs.iter().cloned().chain(raced) {
                let refused = mia.world.refresh(&tokens.refresh).await;
                assert_eq!(refused.status, 400, "{trigger:?} {round}: {}", refused.body);
                let opened =
                    mia.world.browser().call(Method::GET, "/api/sessions", &tokens.access, None).await;
                assert_eq!(opened.status, 401, "{trigger:?} {round}");
            }
        }
        println!("{trigger:?}: {rounds} rounds");
    }
}

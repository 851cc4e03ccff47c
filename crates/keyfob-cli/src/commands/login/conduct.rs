//! Leads a person through a sign-in, however they are met.

use super::Plan;
use super::face::{Face, Method, Notes, Told};
use super::prompt;
use crate::error::{CommandError, Failure};
use crate::output;
use keyfob_client::login::{LoginError, Means, Prompt, SignedIn, Step};
use keyfob_oauth::ApiKey;
use std::io;
use std::pin::pin;
use tokio::sync::mpsc;

/// What came of it.
#[derive(Debug)]
pub(super) enum Ended {
    /// The login is stored.
    SignedIn(SignedIn),
    /// The person has this key, which is not stored yet.
    Key(ApiKey),
}

/// Leads to the end; going back leads to the choice, or out where there was none.
pub(super) async fn conduct(
    face: &mut impl Face,
    plan: &Plan<'_>,
    notes: &Notes,
) -> Result<Ended, CommandError> {
    let mut is_warned = false;
    loop {
        let method = match plan.named {
            Some(method) => method,
            None => match face.choose(plan.usual()).await.map_err(Failure::Terminal)? {
                Told::Is(method) => method,
                Told::Back | Told::Cancel => return Err(Failure::Cancelled.into()),
            },
        };
        let told = match method {
            Method::ApiKey => enter(face).await?,
            Method::Browser => sign_in(face, plan, notes, Means::Browser, &mut is_warned).await?,
            Method::DeviceCode => sign_in(face, plan, notes, Means::DeviceCode, &mut is_warned).await?,
        };
        match told {
            Told::Is(ended) => return Ok(ended),
            Told::Back if plan.named.is_none() => {}
            Told::Back | Told::Cancel => return Err(Failure::Cancelled.into()),
        }
    }
}

async fn enter(face: &mut impl Face) -> Result<Told<Ended>, CommandError> {
    Ok(match face.key().await.map_err(Failure::Terminal)? {
        Told::Is(key) => Told::Is(Ended::Key(key)),
        Told::Back => Told::Back,
        Told::Cancel => Told::Cancel,
    })
}

async fn sign_in(
    face: &mut impl Face,
    plan: &Plan<'_>,
    notes: &Notes,
    means: Means,
    is_warned: &mut bool,
) -> Result<Told<Ended>, CommandError> {
    let (lines, mut typed) = mpsc::channel(1);
    face.asks_issuer().map_err(Failure::Terminal)?;
    let start = Box::pin(plan.start(means));
    let mut pending = match until(face, &lines, start).await? {
        Told::Is(pending) => pending?,
        Told::Back => return Ok(Told::Back),
        Told::Cancel => return Ok(Told::Cancel),
    };
    if !*is_warned {
        plan.warn(face, pending.goes_beside()).map_err(Failure::Terminal)?;
        *is_warned = true;
    }
    let mut is_asked = false;
    loop {
        if !is_asked {
            plan.say_why(face, &pending).map_err(Failure::Terminal)?;
            if plan.programs_read {
                output::data(&prompt::document(pending.prompt()).to_string()).map_err(Failure::Output)?;
            }
            face.show(pending.prompt(), pending.deadline()).map_err(Failure::Terminal)?;
            if let (Prompt::Visit { address, .. }, false) = (pending.prompt(), plan.arguments.no_browser) {
                prompt::open_browser(address.to_string(), plan.arguments.browser.clone(), notes.clone());
            }
            is_asked = true;
        }
        let step: Result<Step, LoginError> =
            match until(face, &lines, Box::pin(pending.go_on(&mut typed))).await? {
                Told::Is(step) => step,
                Told::Back => return Ok(Told::Back),
                Told::Cancel => return Ok(Told::Cancel),
            };
        match step? {
            Step::SignedIn(signed_in) => return Ok(Told::Is(Ended::SignedIn(signed_in))),
            Step::Asks(next) => {
                pending = *next;
                is_asked = false;
            }
            Step::NotUnderstood(same) => {
                pending = *same;
                face.not_understood().map_err(Failure::Terminal)?;
            }
        }
    }
}

/// Waits for `work`, which hears what the person types, unless the person wants something else.
async fn until<T>(
    face: &mut impl Face,
    lines: &mpsc::Sender<String>,
    work: impl Future<Output = T>,
) -> Result<Told<T>, CommandError> {
    let mut work = pin!(work);
    loop {
        let told: io::Result<Told<String>> = tokio::select! {
            done = &mut work => return Ok(Told::Is(done)),
            told = face.wish() => told,
        };
        match told.map_err(Failure::Terminal)? {
            // The one before it was not read yet; whoever waits does not read lines.
            Told::Is(line) => drop(lines.try_send(line)),
            Told::Back => return Ok(Told::Back),
            Told::Cancel => return Ok(Told::Cancel),
        }
    }
}

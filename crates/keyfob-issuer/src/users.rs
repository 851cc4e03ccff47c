//! `user`, in words.

use crate::args::{Mfa, Place, Status, User};
use crate::say;
use crate::system::{SystemClock, SystemEntropy};
use crate::terminal::read_password;
use anyhow::Context as _;
use keyfob_issuer::command::user;
use keyfob_issuer_core::sign_in::MfaPolicy;
use keyfob_issuer_core::user::{Email, EmailWord, User as Person, UserStatus};
use keyfob_issuer_core::workspace::Word as _;
use serde_json::{Value, json};

pub(crate) async fn run(command: User) -> anyhow::Result<()> {
    match command {
        User::Add { place, email, unverified } => {
            let word = if unverified { EmailWord::Nobody } else { EmailWord::Administrator };
            let email = Email::parse(&email).with_context(|| format!("--email {email}"))?;
            let password = read_password(&email)?;
            user::add(&place.data, email.clone(), word, &password, &SystemClock, &SystemEntropy).await?;
            done(&place, &email, &format!("added {email}"), json!({ "verified": !unverified }))
        }
        User::Verify { place, email } => {
            let email = parse(&email)?;
            user::verify(&place.data, &email, &SystemClock).await?;
            done(&place, &email, &format!("{email} is verified"), json!({ "verified": true }))
        }
        User::List { place } => {
            let people = user::list(&place.data).await?;
            let line = |user: &Person| format!("{}\t{}\t{}", user.email, user.subject, user.status.as_str());
            let lines: Vec<String> = people.iter().map(line).collect();
            let described: Vec<Value> = people.iter().map(described).collect();
            place.print(&lines.join("\n"), json!({ "users": described }))
        }
        User::Mfa { place, email, when } => {
            let email = parse(&email)?;
            let (policy, words) = match when {
                Mfa::Cloud => (MfaPolicy::Cloud, "before the cloud capabilities of their own workspace"),
                Mfa::Always => (MfaPolicy::Always, "before everything in their own workspace"),
            };
            user::set_mfa_policy(&place.data, &email, policy, &SystemClock).await?;
            let said = format!(
                "{email} needs a second factor {words}, from now on: a login there without one is not refreshed"
            );
            done(&place, &email, &said, json!({ "mfa": policy.as_str() }))
        }
        User::ResetLink { place, email } => {
            let email = parse(&email)?;
            let link = user::reset_link(&place.data, &email, &SystemClock, &SystemEntropy).await?;
            let link = link.expose();
            place.print(link, json!({ "email": email.as_str(), "link": link }))?;
            say(&format!("keyfob-issuer: {email} chooses a new password there, once, within half an hour"));
            Ok(())
        }
        User::ResetFactors { place, email } => {
            let email = parse(&email)?;
            user::reset_factors(&place.data, &email, &SystemClock).await?;
            let said = format!("{email} has no second factor any more, and is signed out everywhere");
            done(&place, &email, &said, json!({ "second_factor": false }))
        }
        User::Status { place, email, status } => {
            let email = parse(&email)?;
            let status = match status {
                Status::Active => UserStatus::Active,
                Status::Locked => UserStatus::Locked,
                Status::Disabled => UserStatus::Disabled,
            };
            user::set_status(&place.data, &email, status, &SystemClock).await?;
            let said = format!("{email} is {}", status.as_str());
            done(&place, &email, &said, json!({ "status": status.as_str() }))
        }
    }
}

fn parse(email: &str) -> anyhow::Result<Email> {
    Email::parse(email).with_context(|| email.to_owned())
}

/// Says to people what was done, and to programs whose state is what from now on.
fn done(place: &Place, email: &Email, said: &str, mut state: Value) -> anyhow::Result<()> {
    if let Some(members) = state.as_object_mut() {
        members.insert("email".to_owned(), email.as_str().into());
    }
    place.print("", state)?;
    say(&format!("keyfob-issuer: {said}"));
    Ok(())
}

fn described(user: &Person) -> Value {
    json!({
        "email": user.email.as_str(), "subject": user.subject.as_str(), "status": user.status.as_str(),
        "verified": user.email_verified_at.is_some(),
    })
}

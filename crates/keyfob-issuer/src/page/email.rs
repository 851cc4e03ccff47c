//! The pages of an account's address.

use crate::text::{TEXT, Words};
use askama::Template;
use keyfob_issuer_core::email_link::EmailPurpose;

/// Another address, or the same to be verified.
#[derive(Template)]
#[template(path = "email.html")]
pub(crate) struct EmailPage<'a> {
    pub(crate) csrf: String,
    pub(crate) email: &'a str,
    pub(crate) verified: bool,
    pub(crate) offers_letters: bool,
    pub(crate) sent: bool,
    pub(crate) problem: Option<Words>,
    pub(crate) complaint: super::Complaint,
}

/// Where a link in a letter leads: nothing happens before a button is pressed (I-14).
#[derive(Template)]
#[template(path = "email_link.html")]
pub(crate) struct EmailLinkPage<'a> {
    pub(crate) action: &'a str,
    pub(crate) csrf: String,
    pub(crate) email: &'a str,
    pub(crate) purpose: EmailPurpose,
}

/// What a link did.
#[derive(Template)]
#[template(path = "email_done.html")]
pub(crate) struct EmailDonePage<'a> {
    pub(crate) email: &'a str,
    pub(crate) purpose: EmailPurpose,
}

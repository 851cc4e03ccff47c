//! Letters: subjects, and what stands around the links.

use super::texts;

texts! {
    /// A letter for whoever forgot their password.
    ResetLetter {
        subject: Sentence = "A new password for {}",
        lead: Sentence = "Somebody, we hope you, asked for a new password for your account at {}.",
        link: Words = "Choose it here, within half an hour:",
        end: Words = "The link works once. If it was not you who asked, do nothing: your password stays as it is.",
    }
}

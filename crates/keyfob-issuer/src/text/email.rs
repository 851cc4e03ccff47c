//! The address of an account.

use super::texts;

texts! {
    /// The address of an account.
    EmailText {
        page: Words = "E-mail address",
        title: Words = "Your e-mail address",
        now: Sentence = "It is {} now.",
        unverified: Words = "Nobody has shown yet that letters to it reach you. Have a link sent to it, and follow it.",
        label: Words = "Address",
        hint: Words = "We send a link to it. Until you follow the link, nothing changes; then the address before gets a letter, by which the change can be taken back within a day.",
        button: Words = "Send the link",
        bad: Words = "Nothing was sent: this is no e-mail address.",
        sent_title: Words = "Look at your letters",
        sent: Words = "A letter with a link is on its way to the address. The link works once, within a day.",
        verify_title: Words = "Is this your address?",
        verify: Sentence = "Sign in with {} from now on.",
        verify_button: Words = "Yes, it is mine",
        undo_title: Words = "Take the change back?",
        undo: Sentence = "The address of your account becomes {} again, and everything that is signed in to it is signed out.",
        undo_button: Words = "Take it back",
        done_title: Words = "Your address is set",
        done: Sentence = "Sign in with {}.",
        undone_title: Words = "The change is taken back",
        undone: Sentence = "Sign in with {}, and choose a new password at once: whoever changed the address may know it.",
        to_account: Words = "To your account",
        no_letters: Words = "This issuer sends no letters. Its administrator changes and verifies addresses.",
    }
}

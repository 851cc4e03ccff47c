//! What every page shows, the front page, and the pages that say what went wrong.

use super::{Words, texts};

/// What somebody is told instead of the page they wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Notice {
    pub(crate) title: Words,
    pub(crate) message: Words,
}

texts! {
    /// Around every page.
    Frame {
        language: Words = "en",
        name: Words = "Keyfob",
    }

    /// The front page.
    Home {
        title: Words = "Sign-in for coding agents",
        lead: Words = "Programs send you here to sign in; there is nothing to do on this page itself.",
        terminal: Words = "To sign in from a terminal:",
        device: Sentence = "A device without a browser shows a code: {}.",
        device_link: Words = "type it here",
        account: Sentence = "Your second factor and other settings are on the page of {}.",
        account_link: Words = "your account",
    }

    /// What went wrong.
    Notices {
        unknown_client: Notice = (
            "This application is not known here",
            "The program that sent you is not registered with this issuer.",
        ),
        unregistered_redirect: Notice = (
            "This sign-in cannot be trusted",
            "The program that sent you asked for the answer to go to an address that is not registered for it.",
        ),
        unregistered_target: Notice = (
            "This request cannot be trusted",
            "Nothing was changed. The program that sent you wants to lead you to an address that is not registered for it.",
        ),
        unreadable: Notice = (
            "This request cannot be read",
            "Start again in the program that sent you (invalid_request).",
        ),
        unknown_interaction: Notice = (
            "This sign-in is over",
            "It has ended, or it was started in another browser. Start again in the program that sent you.",
        ),
        foreign_form: Notice = (
            "This form is out of date",
            "Nothing was changed. Go back, reload the page, and try again.",
        ),
        link_over: Notice = (
            "This link is over",
            "It works once, for a limited time, and only until another is made. Ask for a new one.",
        ),
        invitation_over: Notice = (
            "This invitation is over",
            "It works once, for a week, and only until another is sent. Follow the link in the latest letter.",
        ),
        undo_over: Notice = (
            "This link is over",
            "It works for a day. The page of your account shows what is signed in, and ends it.",
        ),
        device_elsewhere: Notice = (
            "This device is elsewhere",
            "It asks from another network than yours, which is not allowed here. Nothing was let in. Sign in with a browser on the device, or from the network that it is in.",
        ),
        too_many_devices: Notice = (
            "Too many devices for now",
            "This workspace has let in as many as it may in an hour. Nothing was let in. Did you start this yourself? Then type the code again in some minutes.",
        ),
        not_granted: Words = "This is not allowed",
        too_many_guesses: Notice = (
            "Too many wrong codes",
            "Wait a quarter of an hour, then start again on your device.",
        ),
        busy: Notice = ("Too much to do", "Nothing was changed. Try again in a moment."),
        not_found: Notice = ("Nothing is here", "The address leads to no page."),
        other_host: Notice = (
            "Wrong address",
            "This server does not answer for the host that was asked for.",
        ),
        broken: Notice = (
            "Something broke",
            "It is not your fault, and nothing was changed. Try again in a moment.",
        ),
        finished: Notice = (
            "Nothing is left to do here",
            "This sign-in was decided or has run out. You can close this page. To sign in again, start again in your program.",
        ),
    }
}

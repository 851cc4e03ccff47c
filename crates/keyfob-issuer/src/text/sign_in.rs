//! The steps of a sign-in, and what a client is let in for.

use super::texts;

texts! {
    /// Who it is.
    SignIn {
        title: Words = "Sign in",
        to_continue: Sentence = "to continue to {}",
        wrong: Words = "No account has this e-mail address and this password. Check both and try again.",
        throttled: Sentence = "Too many tries went wrong. Wait {}, then try once more. Nothing is locked, and the wait starts over only after another mistake.",
        wait: Counted = |seconds| match seconds {
            ..=1 => "one second".to_owned(),
            2..=90 => format!("{seconds} seconds"),
            _ => format!("{} minutes", seconds.div_ceil(60)),
        },
        email: Words = "E-mail address",
        password: Words = "Password",
        button: Words = "Sign in",
        forgot: Words = "Forgot your password?",
        other_account: Words = "Not you? Use another account",
        code: Words = "Code",
        next: Words = "Continue",
    }

    /// A letter for whoever forgot their password.
    Forgot {
        page: Words = "Forgotten password",
        title: Words = "Forgot your password?",
        button: Words = "Send me a link",
        sent: Words = "Look at your letters",
        on_its_way: Words = "If there is an account with this address, a letter with a link is on its way to it. The link works once, within half an hour.",
    }

    /// A code of the second factor.
    SecondFactor {
        page: Words = "Second factor",
        title: Words = "Confirm that it is you",
        lead: Sentence = "Type the code that your authenticator app shows for {}.",
        wrong: Words = "This code is not right, or it was used before. Wait for the next one and try again.",
        recovery: Words = "Lost the app? Type one of your recovery codes instead; each works once.",
    }

    /// An app takes a secret up.
    SetUp {
        page: Words = "Set up a second factor",
        title: Words = "Set up an authenticator app",
        client_needs_it: Sentence = "What {} asks for needs a second factor beside your password.",
        lead: Words = "Its codes confirm that it is you, beside your password.",
        open: Words = "Open an authenticator app on your phone, or in your password manager.",
        scan: Words = "Scan this picture with it. If you cannot, type the key in by hand.",
        by_hand: Words = "Type the key in by hand.",
        type_code: Sentence = "Type the six digits that it then shows for {}.",
        ends_everything: Words = "Other browsers, and every program that is signed in, are signed out by that.",
        picture: Words = "QR code for an authenticator app; the key below says the same",
        key: Words = "Key",
        wrong: Words = "This is not the code that belongs to this key now. Check the clock of your phone and try the next code.",
        button: Words = "Turn it on",
        life: Words = "The key is good for a quarter of an hour after your password; then a new one is shown.",
    }

    /// Recovery codes, shown once.
    Codes {
        page: Words = "Recovery codes",
        title: Words = "Keep these recovery codes",
        lead: Words = "Each signs you in once if you lose your authenticator app. They are shown only now; earlier ones no longer work.",
        keep: Words = "Print them, or keep them in a password manager, not beside your password.",
        next: Words = "I have kept them",
    }

    /// Yes or no.
    Confirm {
        page: Words = "Confirm",
        title: Sentence = "Let {} in?",
        program: Words = "Program",
        account: Words = "Account",
        workspace: Words = "Workspace",
        goes_to: Words = "Goes to",
        destination: Sentence = "{}, a program on this computer",
        able_to: Words = "It will be able to:",
        warning: Words = "Continue only if you have just started this sign-in yourself.",
        cancel: Words = "Cancel",
    }

    /// What a word of a scope lets a client do.
    Scopes {
        openid: Words = "know that it is you",
        profile: Words = "see your name",
        email: Words = "see your e-mail address",
        offline_access: Words = "stay signed in until you sign out",
        connectors_read: Words = "read from your connectors",
        connectors_invoke: Words = "use your connectors",
        cloud: Words = "use the cloud",
    }
}

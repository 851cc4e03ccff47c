//! Somebody's own account.

use super::texts;

texts! {
    /// The page of one's own account.
    Account {
        title: Words = "Your account",
        unlock: Sentence = "To change anything, first {}.",
        unlock_link: Words = "confirm that it is you",
        email: Words = "E-mail address",
        verified: Words = "It is verified: letters to it reach you.",
        unverified: Words = "It is not verified: nobody has shown that letters to it reach you.",
        change_email: Words = "Verify or change it",
        password: Words = "Password",
        change_password: Words = "Choose a new password",
        second_factor: Words = "Second factor",
        app_since: Sentence = "An authenticator app is asked for whenever you sign in, since {}.",
        codes_left: Counted = |codes| match codes {
            0 => "You have no recovery codes left: make new ones.".to_owned(),
            1 => "You have one recovery code left.".to_owned(),
            _ => format!("You have {codes} recovery codes left."),
        },
        other_app: Words = "Use another app",
        new_codes: Words = "Make new recovery codes",
        no_factor: Words = "There is none: who learns your password can sign in as you.",
        set_up: Words = "Set up an authenticator app",
        other_providers: Words = "Who signs in through another provider sets the second factor up there:",
        google: Words = "Google",
        microsoft: Words = "Microsoft",
        apple: Words = "Apple",
        device_codes: Words = "Sign-in with device codes",
        device_codes_on: Words = "It is on: you can let in a device without a browser by a code that it shows.",
        device_codes_off: Words = "It is off: a code that somebody sends you lets nobody in.",
        turn_on: Words = "Turn it on",
        turn_off: Words = "Turn it off",
        programs: Words = "Programs",
        sessions: Words = "Where you are signed in",
        keys: Words = "Your keys",
        workspaces: Words = "Workspaces",
        look_after: Words = "Look after workspaces",
        back: Words = "Back to your account",
        sign_out: Words = "Sign out of this browser",
    }

    /// Signing out of a browser, because a program asks.
    Logout {
        page: Words = "Sign out",
        title: Words = "Sign out of this browser?",
        by: Sentence = "{} asks for it.",
        who: Sentence = "You are signed in as {}.",
        other: Words = "The program means somebody else who was signed in.",
        programs: Sentence = "Programs stay signed in: {}.",
        programs_link: Words = "see and end that on your account's page",
        end: Words = "Sign out",
        done_page: Words = "Signed out",
        done_title: Words = "You are signed out",
        done: Words = "Nobody is signed in in this browser any more. You can close this page.",
    }

    /// A new password.
    Password {
        page: Words = "New password",
        title: Words = "Choose a new password",
        owner: Sentence = "for {}",
        refused: Sentence = "Nothing was changed: {}. Choose another one.",
        too_short: Counted = |characters| format!("the password is shorter than {characters} characters"),
        too_long: Words = "the password is longer than anybody types",
        common: Words = "the password is one of those that are tried first",
        breached: Words = "the password is known from a breach of another site",
        label: Words = "New password",
        rules: Words = "At least 15 characters, or 8 beside a second factor. Any characters will do; several words are easy to remember.",
        end_others: Words = "Sign out everywhere else: other browsers, and every program that is signed in",
        ends_everything: Words = "Everything that is signed in to this account is signed out.",
        button: Words = "Set the password",
        done_page: Words = "Password set",
        done_title: Words = "Your password is set",
        done: Words = "Everything that was signed in is signed out.",
        sign_in_again: Sentence = "{} with the new password.",
        sign_in_link: Words = "Sign in",
    }
}

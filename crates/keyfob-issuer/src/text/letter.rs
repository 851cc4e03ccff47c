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

    /// A letter to an address that is to be an account's.
    VerifyLetter {
        subject: Sentence = "Your address at {}",
        lead: Sentence = "Somebody, we hope you, wants to sign in with this address at {}.",
        link: Words = "Say that it is yours, within a day:",
        end: Words = "The link works once. If you know nothing of this, do nothing: nothing is done with your address.",
    }

    /// A letter to the address that was an account's.
    MovedLetter {
        subject: Sentence = "Another address for your account at {}",
        lead: Sentence = "This address is no longer that of your account at {}.",
        moved: Sentence = "From now on it is {}.",
        link: Words = "If it was not you who changed it, take it back within a day:",
        end: Words = "Then everything is signed out, and you choose a new password.",
    }

    /// A letter about something that happened to an account.
    HappenedLetter {
        subject: Sentence = "Your account at {} was changed",
        lead: Sentence = "Something happened to your account at {}:",
        recovery_code_used: Words = "A recovery code was used in the place of your authenticator app. It works no more.",
        factor_set_up: Words = "An authenticator app was set up as its second factor. Recovery codes from before work no more.",
        recovery_codes_made: Words = "New recovery codes were made. Those from before work no more.",
        password_changed: Words = "Its password was changed.",
        if_not_you: Words = "If it was you, all is well. If not, choose a new password and end all sessions, on the page of your account:",
    }

    /// A letter for whoever is asked into a workspace.
    InvitationLetter {
        subject: Sentence = "An invitation at {}",
        lead: Sentence = "You are asked to join a workspace at {}.",
        name: Sentence = "It is called: {}",
        link: Words = "Accept here, within a week:",
        end: Words = "The link is for you alone and works once. If you expected nothing of the kind, do nothing: nobody joins on your behalf.",
    }

    /// A letter for whoever let a device in.
    DeviceLetter {
        subject: Sentence = "A device was let in to your account at {}",
        lead: Sentence = "A device was let in to your account at {}, with a code that was typed there.",
        client: Sentence = "Program: {}",
        place: Sentence = "Asked from: {}",
        time: Sentence = "Asked at: {}",
        link: Words = "If it was you, there is nothing to do. If it was not, or somebody sent you that code, sign the device out here, without signing in yourself:",
        end: Words = "The link works for a day, and ends nothing but this device.",
    }
}

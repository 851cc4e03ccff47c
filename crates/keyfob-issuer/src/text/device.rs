//! Letting a device in.

use super::texts;

texts! {
    /// Letting a device in.
    Device {
        title: Words = "Sign in on a device",
        lead: Sentence = "Type the code that your device shows, to let it in as {}.",
        shape: Words = "XXXX-XXXX",
        wrong: Words = "No device waits for this code. Check it, or start again on your device.",
        hint: Words = "Never type a code that somebody sent you.",
        approve_page: Words = "Confirm a device",
        approve_title: Words = "Let a device in?",
        warning: Words = "Only continue if you started this yourself on a device in front of you. Whoever sent you this code otherwise could use your account.",
        turns_on: Words = "Sign-in with device codes is off for your account. Letting this device in turns it on; your account's page turns it off again.",
        tool: Words = "Calls itself",
        place: Words = "Asks from",
        time: Words = "Asked at",
        this_computer: Sentence = "{}, this computer itself",
        unknown: Words = "unknown",
        minutes: Counted = minutes_ago,
        elsewhere: Words = "The device is in another network than you are. Is it not in front of you? Then refuse it.",
        wrong_number: Words = "That is not the number behind the code on your device.",
        number: Words = "The number that your device shows behind the code",
        report: Words = "Refuse, and report it: I did not start this",
        let_in: Words = "Let it in",
        turn_on_and_let_in: Words = "Turn it on and let the device in",
        refuse: Words = "Refuse",
        done_page: Words = "Done",
        approved_title: Words = "Your device is signed in",
        approved: Words = "Go back to it; it goes on by itself. You can close this page.",
        refused_title: Words = "The device was refused",
        refused: Words = "Nothing was shared with it. You can close this page.",
    }

    /// Taking back that a device was let in.
    Undo {
        page: Words = "Sign the device out",
        title: Words = "Sign the device out?",
        lead: Words = "This ends what the device of the letter was given, and nothing else.",
        end: Words = "Sign it out",
        done_page: Words = "Signed out",
        done_title: Words = "The device is signed out",
        done: Sentence = "If it was not you who let it in, {}: somebody could sign in as you.",
        new_password: Words = "choose a new password",
    }
}

fn minutes_ago(minutes: u64) -> String {
    match minutes {
        0 => "just now".to_owned(),
        1 => "a minute ago".to_owned(),
        minutes => format!("{minutes} minutes ago"),
    }
}

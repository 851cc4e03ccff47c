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
        let_in: Words = "Let it in",
        turn_on_and_let_in: Words = "Turn it on and let the device in",
        refuse: Words = "Refuse",
        done_page: Words = "Done",
        approved_title: Words = "Your device is signed in",
        approved: Words = "Go back to it; it goes on by itself. You can close this page.",
        refused_title: Words = "The device was refused",
        refused: Words = "Nothing was shared with it. You can close this page.",
    }
}

//! Sessions and keys.

use super::texts;

texts! {
    /// Where somebody's programs are signed in.
    Sessions {
        title: Words = "Where you are signed in",
        lead: Words = "Each program that you let in has a session of its own. Ending one signs that program out there, and nowhere else.",
        none: Words = "No program is signed in.",
        machine: Words = "Machine",
        place: Words = "From",
        since: Words = "Since",
        last_used: Words = "Last used",
        name: Words = "Name",
        rename: Words = "Rename",
        end: Words = "End this one",
        end_all: Words = "End all, and sign out of every browser",
        end_all_hint: Words = "If you see one that you do not know, end it, and choose a new password.",
    }

    /// Keys that somebody makes for programs.
    Keys {
        title: Words = "Your keys",
        lead: Sentence = "A key lets a program in without a sign-in, in the workspace {}. Whoever has it can do what it may: keep it like a password.",
        kind: Words = "Kind",
        personal: Words = "Personal access token",
        api: Words = "API key",
        personal_means: Words = "Personal access token: acts as you, and ends after 30 days unless you say otherwise",
        api_means: Words = "API key: acts for the workspace, knows nothing of you, and ends when you say so",
        may: Words = "What it may do",
        models_alone: Words = "ask models, and nothing else",
        models: Words = "Models",
        all_models: Words = "all",
        models_hint: Words = "Names with blanks between them; all, if you name none.",
        made: Words = "Made",
        ends: Words = "Ends",
        never_ends: Words = "when you end it",
        last_used: Words = "Last used",
        never_used: Words = "never",
        end: Words = "End this one",
        make_title: Words = "Make a key",
        label: Words = "Name",
        days: Words = "Ends after how many days",
        days_hint: Words = "At most 365.",
        make: Words = "Make it",
        no_label: Words = "No key was made: give it a name.",
        no_models: Words = "No key was made: at most 50 names of models, each without blanks.",
        no_days: Words = "No key was made: the days are a number from 1 to 365.",
        too_long: Words = "No key was made: none lives longer than 365 days.",
        too_wide: Words = "No key was made: it would open more than you may open now.",
        too_many: Words = "No key was made: you have as many as anybody may. End one first.",
        made_page: Words = "A new key",
        made_title: Sentence = "Your key “{}”",
        once: Words = "Keep it now: it is shown this once.",
    }
}

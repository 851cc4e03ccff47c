//! Workspaces: which one, and why something is not granted there.

use super::texts;

texts! {
    /// One of several workspaces is chosen.
    Choosing {
        page: Words = "Workspace",
        title: Words = "Which workspace?",
        lead: Sentence = "{} will use the one you choose, and no other.",
        none_title: Words = "No workspace to use",
        none: Sentence = "None of your workspaces can be used by {}.",
        of: Sentence = "Workspaces of {}",
        last: Words = "You used this one last from this browser.",
        other: Words = "Use another",
    }

    /// Why nothing is granted, and what to do.
    Refusals {
        not_a_member: Words = "The account is not a member of the workspace. Ask its administrators.",
        locked: Words = "The account is locked. Ask your administrator to unlock it.",
        disabled: Words = "The account was ended. Ask your administrator.",
        other_workspace: Words = "The program may not use this workspace. Sign in to one that it may use.",
        no_passwords: Words = "The workspace does not let people sign in with a password. Ask its administrators which way it takes.",
        no_sso: Words = "The workspace does not let people sign in through an organisation. Ask its administrators which way it takes.",
        devices_off_in_workspace: Words = "Sign-in with device codes is off in the workspace. Its administrators can turn it on.",
        devices_off_for_person: Words = "Sign-in with device codes is off for the account. The account's page turns it on.",
        session_over: Words = "The session has lasted as long as one may in the workspace. Sign in again.",
        no_api_keys: Words = "The workspace has no API keys. Its administrators can allow them.",
        no_second_factor: Words = "The workspace wants a second factor. Set one up on your account's page, and sign in again.",
    }
}

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

    /// Somebody follows an invitation.
    Join {
        page: Words = "Invitation",
        title: Sentence = "Join {}?",
        person: Words = "For",
        role: Words = "As",
        other: Sentence = "You are signed in as {}, and the invitation is for somebody else alone.",
        use_other: Words = "Use the other account",
        no_account: Words = "You have no account here yet. Choose a password, and you have one.",
        password_rules: Words = "At least 15 characters. Any characters will do; several words are easy to remember.",
        sign_up: Words = "Make the account and join",
        what: Words = "Its administrators decide how you sign in to it, and see that you are a member.",
        accept: Words = "Join",
        unexpected: Words = "If you expected no invitation, close this page: nothing has happened.",
        joined_page: Words = "Joined",
        joined: Sentence = "You are in {}",
        next: Sentence = "The next time that a program lets you sign in as {}, choose this workspace.",
    }

    /// What somebody may be in a workspace.
    Roles {
        member: Words = "member",
        admin: Words = "administrator",
        owner: Words = "owner",
    }

    /// Looking after a workspace.
    Settings {
        title: Words = "Workspaces",
        none: Words = "There are none that you look after.",
        all: Words = "All workspaces",
        members: Words = "Members",
        you: Words = "This is you.",
        locked: Words = "The account is locked.",
        disabled: Words = "The account was ended.",
        role_of: Sentence = "What {} is",
        change: Words = "Change",
        leave: Words = "Leave",
        remove: Sentence = "Remove {}",
        invitations: Words = "Invitations",
        until: Sentence = "until {}",
        take_back: Sentence = "Take back the invitation of {}",
        email: Words = "E-mail address",
        invite_as: Words = "As",
        invite: Words = "Invite",
        no_letters: Sentence = "This issuer sends no letters, and a link that passes through other hands proves no address. Its operator invites people with {}.",
        policy: Words = "Policy",
        save: Words = "Save",
        forbidden: Words = "Nothing was changed: your role does not let you do that.",
        last_owner: Words = "Nothing was changed: the workspace needs another owner first.",
        personal: Words = "Nothing was changed: a personal workspace has no other members.",
        already: Words = "Nobody was invited: they are a member already.",
        nobody_could_sign_in: Words = "Nothing was changed: nobody could sign in. Passwords are the only way that is set up here.",
        no_address: Words = "Nobody was invited: this is not an e-mail address.",
        invalid: Sentence = "Nothing was changed: look at “{}” again.",
        name: Words = "Name",
        name_hint: Words = "At most 64 characters.",
        methods: Words = "Ways to sign in",
        methods_hint: Words = "One or more of: password sso",
        mfa: Words = "Second factor",
        mfa_hint: Words = "cloud (before the cloud capabilities) or always",
        device_codes: Words = "Sign-in with device codes",
        device_codes_hint: Words = "off, person (each decides) or on",
        session_length: Words = "How long a session lasts",
        session_length_hint: Words = "none, or a number with m, h or d behind it, between 10m and 180d",
        api_keys: Words = "API keys",
        api_keys_hint: Words = "allowed or refused",
        capabilities: Words = "Capabilities",
        capabilities_hint: Words = "none or cloud",
        retention: Words = "Retention",
        residency: Words = "Residency",
        api_retention: Words = "Retention of what API keys send",
        tag_hint: Words = "none, or at most 32 lower-case letters, digits and dashes",
        data_sharing: Words = "Sharing of what API keys send",
        data_sharing_hint: Words = "off or on",
    }
}

//! What happened: one vocabulary.

use keyfob_oauth::{ClientId, Subject};

macro_rules! actions {
    ($($(#[$meta:meta])* $name:ident = $word:literal,)+) => {
        /// What was done, or was tried.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Action {
            $($(#[$meta])* $name,)+
        }

        impl Action {
            /// Every action there is.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Returns the word by which it is recorded; one that was released never changes.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                }
            }
        }
    };
}

actions! {
    /// The issuer was made.
    Initialize = "issuer.initialize",
    /// The issuer was made from a backup.
    Restore = "issuer.restore",
    /// A backup was taken.
    Backup = "issuer.backup",
    /// A password was tried.
    Password = "sign_in.password",
    /// A second factor was tried.
    SecondFactor = "sign_in.second_factor",
    /// A browser was signed out.
    SignOut = "sign_in.sign_out",
    /// A second factor was set up, or took the place of another.
    SetUpFactor = "factor.set_up",
    /// Recovery codes took the place of others.
    RenewCodes = "factor.renew_codes",
    /// Every second factor of somebody was taken away.
    TakeFactors = "factor.take",
    /// Somebody changed their password.
    ChangePassword = "password.change",
    /// A link was made by which somebody chooses a new password.
    MakeResetLink = "password.reset_link",
    /// Somebody chose a new password by such a link.
    ResetPassword = "password.reset",
    /// A link was made by which an owner gets back in.
    Recover = "account.recover",
    /// A link was made by which somebody verifies an address, or changes theirs.
    AskEmail = "email.ask",
    /// An address was verified, and became the account's if it was another.
    VerifyEmail = "email.verify",
    /// A change of address was taken back, and everything that the account was signed in with ended.
    UndoEmail = "email.undo",
    /// An administrator vouched for an address.
    VouchForEmail = "email.vouch",
    /// Somebody was added.
    AddUser = "user.add",
    /// Device codes were turned on or off by somebody for themselves.
    SetDeviceCodes = "user.device_codes",
    /// It was said whether somebody may sign in.
    SetUserStatus = "user.status",
    /// It was said when a workspace wants a second factor.
    SetMfaPolicy = "workspace.mfa_policy",
    /// A workspace was made.
    AddWorkspace = "workspace.add",
    /// Settings of a workspace were changed.
    ChangeSettings = "workspace.settings",
    /// Somebody was asked into a workspace.
    Invite = "workspace.invite",
    /// An invitation was taken back.
    TakeBackInvitation = "workspace.take_back",
    /// Somebody was made a member of a workspace by whoever runs the issuer.
    EnrolMember = "workspace.enrol",
    /// Somebody became something else in a workspace.
    ChangeRole = "workspace.role",
    /// Somebody was removed from a workspace, or left it.
    RemoveMember = "workspace.remove",
    /// A person let a client in, or did not.
    DecideGrant = "grant.decide",
    /// A person let a device in, or did not.
    DecideDevice = "device.decide",
    /// The person of a device took its sign-in back, by a link or by its page.
    TakeBackDevice = "device.take_back",
    /// Somebody followed an invitation into a workspace.
    JoinWorkspace = "workspace.join",
    /// A code became a session's first tokens; refused when it had before.
    BeginSession = "session.begin",
    /// A session ended.
    EndSession = "session.end",
    /// Every session of somebody ended, or all but one.
    EndSessions = "session.end_all",
    /// A spent refresh token was presented, and its session ended.
    ReuseToken = "session.token_reuse",
    /// The access token of a session was handed on to another program.
    HandOn = "session.hand_on",
    /// A code was made for which another machine gets a session of its own.
    HandOver = "session.hand_over",
    /// A workload got an access token by a rule.
    LetWorkloadIn = "workload.let_in",
    /// So many wrong user codes were typed that no more are tried for a while.
    SpendGuesses = "device.guesses_spent",
    /// A personal access token or an API key was made.
    MakeKey = "key.make",
    /// An API key was made for an ID token (I-36).
    ExchangeForKey = "key.exchange",
    /// A personal access token or an API key ended.
    EndKey = "key.end",
    /// A resource server was registered.
    RegisterServer = "resource_server.add",
    /// A resource server was removed.
    RemoveServer = "resource_server.remove",
    /// A signing key was made, to be used later or at once.
    MakeSigningKey = "signing_key.make",
    /// A signing key was dropped: what it signed counts no more.
    DropSigningKey = "signing_key.drop",
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was not.
    Refused,
}

impl Outcome {
    /// Returns the word by which it is recorded.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
        }
    }
}

/// Who did it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Actor {
    /// Nobody knows: whoever holds a code, a token or a link, or tries to sign in.
    #[default]
    Unknown,
    /// Somebody who is signed in.
    Person(Subject),
    /// Whoever runs commands on the issuer's host.
    Host,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    pub(crate) action: Action,
    pub(crate) outcome: Outcome,
    pub(crate) actor: Actor,
    pub(crate) subject: Option<Subject>,
    pub(crate) client: Option<ClientId>,
    pub(crate) about: Option<String>,
    pub(crate) detail: Option<String>,
}

impl AuditEvent {
    /// Something that was done, by nobody known.
    pub fn done(action: Action) -> Self {
        Self {
            action,
            outcome: Outcome::Done,
            actor: Actor::Unknown,
            subject: None,
            client: None,
            about: None,
            detail: None,
        }
    }

    /// Something that was tried and not done.
    pub fn refused(action: Action) -> Self {
        Self { outcome: Outcome::Refused, ..Self::done(action) }
    }

    /// Says who did it.
    #[must_use]
    pub fn by(self, actor: Actor) -> Self {
        Self { actor, ..self }
    }

    /// Says that a person did it to what is theirs.
    #[must_use]
    pub fn by_owner(self, subject: &Subject) -> Self {
        Self { actor: Actor::Person(subject.clone()), subject: Some(subject.clone()), ..self }
    }

    /// Says whom it concerns.
    #[must_use]
    pub fn of(self, subject: &Subject) -> Self {
        Self { subject: Some(subject.clone()), ..self }
    }

    /// Says through which client.
    #[must_use]
    pub fn through(self, client: &ClientId) -> Self {
        Self { client: Some(client.clone()), ..self }
    }

    /// Says what it was done to, by its identifier.
    #[must_use]
    pub fn about(self, identifier: &impl ToString) -> Self {
        Self { about: Some(identifier.to_string()), ..self }
    }

    /// Says more, in a word of ours.
    #[must_use]
    pub fn saying(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }
}

use super::*;
use crate::amr::Amr;
use crate::digest::CodeDigest;
use crate::grant::Approval;
use crate::workspace::AllowedWorkspaces;
use crate::{FamilyId, GrantId};
use keyfob_oauth::pkce::CodeChallenge;
use keyfob_oauth::{AuthorizationCode, ClientId, Scope, Subject, WorkspaceId};

const UUID: &str = "01890000-0000-7000-8000-000000000000";

fn pending() -> AuthorizationGrant {
    AuthorizationGrant {
        id: GrantId::parse(UUID).unwrap(),
        client_id: ClientId::new("c"),
        redirect_uri: "http://127.0.0.1:1/callback".into(),
        scope: Scope::parse("openid").unwrap(),
        state: None,
        nonce: None,
        signed_in_since: None,
        code_challenge: CodeChallenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap(),
        login_hint: None,
        allowed: AllowedWorkspaces::Any,
        workspace: None,
        browser: None,
        expires_at: Timestamp::from_unix(100),
        progress: Progress::Pending,
    }
}

fn approval() -> Approval {
    Approval {
        subject: Subject::new("u"),
        workspace_id: WorkspaceId::new("w"),
        auth_time: Timestamp::from_unix(0),
        amr: Amr::Password,
    }
}

#[test]
fn i_12_who_has_proven_everything_still_has_to_confirm_and_nobody_else_may() {
    let next = |state| next_interaction(&pending(), state, Choice::Made, Timestamp::from_unix(10));

    assert_eq!(next(State::Anonymous), Interaction::SignIn);
    assert_eq!(next(State::SecondFactor), Interaction::SecondFactor);
    assert_eq!(next(State::SetUp), Interaction::SetUp);
    assert_eq!(next(State::Proven), Interaction::Consent);
    let over = next_interaction(&pending(), State::Proven, Choice::Made, Timestamp::from_unix(100));
    assert_eq!(over, Interaction::Finished);
}

#[test]
fn i_73_nobody_confirms_before_a_workspace_is_chosen_and_nobody_chooses_before_they_have_proven_who_they_are()
{
    let next = |state, choice| next_interaction(&pending(), state, choice, Timestamp::from_unix(10));

    assert_eq!(next(State::Proven, Choice::Open), Interaction::Choose);
    assert_eq!(next(State::Proven, Choice::Impossible), Interaction::NoWorkspace);
    for choice in [Choice::Open, Choice::Impossible] {
        assert_eq!(next(State::Anonymous, choice), Interaction::SignIn);
        assert_eq!(next(State::SecondFactor, choice), Interaction::SecondFactor);
    }
}

#[test]
fn what_is_decided_stays_decided() {
    let code = CodeDigest::of(&AuthorizationCode::new("code"));
    let later = Timestamp::from_unix(20);
    let approved = pending().approve(approval(), code, later).unwrap();
    let denied = pending().deny().unwrap();
    let exchanged = approved.clone().exchange(FamilyId::parse(UUID).unwrap()).unwrap();

    for decided in [approved, denied, exchanged.clone()] {
        assert_eq!(
            next_interaction(&decided, State::Proven, Choice::Made, Timestamp::from_unix(10)),
            Interaction::Finished
        );
        assert!(decided.clone().deny().is_err());
    }
    assert!(exchanged.exchange(FamilyId::parse(UUID).unwrap()).is_err());
}

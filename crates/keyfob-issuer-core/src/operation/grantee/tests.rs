use super::*;
use crate::FamilyId;
use crate::password::PasswordHash;
use crate::refresh_family::FamilyStatus;
use crate::sign_in::MfaPolicy;
use crate::user::Email;
use crate::workspace::{SessionLength, WordSet, WorkspaceKind, WorkspaceName};
use keyfob_oauth::ClientId;
use std::time::Duration;

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

fn grantee(policy: Policy) -> Grantee {
    let name = WorkspaceName::parse("Blue").unwrap();
    Grantee {
        user: User {
            subject: Subject::new("u"),
            email: Email::parse("mia@example.org").unwrap(),
            email_verified_at: None,
            name: "mia".into(),
            password: PasswordHash::from_stored("hash".into()),
            device_codes: DeviceCodes::Off,
            status: UserStatus::Active,
            created_at: NOW,
        },
        workspace: Workspace { policy, ..Workspace::new(WorkspaceId::new("w"), name, WorkspaceKind::Shared) },
        role: Role::Member,
    }
}

fn scope(words: &str) -> Scope {
    Scope::parse(words).unwrap()
}

fn family(amr: Amr, words: &str) -> RefreshFamily {
    RefreshFamily {
        id: FamilyId::parse("01890000-0000-7000-8000-000000000000").unwrap(),
        client_id: ClientId::new("c"),
        subject: Subject::new("u"),
        workspace_id: WorkspaceId::new("w"),
        scope: scope(words),
        auth_time: NOW,
        amr,
        created_at: NOW,
        generation: 0,
        last_anonymous: None,
        status: FamilyStatus::Live,
    }
}

/// What is said at each door, in turn: browser, device, session, personal access token, API key.
fn doors(
    grantee: &Grantee,
    amr: Amr,
    allowed: &AllowedWorkspaces,
    now: Timestamp,
) -> [Result<String, GrantRefusal>; 5] {
    let (scope, family) = (scope("openid cloud"), family(amr, "openid cloud"));
    let asked = Asked { amr, scope: &scope, allowed };
    [
        Way::Browser(asked),
        Way::Device(asked),
        Way::Session(&family, allowed),
        Way::Key(KeyKind::Personal, &scope),
        Way::Key(KeyKind::Api, &scope),
    ]
    .map(|way| grantee.check(way, now).map(|scope| scope.to_string()))
}

const PROVEN: Amr = Amr::PasswordAndSecondFactor;

fn open() -> Policy {
    Policy { device_codes: DevicePolicy::On, ..Policy::shared() }
}

fn full() -> String {
    "openid cloud".into()
}

#[test]
fn i_32_nothing_of_a_locked_or_disabled_user_counts_at_any_door() {
    for (status, refusal) in
        [(UserStatus::Locked, GrantRefusal::Locked), (UserStatus::Disabled, GrantRefusal::Disabled)]
    {
        let mut grantee = grantee(open());
        grantee.user.status = status;
        assert_eq!(doors(&grantee, PROVEN, &AllowedWorkspaces::Any, NOW), [(); 5].map(|()| Err(refusal)));
    }
    assert_eq!(doors(&grantee(open()), PROVEN, &AllowedWorkspaces::Any, NOW), [(); 5].map(|()| Ok(full())));
}

#[test]
fn i_32_each_part_of_the_policy_is_asked_at_the_doors_that_it_is_for() {
    let at_doors = |policy, amr, now| doors(&grantee(policy), amr, &AllowedWorkspaces::Any, now);
    let sso = Policy { methods: WordSet::of(&[SignInMethod::Sso]), ..open() };
    let refused = || Err(GrantRefusal::MethodRefused(SignInMethod::Password));
    assert_eq!(at_doors(sso, PROVEN, NOW), [refused(), refused(), refused(), Ok(full()), Ok(full())]);

    let missing = || Err(GrantRefusal::SecondFactorMissing);
    assert_eq!(
        at_doors(open(), Amr::Password, NOW),
        [missing(), missing(), missing(), Ok(full()), Ok(full())]
    );
    let plain = || Ok("openid".into());
    let no_cloud = Policy { capabilities: WordSet::of(&[]), ..open() };
    assert_eq!(at_doors(no_cloud.clone(), Amr::Password, NOW), [plain(), plain(), plain(), plain(), plain()]);
    let always = Policy { mfa: MfaPolicy::Always, ..no_cloud };
    assert_eq!(at_doors(always, Amr::Password, NOW), [missing(), missing(), missing(), plain(), plain()]);

    let off = || Err(GrantRefusal::DeviceCodesOffInWorkspace);
    assert_eq!(
        at_doors(Policy::shared(), PROVEN, NOW),
        [Ok(full()), off(), Ok(full()), Ok(full()), Ok(full())]
    );
    let by_person = Policy { device_codes: DevicePolicy::ByPerson, ..open() };
    let off = || Err(GrantRefusal::DeviceCodesOffForPerson);
    assert_eq!(at_doors(by_person, PROVEN, NOW), [Ok(full()), off(), Ok(full()), Ok(full()), Ok(full())]);

    let no_keys = Policy { api_keys: ApiKeyPolicy::Refused, ..open() };
    let refused = || Err(GrantRefusal::KeysRefused);
    assert_eq!(at_doors(no_keys, PROVEN, NOW), [Ok(full()), Ok(full()), Ok(full()), Ok(full()), refused()]);

    let hour = Duration::from_hours(1);
    let short = Policy { session_length: SessionLength::new(hour), ..open() };
    let over = || Err(GrantRefusal::SessionOver);
    assert_eq!(
        at_doors(short.clone(), PROVEN, NOW.plus(hour)),
        [Ok(full()), Ok(full()), over(), Ok(full()), Ok(full())]
    );
    let before = NOW.plus(Duration::from_secs(3_599));
    assert_eq!(at_doors(short, PROVEN, before), [(); 5].map(|()| Ok(full())));
}

#[test]
fn i_73_a_client_that_takes_tokens_for_other_workspaces_gets_none_for_this_one() {
    let refused = || Err(GrantRefusal::OtherWorkspace);
    let others = AllowedWorkspaces::parse("x,y").unwrap();
    let with_this = AllowedWorkspaces::parse("x,w").unwrap();

    let at_doors = doors(&grantee(open()), PROVEN, &others, NOW);
    assert_eq!(at_doors, [refused(), refused(), refused(), Ok(full()), Ok(full())]);
    assert_eq!(doors(&grantee(open()), PROVEN, &with_this, NOW), [(); 5].map(|()| Ok(full())));
}

#[test]
fn i_49_whether_a_device_is_let_in_follows_from_workspace_and_person() {
    let mut allowed = Vec::new();
    for policy in [DevicePolicy::Off, DevicePolicy::ByPerson, DevicePolicy::On] {
        for switch in [DeviceCodes::Off, DeviceCodes::On] {
            let mut grantee = grantee(Policy { device_codes: policy, ..open() });
            grantee.user.device_codes = switch;
            allowed.push(doors(&grantee, PROVEN, &AllowedWorkspaces::Any, NOW)[1].is_ok());
        }
    }
    assert_eq!(allowed, [false, false, false, true, true, true]);
}

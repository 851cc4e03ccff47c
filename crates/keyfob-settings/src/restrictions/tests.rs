use super::*;
use crate::layer::Layer;
use proptest::prelude::*;
use std::sync::Arc;

const METHODS: [LoginMethod; 2] = [LoginMethod::Chatgpt, LoginMethod::Api];
const WORKSPACES: [&str; 3] = ["w-1", "w-2", "w-3"];

fn origin() -> Origin {
    Origin { layer: Layer::User, file: Arc::new("/f.toml".into()), line: 1 }
}

fn restrictions(methods: &[BTreeSet<usize>], workspaces: &[BTreeSet<usize>]) -> Restrictions {
    let method = |set: &BTreeSet<usize>| Restriction {
        key: "allowed_login_methods",
        allows: set.iter().filter_map(|at| METHODS.get(*at).copied()).collect(),
        origin: origin(),
    };
    let workspace = |set: &BTreeSet<usize>| Restriction {
        key: "allowed_chatgpt_workspaces",
        allows: set.iter().filter_map(|at| WORKSPACES.get(*at).map(|id| WorkspaceId::new(*id))).collect(),
        origin: origin(),
    };
    Restrictions {
        methods: methods.iter().map(method).collect(),
        workspaces: workspaces.iter().map(workspace).collect(),
        ..Restrictions::default()
    }
}

fn sets(of: usize) -> impl Strategy<Value = Vec<BTreeSet<usize>>> {
    prop::collection::vec(prop::collection::btree_set(0..of, 0..=of), 0..4)
}

fn issuer() -> IssuerUrl {
    IssuerUrl::parse("https://id.test").unwrap()
}

fn presented<'a>(issuer: &'a IssuerUrl, ids: &'a [WorkspaceId]) -> Vec<Presented<'a>> {
    let mut workspaces = vec![Workspace::None, Workspace::Unverified];
    workspaces.extend(ids.iter().map(Workspace::Of));
    let accounts =
        workspaces.into_iter().map(|workspace| Presented::Account { issuer: Some(issuer), workspace });
    std::iter::once(Presented::Key).chain(accounts).collect()
}

proptest! {
    #[test]
    fn s_18_one_more_restriction_never_allows_what_the_others_do_not(
        methods in sets(2), workspaces in sets(3), more_methods in sets(2), more_workspaces in sets(3),
    ) {
        let few = restrictions(&methods, &workspaces);
        let many = restrictions(
            &[methods, more_methods].concat(),
            &[workspaces, more_workspaces].concat(),
        );
        let ids = WORKSPACES.map(WorkspaceId::new);
        let issuer = issuer();
        for presented in presented(&issuer, &ids) {
            if many.judge(presented) == Judgement::Allowed {
                prop_assert_eq!(few.judge(presented), Judgement::Allowed);
            }
        }
        for method in METHODS {
            prop_assert!(many.may_use(method).is_err() || few.may_use(method).is_ok());
        }
    }

    #[test]
    fn s_18_the_order_of_layers_does_not_change_what_is_allowed(methods in sets(2), workspaces in sets(3)) {
        let one = restrictions(&methods, &workspaces);
        let reversed = |sets: &[BTreeSet<usize>]| sets.iter().rev().cloned().collect::<Vec<_>>();
        let other = restrictions(&reversed(&methods), &reversed(&workspaces));
        let ids = WORKSPACES.map(WorkspaceId::new);
        let issuer = issuer();
        for presented in presented(&issuer, &ids) {
            let allowed = |restrictions: &Restrictions| restrictions.judge(presented) == Judgement::Allowed;
            prop_assert_eq!(allowed(&one), allowed(&other));
        }
    }

    #[test]
    fn s_16_a_workspace_that_is_judged_allowed_is_in_every_list(workspaces in sets(3)) {
        let restrictions = restrictions(&[], &workspaces);
        for (at, id) in WORKSPACES.into_iter().enumerate() {
            let id = WorkspaceId::new(id);
            let account = Presented::Account { issuer: Some(&issuer()), workspace: Workspace::Of(&id) };
            let allowed = restrictions.judge(account) == Judgement::Allowed;
            prop_assert_eq!(allowed, workspaces.iter().all(|set| set.contains(&at)));
        }
    }
}

#[test]
fn s_18_an_account_of_another_issuer_breaks_the_pin_and_a_key_does_not() {
    let required = Sourced { value: issuer(), origin: origin() };
    let restrictions = Restrictions { issuer: Some(required), ..Restrictions::default() };
    let other = IssuerUrl::parse("https://other.test").unwrap();
    let judge = |issuer: &IssuerUrl| {
        restrictions.judge(Presented::Account { issuer: Some(issuer), workspace: Workspace::Unverified })
    };

    assert_eq!(judge(&issuer()), Judgement::Allowed);
    let Judgement::Broken(broken) = judge(&other) else { panic!() };
    assert_eq!(
        broken.to_string(),
        "Accounts sign in at https://id.test here, but current credentials are of https://other.test."
    );
    assert_eq!(broken.key, "keyfob.issuer");
    assert_eq!(restrictions.judge(Presented::Key), Judgement::Allowed);
    let nobody_knows =
        Presented::Account { issuer: None, workspace: Workspace::Of(&WorkspaceId::new("w-1")) };
    assert_eq!(restrictions.judge(nobody_knows), Judgement::Unverified(origin()));
}

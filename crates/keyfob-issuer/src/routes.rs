//! Everything that is served, one line a route, each with whom it is for.

use crate::app::App;
use crate::endpoint::{
    self, access_keys, account, account_keys, account_sessions, acknowledge, administration, authorize,
    backend, device_dialect, device_grant, device_page, discovery, email, feed, forgot, home, interaction,
    introspect, join, logout, password, revoke, sessions, step, token, undo, user_info, who_am_i, workspaces,
};
use crate::guard;
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, delete, get, patch, post};
use keyfob_codex::{backend as backend_dialect, client, device, who_am_i as who_am_i_dialect};
use keyfob_oauth::metadata;
use std::sync::Arc;

/// A path, whom it is for, and what answers.
struct Route(Audience, &'static str, MethodRouter<Arc<App>>);

/// Whom a route is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Audience {
    /// People: a GET shows a page, which the suite of pages must know.
    Page,
    /// People, who may be asked for steps of a sign-in there, whose forms lie below.
    PageWithSteps,
    /// People, who pass through: a form, or a program, leads there.
    Form,
    /// Programs.
    Program,
    /// Programs, and pages of every origin (I-80).
    Public,
    /// Programs of those who look after workspaces: on a listener of their own, where the settings name one (I-71).
    Administration,
}

/// Returns the path of every page.
pub fn pages() -> impl Iterator<Item = &'static str> {
    routes().into_iter().filter_map(|Route(audience, path, _)| match audience {
        Audience::Page | Audience::PageWithSteps => Some(path),
        Audience::Form | Audience::Program | Audience::Public | Audience::Administration => None,
    })
}

/// Returns every path that is served, with the steps below those where somebody may be asked for them.
pub fn paths() -> Vec<String> {
    let with_steps = |Route(audience, path, _): Route| {
        let steps = match audience {
            Audience::PageWithSteps => step::PATHS.as_slice(),
            Audience::Page
            | Audience::Form
            | Audience::Program
            | Audience::Public
            | Audience::Administration => &[],
        };
        let below = steps.iter().map(move |step| format!("{path}{step}"));
        std::iter::once(path.to_owned()).chain(below)
    };
    routes().into_iter().flat_map(with_steps).collect()
}

/// Returns what is served on the listener for administration.
pub fn administration_router(app: Arc<App>) -> Router {
    let own = routes().into_iter().filter(|Route(audience, _, _)| *audience == Audience::Administration);
    let router = own.fold(Router::new(), |router, Route(_, path, answer)| router.route(path, answer));
    let around = from_fn_with_state(Arc::clone(&app), guard::around_administration);
    router.fallback(home::nothing).layer(around).with_state(app)
}

/// Returns everything that is served to everybody.
pub fn router(app: Arc<App>) -> Router {
    let mut router = Router::new();
    for Route(audience, path, answer) in routes() {
        router = match audience {
            Audience::Administration if app.administration.is_some() => router,
            Audience::Page | Audience::Form | Audience::Program | Audience::Administration => {
                router.route(path, answer)
            }
            Audience::PageWithSteps => router.route(path, answer).nest(path, step::routes()),
            Audience::Public => router.route(path, answer.layer(from_fn(guard::public::allow))),
        };
    }
    router.fallback(home::nothing).layer(from_fn_with_state(Arc::clone(&app), guard::around)).with_state(app)
}

fn routes() -> Vec<Route> {
    use Audience::{Administration, Form, Page, PageWithSteps, Program, Public};
    let accounts = backend_dialect::ACCOUNTS_PATHS.map(|path| Route(Program, path, get(backend::accounts)));
    let usage = backend_dialect::USAGE_PATHS.map(|path| Route(Program, path, get(backend::usage)));
    let mut routes = vec![
        Route(Page, "/", get(home::show)),
        Route(Program, "/healthz", get(home::health)),
        Route(Program, "/assets/style.css", get(home::style)),
        Route(Form, endpoint::AUTHORIZE_PATH, get(authorize::by_query).post(authorize::by_form)),
        Route(PageWithSteps, "/interaction/{grant}", get(interaction::show)),
        Route(Form, "/interaction/{grant}/confirm", post(interaction::confirm)),
        Route(
            Page,
            "/interaction/{grant}/workspace",
            get(interaction::show_workspaces).post(interaction::choose),
        ),
        Route(PageWithSteps, device::VERIFICATION_PATH, get(device_page::show).post(device_page::enter)),
        Route(Form, "/codex/device/approve", post(device_page::decide)),
        Route(PageWithSteps, "/account", get(account::show)),
        Route(PageWithSteps, "/account/change", get(account::change)),
        Route(PageWithSteps, "/account/set-up", get(account::set_up)),
        Route(Form, "/account/recovery-codes", post(account::renew_codes)),
        Route(Form, "/account/device-codes", post(account::device_codes)),
        Route(PageWithSteps, "/account/sessions", get(account_sessions::show)),
        Route(Form, "/account/sessions/end-all", post(account_sessions::end_all)),
        Route(Form, "/account/sessions/{id}/name", post(account_sessions::rename)),
        Route(Form, "/account/sessions/{id}/end", post(account_sessions::end)),
        Route(PageWithSteps, "/account/keys", get(account_keys::show).post(account_keys::make)),
        Route(Form, "/account/keys/{id}/end", post(account_keys::end)),
        Route(Page, "/account/password", get(password::show_change).post(password::change)),
        Route(PageWithSteps, "/account/email", get(email::show).post(email::send)),
        Route(Page, "/email/{token}", get(email::show_verify).post(email::verify)),
        Route(Page, "/email-undo/{token}", get(email::show_undo).post(email::undo)),
        Route(Form, "/invite/{token}", get(join::follow)),
        Route(PageWithSteps, "/join", get(join::show)),
        Route(Form, "/join/password", post(join::sign_up)),
        Route(Form, "/join/accept", post(join::accept)),
        Route(Page, endpoint::LOGOUT_PATH, get(logout::show).post(logout::sign_out)),
        Route(PageWithSteps, "/workspaces", get(workspaces::list)),
        Route(Page, "/workspaces/{id}", get(workspaces::show).post(workspaces::change)),
        Route(Page, "/forgot", get(forgot::show).post(forgot::send)),
        Route(Page, "/reset/{token}", get(password::show_reset).post(password::reset)),
        Route(Page, "/undo/{token}", get(undo::show).post(undo::end)),
        Route(Program, client::TOKEN_PATH, post(token::redeem)),
        Route(Program, endpoint::DEVICE_AUTHORIZATION_PATH, post(device_grant::start)),
        Route(Program, endpoint::ACKNOWLEDGE_PATH, post(acknowledge::acknowledge)),
        Route(Program, client::REVOKE_PATH, post(revoke::revoke)),
        Route(Program, endpoint::SESSIONS_PATH, get(sessions::list).delete(sessions::end_all)),
        Route(Program, "/api/sessions/{id}", patch(sessions::rename).delete(sessions::end)),
        Route(Program, endpoint::REVOCATIONS_PATH, get(feed::follow)),
        Route(Program, endpoint::INTROSPECT_PATH, post(introspect::introspect)),
        Route(Program, endpoint::ACCESS_KEYS_PATH, get(access_keys::list).post(access_keys::make)),
        Route(Program, "/api/keys/{id}", delete(access_keys::end)),
        Route(Administration, "/api/admin", get(administration::show).patch(administration::change)),
        Route(
            Administration,
            "/api/admin/members/{subject}",
            patch(administration::change_role).delete(administration::remove),
        ),
        Route(Administration, "/api/admin/invitations", post(administration::invite)),
        Route(Administration, "/api/admin/invitations/{id}", delete(administration::take_back)),
        Route(Program, who_am_i_dialect::PATH, get(who_am_i::show)),
        Route(Program, device::USER_CODE_PATH, post(device_dialect::start)),
        Route(Program, device::POLL_PATH, post(device_dialect::poll)),
        Route(Public, metadata::OAUTH_PATH, get(discovery::metadata)),
        Route(Public, metadata::OPENID_PATH, get(discovery::metadata)),
        Route(Public, metadata::RESOURCE_PATH, get(discovery::resource)),
        Route(Public, endpoint::KEYS_PATH, get(discovery::keys)),
        Route(Public, endpoint::USUAL_KEYS_PATH, get(discovery::keys)),
        Route(Public, endpoint::USER_INFO_PATH, get(user_info::show).post(user_info::show)),
    ];
    routes.extend(accounts.into_iter().chain(usage));
    routes
}

//! The authorization server people sign in to: HTTP endpoints, pages, configuration, commands.
//!
//! [`App`] is an opened issuer; [`router`] puts its endpoints and pages around it; [`server::serve`] listens. The
//! operations themselves are in `keyfob-issuer-core`: a handler parses, calls one of them, and renders.
//!
//! It refuses: answers to a host other than the configured one (421), redirects to addresses that are not registered,
//! forms without a CSRF token or from another site, credentials in a query, repeated parameters, bodies over 64 KiB,
//! scripts on its pages, and to start without the seal key that its database was made with.
//!
//! Start reading at [`router`], then the files of `endpoint`, then `error`: the one place where refusals become HTTP.

mod app;
pub mod command;
pub mod config;
pub mod database;
mod endpoint;
mod error;
mod guard;
pub mod mail;
mod page;
mod parameters;
pub mod server;
mod site;
pub mod sweep;
mod text;

pub use app::{App, OpenError};

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{delete, get, patch, post};
use endpoint::{
    access_keys, account, acknowledge, authorize, backend, device_dialect, device_page, discovery, forgot,
    home, interaction, introspect, password, revoke, sessions, step, token, user_info, who_am_i,
};
use keyfob_codex::{backend as backend_dialect, client, device, who_am_i as who_am_i_dialect};
use keyfob_oauth::metadata;
use std::sync::Arc;

/// Returns everything that is served.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/", get(home::show))
        .route("/healthz", get(home::health))
        .route("/assets/style.css", get(home::style))
        .route(endpoint::AUTHORIZE_PATH, get(authorize::by_query).post(authorize::by_form))
        .route("/interaction/{grant}", get(interaction::show))
        .nest("/interaction/{grant}", step::routes())
        .route("/interaction/{grant}/confirm", post(interaction::confirm))
        .route(client::TOKEN_PATH, post(token::redeem))
        .route(endpoint::ACKNOWLEDGE_PATH, post(acknowledge::acknowledge))
        .route(client::REVOKE_PATH, post(revoke::revoke))
        .route(endpoint::SESSIONS_PATH, get(sessions::list).delete(sessions::end_all))
        .route("/api/sessions/{id}", patch(sessions::rename).delete(sessions::end))
        .route(endpoint::INTROSPECT_PATH, post(introspect::introspect))
        .route(endpoint::ACCESS_KEYS_PATH, get(access_keys::list).post(access_keys::make))
        .route("/api/keys/{id}", delete(access_keys::end))
        .route(who_am_i_dialect::PATH, get(who_am_i::show))
        .route(backend_dialect::ACCOUNTS_PATH, get(backend::accounts))
        .route(backend_dialect::USAGE_PATH, get(backend::usage))
        .route(device::USER_CODE_PATH, post(device_dialect::start))
        .route(device::POLL_PATH, post(device_dialect::poll))
        .route(device::VERIFICATION_PATH, get(device_page::show).post(device_page::enter))
        .nest(device::VERIFICATION_PATH, step::routes())
        .route("/codex/device/approve", post(device_page::decide))
        .route("/account", get(account::show))
        .nest("/account", step::routes())
        .route("/account/change", get(account::change))
        .nest("/account/change", step::routes())
        .route("/account/set-up", get(account::set_up))
        .nest("/account/set-up", step::routes())
        .route("/account/recovery-codes", post(account::renew_codes))
        .route("/account/device-codes", post(account::device_codes))
        .route("/account/password", get(password::show_change).post(password::change))
        .route("/forgot", get(forgot::show).post(forgot::send))
        .route("/reset/{token}", get(password::show_reset).post(password::reset))
        .merge(public())
        .fallback(home::nothing)
        .layer(from_fn_with_state(Arc::clone(&app), guard::around))
        .with_state(app)
}

/// Returns what pages of every origin may read (I-80).
fn public() -> Router<Arc<App>> {
    Router::new()
        .route(metadata::OAUTH_PATH, get(discovery::metadata))
        .route(metadata::OPENID_PATH, get(discovery::metadata))
        .route(metadata::RESOURCE_PATH, get(discovery::resource))
        .route(endpoint::KEYS_PATH, get(discovery::keys))
        .route(endpoint::USER_INFO_PATH, get(user_info::show).post(user_info::show))
        .route_layer(from_fn(guard::public::allow))
}

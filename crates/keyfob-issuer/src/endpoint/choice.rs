//! The page on which somebody chooses one of their workspaces, for a grant and for a device.

use crate::app::App;
use crate::endpoint::visitor::Visitor;
use crate::page::{ChooseWorkspacePage, OfferedWorkspace, html};
use crate::refusal::words;
use axum::response::Response;
use http::StatusCode;
use keyfob_issuer_core::operation::Offer;

/// What the page is about.
pub(super) struct Choosing<'a> {
    pub(super) client: &'a str,
    pub(super) email: &'a str,
    pub(super) offers: &'a [Offer],
    /// Where the choice goes.
    pub(super) action: String,
    /// Where a refusal goes.
    pub(super) refuse_action: String,
    /// The code of the device that is let in, if one is.
    pub(super) user_code: Option<&'a str>,
}

/// Renders the page; the workspace that was last used from this browser is marked, if it can be chosen.
pub(super) fn page(app: &App, visitor: &Visitor, choosing: Choosing<'_>) -> Response {
    let Choosing { client, email, offers, action, refuse_action, user_code } = choosing;
    let offered = |offer: &Offer| offer.refusal.is_none();
    let offers: Vec<OfferedWorkspace<'_>> = offers
        .iter()
        .map(|offer| OfferedWorkspace {
            id: offer.workspace.id.as_str(),
            name: offer.workspace.name.as_str(),
            is_marked: offered(offer) && visitor.workspace.as_ref() == Some(&offer.workspace.id),
            refusal: offer.refusal.map(words),
        })
        .collect();
    let can_choose = offers.iter().any(|offer| offer.refusal.is_none());
    let page = ChooseWorkspacePage {
        place: visitor.place.path(),
        action,
        csrf: visitor.csrf(app),
        refuse_csrf: user_code.map_or_else(|| visitor.csrf(app), |code| visitor.csrf_for(app, &[code])),
        refuse_action,
        client,
        email,
        user_code,
        can_choose,
        offers,
    };
    html(if can_choose { StatusCode::OK } else { StatusCode::FORBIDDEN }, &page)
}

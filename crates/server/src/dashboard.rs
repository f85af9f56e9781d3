//! The dashboard: pages for people, made on the server. A page is a handler here and a template.
//!
//! Who asks, whether a form is of their session, and what every answer carries is seen to before a handler runs
//! (`guard.rs`): no page can forget it.

mod application;
mod applications;
mod approvals;
mod asset;
mod badge;
mod chart;
mod cookie;
mod copied;
mod desk;
mod edit;
mod glance;
mod guard;
mod live;
mod local;
mod member;
mod offer;
mod page;
mod pause;
mod pick;
mod refused;
mod session;
mod sheet;
mod sign_in;
mod visitor;
mod when;

use std::sync::Arc;

use applyd_core::ids::PersonId;
use axum::Router;
use axum::handler::Handler;
use axum::middleware::from_fn_with_state;
use axum::response::Redirect;
use axum::routing::{get, post};
use tokio::sync::Semaphore;

use crate::http::{App, Streams};
use glance::PastDays;

/// Passwords that are looked at in one moment: each takes 19 MiB and a core.
const MOST_HASHING: usize = 2;

/// What the dashboard keeps in this process.
pub(crate) struct Dashboard {
    hashing: Arc<Semaphore>,
    streams: Arc<Streams<PersonId>>,
    past_days: PastDays,
}

impl Default for Dashboard {
    fn default() -> Self {
        Self {
            hashing: Arc::new(Semaphore::new(MOST_HASHING)),
            streams: Arc::default(),
            past_days: PastDays::new(),
        }
    }
}

/// The pages and what can be done on them.
fn routes() -> Routes {
    Routes::default()
        .page("/dashboard", glance::glance)
        .page("/dashboard/events", live::events)
        .page("/dashboard/applications", applications::applications)
        .page("/dashboard/applications/{id}", application::application)
        .action("/dashboard/applications/{id}/cancel", application::cancel)
        .action("/dashboard/applications/{id}/resolve", application::resolve)
        .page("/dashboard/approvals", approvals::approvals)
        .page("/dashboard/approvals/{id}", sheet::sheet)
        .action("/dashboard/approvals/{id}/open", sheet::open)
        .action("/dashboard/approvals/{id}/close", sheet::close)
        .action("/dashboard/approvals/{id}/approve", sheet::approve)
        .action("/dashboard/approvals/{id}/decline", sheet::decline)
        .page("/dashboard/approvals/{id}/edit", edit::form)
        .action("/dashboard/approvals/{id}/edit", edit::edit)
        .page("/dashboard/desk", desk::desk)
        .page("/dashboard/desk/{id}", desk::case)
        .action("/dashboard/desk/{id}/claim", desk::claim)
        .action("/dashboard/desk/{id}/release", desk::release)
        .action("/dashboard/desk/{id}/declare", desk::declare)
        .action("/dashboard/desk/{id}/outcome", desk::record)
        .action("/dashboard/pause", pause::pause)
        .action("/dashboard/resume", pause::resume)
        .page("/dashboard/sign-in", sign_in::form)
        .action("/dashboard/sign-in", sign_in::by_password)
        .page("/dashboard/link/{token}", sign_in::show_link)
        .action("/dashboard/link", sign_in::by_link)
        .action("/dashboard/sign-out", session::sign_out)
        .action("/dashboard/sign-out-everywhere", session::sign_out_everywhere)
        .page("/dashboard/{*path}", refused::no_such_page)
}

/// Routes of the dashboard; those that change something are known by name, for tests.
#[derive(Default)]
struct Routes {
    router: Router<Arc<App>>,
    pages: Vec<&'static str>,
    actions: Vec<&'static str>,
}

impl Routes {
    fn page<T: 'static>(mut self, path: &'static str, handler: impl Handler<T, Arc<App>>) -> Self {
        self.pages.push(path);
        self.router = self.router.route(path, get(handler));
        self
    }

    /// By a form, whose token is checked before the handler runs.
    fn action<T: 'static>(mut self, path: &'static str, handler: impl Handler<T, Arc<App>>) -> Self {
        self.actions.push(path);
        self.router = self.router.route(path, post(handler));
        self
    }
}

/// Paths of the dashboard that are read.
#[must_use]
pub fn pages() -> Vec<&'static str> {
    routes().pages
}

/// Paths of the dashboard that change something.
#[must_use]
pub fn actions() -> Vec<&'static str> {
    routes().actions
}

/// All of it, guarded.
pub(crate) fn router(app: &Arc<App>) -> Router<Arc<App>> {
    routes()
        .router
        .layer(from_fn_with_state(Arc::clone(app), guard::guard))
        .route("/dashboard/assets/{name}", get(asset::asset))
        .route("/", get(async || Redirect::to("/dashboard")))
}

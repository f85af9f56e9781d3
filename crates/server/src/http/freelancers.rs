//! `GET /api/auto-apply-v2/freelancers`: uphunt-api.md §10.

use std::sync::Arc;

use applyd_store::freelancer;
use applyd_wire::FreelancersAnswer;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;

use super::App;
use super::account::Caller;
use super::answer::json;
use super::refused::Refused;

/// Lists the agency's freelancers with their profiles.
///
/// Apply takes a `profileId`; without one it uses the default profile of the first freelancer. They change rarely: keep
/// the answer for five minutes.
#[utoipa::path(
    get, path = "/api/auto-apply-v2/freelancers", tag = "account",
    responses((status = 200, description = "All of them", body = FreelancersAnswer, example = json!({
        "freelancers": [{"id": "fl_1", "name": "Ada Example", "profiles": [
            {"profileId": "pf_1", "title": "Rust engineer", "hourlyRate": 65, "isDefault": true},
            {"profileId": "pf_2", "title": "Data engineer", "hourlyRate": 70, "isDefault": false}]}]}))),
)]
pub(crate) async fn freelancers(
    Shared(app): Shared<Arc<App>>,
    Caller(holder): Caller,
) -> Result<Response, Refused> {
    let account = holder.account.clone();
    let freelancers = app.store.read(move |tx| freelancer::list(tx, &account)).await?;
    Ok(json(StatusCode::OK, &FreelancersAnswer { freelancers }))
}

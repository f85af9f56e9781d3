//! The API described by itself: what the handlers say of themselves, and what is true of all of them.

mod older;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa::OpenApi as _;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, Parameter};
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, PathItem, Ref, RefOr,
};

use super::rewrite::ALIASES;

const SCHEME: &str = "apiKey";
/// What the handlers of the desk name.
pub(crate) const PERSON: &str = "person";
/// The tag of all aliases.
pub(crate) const OLDER_PATHS: &str = "older paths";

/// What every operation with a key may answer beside its own.
const WITH_KEY: [(&str, &str); 4] = [
    ("401", "The key, or at the desk the person's token, is missing or invalid"),
    ("429", "Too many requests: `Retry-After` says when to come back, in whole seconds"),
    ("500", "A fault of the server"),
    ("503", "The store or the channel is not reachable; `Retry-After` says when to come back"),
];
/// The same for those that take a body.
const WITH_BODY: [(&str, &str); 3] = [
    ("400", "Not JSON, or a member is missing or of the wrong type"),
    ("408", "The body was not complete within 5 seconds"),
    ("413", "The body is longer than 256 KiB"),
];

/// What `/openapi.json` serves: written by `cargo xtask openapi`, held to the code by a test. To put it together at
/// each start would cost as much memory as all the rest.
pub(crate) const DOCUMENT: &str = include_str!("../../../../openapi.json");

#[derive(utoipa::OpenApi)]
#[openapi(
    paths(
        super::apply::apply,
        super::generate_proposal::generate_proposal,
        super::preflight::preflight,
        super::status::status,
        super::applied_jobs::applied_jobs,
        super::freelancers::freelancers,
        super::jobs::job,
        super::clients::client_jobs,
        super::events::events,
        super::applications::cancel,
        super::applications::timeline,
        super::submissions::submissions,
        super::desk::list,
        super::desk::read,
        super::desk::claim,
        super::desk::release,
        super::desk::declare,
        super::desk::record,
        super::webhooks::list,
        super::webhooks::create,
        super::webhooks::read,
        super::webhooks::update,
        super::webhooks::delete,
        super::webhooks::test,
        super::webhooks::rotate_secret,
        super::webhooks::deliveries,
        super::webhooks::events,
        super::webhooks::redeliver,
        super::health::healthz,
        super::health::readyz,
        super::openapi::openapi,
        super::docs::docs,
    ),
    components(schemas(applyd_wire::ErrorAnswer))
)]
struct Routes;

/// The description of all routes, aliases included.
#[must_use]
pub fn description() -> OpenApi {
    let mut api = Routes::openapi();
    api.info = InfoBuilder::new()
        .title("applyd")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "The open server of the UpHunt API: durable proposals to Upwork. Unknown members of a body are ignored.",
        ))
        .license(Some(LicenseBuilder::new().name("MIT").build()))
        .build();
    let key = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("x-api-key")));
    let mut components = ComponentsBuilder::from(api.components.take().unwrap_or_default());
    let person = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A person's token, as `applyd person add` shows it once"))
        .build();
    components =
        components.security_scheme(SCHEME, key).security_scheme(PERSON, SecurityScheme::Http(person));
    api.components = Some(components.build());
    for item in api.paths.paths.values_mut() {
        operations(item).for_each(common);
    }
    for alias in &ALIASES {
        older::add(&mut api, alias);
    }
    api
}

/// Describes the API: this document.
#[utoipa::path(get, path = "/openapi.json", tag = "operation", security(()), responses(
    (status = 200, description = "OpenAPI 3.1, of every route", body = serde_json::Value,
        content_type = "application/json",
        example = json!({"openapi": "3.1.0", "info": {"title": "applyd"}, "paths": {}})),
))]
pub(crate) async fn openapi() -> Response {
    (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.patch, &mut item.delete].into_iter().filter_map(Option::as_mut)
}

fn common(operation: &mut Operation) {
    // `security(())` marks what needs no key; the desk names its own.
    let needed = || vec![SecurityRequirement::new::<_, _, String>(SCHEME, [])];
    let is_open = *operation.security.get_or_insert_with(needed) == [SecurityRequirement::default()];
    if !is_open {
        refusals(operation, &WITH_KEY);
    }
    if operation.request_body.is_some() {
        refusals(operation, &WITH_BODY);
    }
    for parameter in operation.parameters.iter_mut().flatten() {
        not_null(parameter);
    }
    for (code, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        let mut header = |name: &str, kind: Type, text: &str| {
            let schema = ObjectBuilder::new().schema_type(kind).build();
            let header = HeaderBuilder::new().schema(Some(schema)).description(Some(text)).build();
            response.headers.insert(name.to_owned(), header.into());
        };
        header("X-Request-Id", Type::String, "Stands in each log line of the request");
        if !is_open && code != "401" {
            header("X-RateLimit-Limit", Type::Integer, "Requests in the window; absent if limits are off");
            header("X-RateLimit-Remaining", Type::Integer, "What is left of them");
            header("X-RateLimit-Reset", Type::Integer, "When the window ends, Unix seconds");
        }
        if code == "429" || code == "503" {
            header("Retry-After", Type::Integer, "Whole seconds");
        }
    }
}

/// What may be absent is an `Option` in the code; outside of a body nothing can be `null`.
fn not_null(parameter: &mut RefOr<Parameter>) {
    let RefOr::T(Parameter { schema: Some(RefOr::T(Schema::Object(schema))), .. }) = parameter else {
        return;
    };
    if let SchemaType::Array(kinds) = &mut schema.schema_type {
        kinds.retain(|kind| *kind != Type::Null);
        if let [only] = kinds.as_slice() {
            schema.schema_type = SchemaType::Type(only.clone());
        }
    }
}

fn refusals(operation: &mut Operation, refusals: &[(&str, &str)]) {
    for (code, description) in refusals {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("ErrorAnswer"))).build();
        let response =
            ResponseBuilder::new().description(*description).content("application/json", content).build();
        operation.responses.responses.entry((*code).to_owned()).or_insert(RefOr::T(response));
    }
}

//! The older paths, described by what they stand for.

use serde_json::Value;
use utoipa::openapi::path::{ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBody;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{OpenApi, PathItem, Ref, RefOr, Required};

use super::OLDER_PATHS;
use crate::http::legacy::{NEW, OLD};
use crate::http::rewrite::Alias;

/// The body of apply on its legacy path.
const LEGACY_APPLY: &str = "LegacyApplyRequest";

/// An alias does what its target does.
pub(super) fn add(api: &mut OpenApi, alias: &Alias) {
    let Some(target) = api.paths.paths.get(alias.target) else { return };
    let (get, post) = (target.get.clone(), target.post.clone());
    let operation = if alias.method == "POST" { post } else { get };
    let Some(mut operation) = operation else { return };
    let mut item = PathItem::default();
    let id = operation.operation_id.take().unwrap_or_default();
    let words = alias.path.trim_start_matches("/api/").replace(['/', '-', '{', '}'], "_");
    operation.operation_id = Some(format!("{id}_{words}"));
    let renamed =
        if alias.method == "POST" { "; `proposal` may be called `applicationOptions` there" } else { "" };
    operation.summary = Some(format!("An older path of `{} {}`{renamed}", alias.method, alias.target));
    operation.tags = Some(vec![OLDER_PATHS.to_owned()]);
    if let Some(RefOr::T(body)) = &mut operation.request_body {
        take_old_name(api, body);
    }
    if alias.path.ends_with("{ciphertext}") {
        let schema = ObjectBuilder::new().schema_type(Type::String).build();
        let ciphertext = ParameterBuilder::new()
            .name("ciphertext")
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .schema(Some(schema))
            .description(Some("Ciphertext of the job"));
        operation.parameters = Some(vec![ciphertext.build().into()]);
    }
    match alias.method {
        "POST" => item.post = Some(operation),
        _ => item.get = Some(operation),
    }
    api.paths.paths.insert(alias.path.to_owned(), item);
}

/// On the legacy path the body may have its proposal under the old name.
fn take_old_name(api: &mut OpenApi, body: &mut RequestBody) {
    let Some(components) = &mut api.components else { return };
    let Some(RefOr::T(Schema::Object(apply))) = components.schemas.get("ApplyRequest") else { return };
    let mut legacy = apply.clone();
    let Some(proposal) = legacy.properties.get(NEW).cloned() else { return };
    legacy.properties.insert(OLD.to_owned(), proposal);
    legacy.description = Some(format!("Body of the older path of apply: `{OLD}` or `{NEW}`, not both."));
    components.schemas.insert(LEGACY_APPLY.to_owned(), RefOr::T(Schema::Object(legacy)));
    for content in body.content.values_mut() {
        let RefOr::T(content) = content else { continue };
        content.schema = Some(Ref::from_schema_name(LEGACY_APPLY).into());
        if let Some(Value::Object(example)) = &mut content.example
            && let Some(proposal) = example.remove(NEW)
        {
            example.insert(OLD.to_owned(), proposal);
        }
    }
}

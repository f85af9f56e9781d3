//! What the page reads of an OpenAPI document.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// Deeper than any body is; a schema that holds itself ends here.
const DEEPEST: usize = 8;

#[derive(Deserialize)]
pub(super) struct Described {
    pub(super) info: Info,
    pub(super) paths: BTreeMap<String, BTreeMap<String, Operation>>,
    components: Components,
}

#[derive(Deserialize)]
pub(super) struct Info {
    pub(super) title: String,
    pub(super) version: String,
    #[serde(default)]
    pub(super) description: String,
}

#[derive(Deserialize)]
struct Components {
    schemas: BTreeMap<String, Schema>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Operation {
    #[serde(default)]
    pub(super) tags: Vec<String>,
    #[serde(default)]
    pub(super) operation_id: String,
    #[serde(default)]
    pub(super) summary: String,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) parameters: Vec<Parameter>,
    /// Names of what says who asks, each with its scopes.
    #[serde(default)]
    pub(super) security: Vec<BTreeMap<String, Value>>,
    pub(super) request_body: Option<Content>,
    pub(super) responses: BTreeMap<String, Content>,
}

#[derive(Deserialize)]
pub(super) struct Parameter {
    pub(super) name: String,
    #[serde(rename = "in")]
    pub(super) place: String,
    #[serde(default)]
    pub(super) required: bool,
    #[serde(default)]
    pub(super) description: String,
    pub(super) schema: Schema,
    pub(super) example: Option<Value>,
}

/// A body, asked or answered.
#[derive(Deserialize)]
pub(super) struct Content {
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    content: BTreeMap<String, Media>,
}

#[derive(Deserialize)]
struct Media {
    schema: Option<Schema>,
    example: Option<Value>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Schema {
    #[serde(rename = "$ref")]
    reference: Option<String>,
    #[serde(rename = "type")]
    kind: Value,
    description: String,
    #[serde(rename = "enum")]
    values: Vec<Value>,
    items: Option<Box<Schema>>,
    one_of: Vec<Schema>,
    all_of: Vec<Schema>,
    properties: BTreeMap<String, Schema>,
    required: Vec<String>,
    example: Option<Value>,
}

/// A member of a body.
pub(super) struct Member {
    /// As a path: `proposal.milestones[].amount`.
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) is_required: bool,
    pub(super) text: String,
}

impl Described {
    /// The members of a body, those of its objects after each.
    pub(super) fn members(&self, content: &Content) -> Vec<Member> {
        let mut members = Vec::new();
        if let Some(schema) = content.media().and_then(|media| media.schema.as_ref()) {
            self.collect(schema, "", 0, &mut members);
        }
        members
    }

    /// What the body may look like, laid out for people; empty if nothing says it.
    pub(super) fn example<'a>(&'a self, content: &'a Content) -> Option<&'a Value> {
        let media = content.media()?;
        media.example.as_ref().or_else(|| self.resolve(media.schema.as_ref()?).example.as_ref())
    }

    /// A type in words. `null` counts only where a value must be.
    pub(super) fn kind(&self, schema: &Schema, is_required: bool) -> String {
        let of = self.resolve(schema);
        let mut kinds: Vec<String> = match &of.kind {
            Value::String(kind) => vec![kind.clone()],
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => of.one_of.iter().map(|one| self.kind(one, true)).collect(),
        };
        if !is_required {
            kinds.retain(|kind| kind != "null");
        }
        if let (Some(first), Some(items)) = (kinds.iter_mut().find(|kind| *kind == "array"), &of.items) {
            *first = format!("array of {}", self.kind(items, true));
        }
        let values: Vec<_> =
            of.values.iter().filter(|value| !value.is_null()).map(Value::to_string).collect();
        if values.is_empty() { kinds.join(" or ") } else { format!("one of {}", values.join(", ")) }
    }

    /// What is said of a member, or else of its type.
    fn text<'a>(&'a self, schema: &'a Schema) -> &'a str {
        let of_type = || schema.one_of.iter().map(|one| self.text(one)).find(|text| !text.is_empty());
        match (schema.description.as_str(), self.resolve(schema).description.as_str()) {
            ("", "") => of_type().unwrap_or_default(),
            ("", of_type) => of_type,
            (own, _) => own,
        }
    }

    fn resolve<'a>(&'a self, schema: &'a Schema) -> &'a Schema {
        let name = schema.reference.as_deref().and_then(|path| path.rsplit('/').next());
        name.and_then(|name| self.components.schemas.get(name)).unwrap_or(schema)
    }

    fn collect(&self, schema: &Schema, prefix: &str, depth: usize, members: &mut Vec<Member>) {
        if depth == DEEPEST {
            return;
        }
        let of = self.resolve(schema);
        for (name, member) in &of.properties {
            let (name, is_required) = (format!("{prefix}{name}"), of.required.contains(name));
            let text = self.text(member).to_owned();
            let kind = self.kind(member, is_required);
            members.push(Member { name: name.clone(), kind, is_required, text });
            self.collect(member, &format!("{name}."), depth + 1, members);
        }
        for one in of.one_of.iter().chain(&of.all_of) {
            self.collect(one, prefix, depth + 1, members);
        }
        if let Some(items) = &of.items {
            self.collect(items, &format!("{}[].", prefix.trim_end_matches('.')), depth + 1, members);
        }
    }
}

impl Content {
    fn media(&self) -> Option<&Media> {
        self.content.values().next()
    }
}

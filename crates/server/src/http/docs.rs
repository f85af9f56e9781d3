//! `GET /docs`: the description of the API as a page for people, made once at the start. It loads nothing.

mod call;
mod described;

use std::collections::BTreeMap;
use std::io;

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use utoipa::openapi::OpenApi;

use super::openapi::OLDER_PATHS;
use call::Call;
use described::Described;

/// The page needs its own style sheet and nothing else.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// Codes, when they come, and whether to come back.
const ERRORS: [(&str, &str, &str); 12] = [
    ("400", "Not JSON, or something is missing, of the wrong type or malformed; `field` names it", "no"),
    ("401", "The key is missing or invalid", "no"),
    ("402", "No credit is available", "no"),
    ("404", "No such path, or nothing of this account under this id", "no"),
    ("405", "No such method on this path; `Allow` lists those there are", "no"),
    ("408", "The body was not complete within 5 seconds", "yes"),
    ("409", "It stands against something that is there already", "no"),
    ("413", "The body is longer than 256 KiB", "no"),
    ("422", "Well-formed but senseless; `field` names it", "no"),
    ("429", "Too many requests", "after `Retry-After` seconds"),
    ("500", "A fault of the server", "yes"),
    ("503", "Store or channel cannot be reached, or the queue is full", "after `Retry-After` seconds"),
];

#[derive(Template)]
#[template(path = "docs.html", whitespace = "minimize")]
struct Page {
    title: String,
    version: String,
    description: String,
    groups: Vec<Group>,
    errors: &'static [(&'static str, &'static str, &'static str)],
}

/// Everything under one tag.
struct Group {
    name: String,
    /// Told in a line each: they do what their targets do.
    is_older: bool,
    calls: Vec<Call>,
}

/// The page's bytes.
///
/// # Errors
/// The description is not one: a bug, which shows at the start.
pub(crate) fn page(document: &OpenApi) -> io::Result<Bytes> {
    let described: Described = serde_json::from_value(serde_json::to_value(document)?)?;
    let page = Page::of(described).render().map_err(io::Error::other)?;
    Ok(page.into())
}

/// Its bytes as an answer.
pub(crate) async fn docs(page: Bytes) -> Response {
    let headers =
        [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, POLICY)];
    (StatusCode::OK, headers, page).into_response()
}

impl Page {
    fn of(described: Described) -> Self {
        let mut groups: BTreeMap<(usize, &str), Vec<Call>> = BTreeMap::new();
        for (path, methods) in &described.paths {
            for (method, operation) in methods {
                let tag = operation.tags.first().map_or("", String::as_str);
                let call = Call::of(&described, path, method, operation);
                groups.entry((rank(tag), tag)).or_default().push(call);
            }
        }
        let group = |((_, tag), mut calls): ((usize, &str), Vec<Call>)| {
            // What is about one thing in particular comes after what is about all of them.
            calls.sort_by_key(|call| call.path.matches('/').count());
            Group { name: tag.to_owned(), is_older: tag == OLDER_PATHS, calls }
        };
        let groups = groups.into_iter().map(group).collect();
        let info = described.info;
        Self {
            title: info.title,
            version: info.version,
            description: info.description,
            groups,
            errors: &ERRORS,
        }
    }
}

impl Group {
    fn anchor(&self) -> String {
        format!("tag-{}", self.name.replace(' ', "-"))
    }
}

/// What a reader comes for stands first; what only some need stands last.
fn rank(tag: &str) -> usize {
    match tag {
        "applications" => 0,
        "sandbox" => 2,
        "operation" => 3,
        OLDER_PATHS => 4,
        _ => 1,
    }
}

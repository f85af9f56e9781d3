//! `GET /docs`: the description of the API as a page for people, made when it is first asked for. It loads nothing.

mod call;
mod described;

use std::collections::BTreeMap;
use std::io;
use std::sync::LazyLock;

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use super::openapi::{DOCUMENT, OLDER_PATHS};
use super::refused::Refused;
use call::Call;
use described::Described;

/// The page needs its own style sheet and nothing else.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// Codes, when they come, and whether to come back.
const ERRORS: [(&str, &str, &str); 12] = [
    ("400", "Not JSON, or something is missing, of the wrong type or malformed; `field` names it", "no"),
    ("401", "The key, or at the desk the person's token, is missing or invalid", "no"),
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

fn page() -> io::Result<Bytes> {
    let described: Described = serde_json::from_str(DOCUMENT)?;
    let page = Page::of(described).render().map_err(io::Error::other)?;
    Ok(page.into())
}

/// Shows the description as a page for people.
#[utoipa::path(get, path = "/docs", tag = "operation", security(()), responses(
    (status = 200, description = "It needs nothing but itself", body = String, content_type = "text/html",
        example = json!("<!DOCTYPE html>…")),
))]
pub(crate) async fn docs() -> Response {
    static PAGE: LazyLock<io::Result<Bytes>> = LazyLock::new(page);
    let page = match &*PAGE {
        Ok(page) => page.clone(),
        Err(error) => {
            tracing::error!(%error, "the page of the API cannot be made");
            return Refused::Internal.into_response();
        }
    };
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

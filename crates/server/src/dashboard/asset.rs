//! Style and script, built into the program. Their paths change with them, so that they are kept for ever.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

/// One of them.
pub(super) struct Asset {
    /// Where it is.
    pub(super) path: String,
    kind: &'static str,
    text: &'static str,
}

static ALL: LazyLock<[Asset; 4]> = LazyLock::new(|| {
    [
        Asset::new("style", "css", include_str!("../../assets/style.css")),
        Asset::new("htmx", "js", include_str!("../../assets/htmx.min.js")),
        Asset::new("dashboard", "js", include_str!("../../assets/dashboard.js")),
        Asset::new("icon", "svg", include_str!("../../assets/icon.svg")),
    ]
});

/// For templates.
pub(super) fn style() -> &'static str {
    &ALL[0].path
}

/// For templates.
pub(super) fn htmx() -> &'static str {
    &ALL[1].path
}

/// For templates.
pub(super) fn script() -> &'static str {
    &ALL[2].path
}

/// For templates.
pub(super) fn icon() -> &'static str {
    &ALL[3].path
}

impl Asset {
    fn new(name: &str, ending: &str, text: &'static str) -> Self {
        let sha256 = Sha256::digest(text.as_bytes());
        let hash: String = sha256.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let kind = match ending {
            "css" => "text/css; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            _ => "image/svg+xml",
        };
        Self { path: format!("/dashboard/assets/{name}-{hash}.{ending}"), kind, text }
    }
}

pub(super) async fn asset(Path(name): Path<String>) -> Response {
    let found = ALL.iter().find(|asset| asset.path.rsplit('/').next() == Some(&name));
    let Some(asset) = found else { return StatusCode::NOT_FOUND.into_response() };
    let headers = [
        (header::CONTENT_TYPE, asset.kind),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, asset.text).into_response()
}

//! For `cargo xtask bench`: a bare axum route that answers the bytes it is given, and nothing else.
#![allow(clippy::print_stdout, reason = "the ready line")]

use std::io::Write as _;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let body = std::env::args().nth(1).unwrap_or_default();
    let body: &'static str = Box::leak(body.into_boxed_str());
    let answer = move || async move { ([(CONTENT_TYPE, "application/json")], body) };
    let router = Router::new().route("/api/auto-apply-v2/status", get(answer));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("bare route listening on http://{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    Ok(axum::serve(listener, router).await?)
}

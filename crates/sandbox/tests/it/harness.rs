//! A running stand-in and a client that speaks its wire by hand.

use std::path::{Path, PathBuf};
use std::time::Duration;

use applyd_sandbox::{Settings, Submissions, serve, submissions};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) const REDIRECT: &str = "http://127.0.0.1:9/callback";
const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters-long";

/// Settings without waiting.
pub(crate) fn fast() -> Settings {
    Settings {
        settle_latency: Duration::ZERO..=Duration::ZERO,
        read_latency: Duration::ZERO..=Duration::ZERO,
        slow_answer: Duration::from_millis(300),
        unreadable_for: Duration::from_millis(300),
        deadline: Duration::from_millis(300),
        seed: Some(7),
        ..Settings::default()
    }
}

pub(crate) struct Server {
    pub(crate) own: String,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(database: &Path, settings: Settings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let database = database.to_owned();
        let task = tokio::spawn(async move {
            let shutdown = async {
                let _ = stopped.await;
            };
            serve(listener, &database, settings, shutdown).await.unwrap();
        });
        Self { own, stop, task }
    }

    pub(crate) async fn stop(self) {
        let _ = self.stop.send(());
        self.task.await.unwrap();
    }
}

/// A stand-in with a memory that this test alone has.
pub(crate) struct World {
    pub(crate) server: Server,
    directory: TempDir,
}

impl World {
    pub(crate) async fn start(settings: Settings) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let server = Server::start(&directory.path().join("sandbox.db"), settings).await;
        Self { server, directory }
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.directory.path().join("sandbox.db")
    }

    /// Stops the server and starts another on the same memory.
    pub(crate) async fn restart(self, settings: Settings) -> Self {
        self.server.stop().await;
        let server = Server::start(&self.directory.path().join("sandbox.db"), settings).await;
        Self { server, directory: self.directory }
    }

    pub(crate) fn record(&self) -> Vec<Submissions> {
        submissions(&self.database(), None, None).unwrap()
    }

    pub(crate) fn counts(&self) -> Vec<(u64, u64)> {
        self.record().iter().map(|of_job| (of_job.received, of_job.accepted)).collect()
    }
}

pub(crate) fn http() -> Client {
    // reqwest wants a TLS provider even where every address is plain http.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(20))
        .build()
        .unwrap()
}

pub(crate) async fn read(response: Response) -> Value {
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

/// A person's login at one address.
pub(crate) struct Login {
    pub(crate) http: Client,
    pub(crate) own: String,
    pub(crate) client_id: String,
}

impl Login {
    pub(crate) async fn register(own: &str) -> Self {
        let http = http();
        let answer =
            post_json(&http, &format!("{own}/register"), &json!({"redirect_uris": [REDIRECT]})).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        let client_id = read(answer).await["client_id"].as_str().unwrap().to_owned();
        Self { http, own: own.into(), client_id }
    }

    /// The query of a good authorize request.
    pub(crate) fn query(&self, login_hint: &str) -> Vec<(&'static str, String)> {
        use base64::Engine;
        let challenge =
            base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER.as_bytes()));
        vec![
            ("response_type", "code".into()),
            ("client_id", self.client_id.clone()),
            ("redirect_uri", REDIRECT.into()),
            ("state", "st".into()),
            ("code_challenge", challenge),
            ("code_challenge_method", "S256".into()),
            ("resource", format!("{}/mcp", self.own)),
            ("login_hint", login_hint.into()),
        ]
    }

    pub(crate) async fn authorize(&self, query: &[(&str, String)]) -> Response {
        let url = reqwest::Url::parse_with_params(&format!("{}/authorize", self.own), query).unwrap();
        self.http.get(url).send().await.unwrap()
    }

    pub(crate) async fn code(&self, login_hint: &str) -> String {
        let answer = self.authorize(&self.query(login_hint)).await;
        assert_eq!(answer.status(), StatusCode::FOUND);
        let location = answer.headers()["location"].to_str().unwrap();
        let url = reqwest::Url::parse(location).unwrap();
        assert!(location.starts_with(REDIRECT), "{location}");
        assert!(url.query_pairs().any(|(name, value)| name == "state" && value == "st"));
        url.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned()
    }

    pub(crate) async fn redeem(&self, code: &str) -> Response {
        self.token(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("client_id", &self.client_id),
            ("code_verifier", VERIFIER),
            ("resource", &format!("{}/mcp", self.own)),
        ])
        .await
    }

    pub(crate) async fn refresh(&self, refresh_token: &str) -> Response {
        self.token(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token),
            ("client_id", &self.client_id),
            ("resource", &format!("{}/mcp", self.own)),
        ])
        .await
    }

    pub(crate) async fn token(&self, form: &[(&str, &str)]) -> Response {
        self.http.post(format!("{}/token", self.own)).form(form).send().await.unwrap()
    }
}

pub(crate) async fn post_json(http: &Client, url: &str, body: &Value) -> Response {
    let request = http.post(url).header("content-type", "application/json").body(body.to_string());
    request.send().await.unwrap()
}

/// An MCP session of one organisation, for one application.
pub(crate) struct Mcp {
    pub(crate) http: Client,
    pub(crate) url: String,
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) session: String,
    pub(crate) org_uid: String,
    pub(crate) queue_id: Option<String>,
    pub(crate) login: Login,
}

impl Mcp {
    pub(crate) async fn connect(own: &str, login_hint: &str) -> Self {
        let login = Login::register(own).await;
        let pair = read(login.redeem(&login.code(login_hint).await).await).await;
        let mut mcp = Self {
            http: http(),
            url: format!("{own}/mcp"),
            access: pair["access_token"].as_str().unwrap().into(),
            refresh: pair["refresh_token"].as_str().unwrap().into(),
            session: String::new(),
            org_uid: String::new(),
            queue_id: Some("queue_1".into()),
            login,
        };
        mcp.initialize().await;
        let accounts = mcp.tool("list_accounts", json!({})).await;
        mcp.org_uid = accounts["accounts"][0]["org_uid"].as_str().unwrap().into();
        mcp
    }

    pub(crate) async fn initialize(&mut self) {
        let params = json!({"protocolVersion": "2025-06-18", "capabilities": {}});
        let answer =
            self.post(&json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params})).await;
        assert_eq!(answer.status(), StatusCode::OK);
        self.session = answer.headers()["mcp-session-id"].to_str().unwrap().into();
    }

    pub(crate) async fn try_post(&self, message: &Value) -> reqwest::Result<Response> {
        let mut request = self
            .http
            .post(&self.url)
            .header("authorization", format!("Bearer {}", self.access))
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream");
        if !self.session.is_empty() {
            request = request.header("mcp-session-id", &self.session);
        }
        if let Some(queue_id) = &self.queue_id {
            request = request.header("x-request-id", queue_id);
        }
        request.body(message.to_string()).send().await
    }

    pub(crate) async fn post(&self, message: &Value) -> Response {
        self.try_post(message).await.unwrap()
    }

    pub(crate) fn message(name: &str, arguments: &Value) -> Value {
        let params = json!({"name": format!("upwork__{name}"), "arguments": arguments});
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params})
    }

    /// A call whose document is wanted.
    pub(crate) async fn tool(&self, name: &str, arguments: Value) -> Value {
        let answer = self.post(&Self::message(name, &arguments)).await;
        assert_eq!(answer.status(), StatusCode::OK, "{name}");
        let reply = read(answer).await;
        let text = reply["result"]["content"][0]["text"].as_str().unwrap();
        let document: Value = serde_json::from_str(text).unwrap();
        assert_eq!(document, reply["result"]["structuredContent"]);
        document
    }

    pub(crate) fn arguments(&self, action: &str, params: Value) -> Value {
        json!({"action": action, "org_uid": self.org_uid, "params": params})
    }

    pub(crate) async fn act(&self, name: &str, action: &str, params: Value) -> Value {
        self.tool(name, self.arguments(action, params)).await
    }

    /// A call of which only the HTTP status is wanted.
    pub(crate) async fn status(&self, name: &str, action: &str, params: Value) -> StatusCode {
        self.post(&Self::message(name, &self.arguments(action, params))).await.status()
    }

    pub(crate) async fn create(&self, job: &str) -> Value {
        self.act(
            "manage_proposals",
            "create",
            json!({"job_reference": job, "cover_letter": "A letter.", "charged_amount": 65}),
        )
        .await
    }

    pub(crate) fn confirm_message(&self, preview: &Value) -> Value {
        let params = json!({"type": "proposal", "preview_id": preview["preview_id"]});
        Self::message("confirm_preview", &self.arguments("confirm", params))
    }

    pub(crate) async fn confirm(&self, preview: &Value) -> Value {
        let params = json!({"type": "proposal", "preview_id": preview["preview_id"]});
        self.act("confirm_preview", "confirm", params).await
    }

    pub(crate) async fn list(&self) -> Value {
        self.act("list_freelancer_proposals", "list", json!({"status": "Pending", "limit": 10})).await
    }
}

/// The numeric id of a published job.
pub(crate) fn job(number: &str) -> String {
    format!("900000000000000{number}")
}

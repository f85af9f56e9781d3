//! A site whose tools change while the server runs: nothing is tried against what nobody has looked at.

use std::net::SocketAddr;
use std::time::Duration;

use applyd_sandbox::{Behaviour, Era, Settings};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::harness::{POLL, Place, job};

const SOON: Duration = Duration::from_secs(20);

/// A stand-in in this process; gone with its runtime.
pub(crate) struct StandIn {
    runtime: Runtime,
    address: SocketAddr,
}

impl StandIn {
    /// On the memory of `place`, at `address`.
    pub(crate) fn start(place: &Place, address: SocketAddr, era: Era) -> Self {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind(address)).unwrap();
        let address = listener.local_addr().unwrap();
        let (memory, none) = (place.path("sandbox.db"), Duration::ZERO..=Duration::ZERO);
        let behaviour = Behaviour { era, ..Behaviour::default() };
        let settings =
            Settings { settle_latency: none.clone(), read_latency: none, behaviour, ..Settings::default() };
        runtime.spawn(async move {
            applyd_sandbox::serve(listener, &memory, settings, std::future::pending()).await.unwrap();
        });
        Self { runtime, address }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    pub(crate) fn change(self, place: &Place, era: Era) -> Self {
        let address = self.address;
        self.runtime.shutdown_timeout(SOON);
        Self::start(place, address, era)
    }
}

#[test]
fn a_changed_schema_stops_submitting_until_the_operator_agrees() {
    let mut place = Place::fast();
    place.set("APPLYD_TIMING__INTENT_CUTOFF", "60s");
    place.set("APPLYD_TIMING__DEADLINE", "90s");
    let stand_in = StandIn::start(&place, "127.0.0.1:0".parse().unwrap(), Era::October);
    place.set("APPLYD_SANDBOX__ENDPOINT", &stand_in.url());
    let account = place.account("agency", 9);
    let server = place.serve();
    let before = server.apply(&account, &job(1000)).queue_id();
    assert_eq!(server.ended(&account, &before, SOON)["applicationStatus"], "applied");

    let _stand_in = stand_in.change(&place, Era::OctoberWithoutMilestones);
    let saw_it = server.apply(&account, &job(1001)).queue_id();
    let ended = server.ended(&account, &saw_it, SOON);
    assert!(ended["errorMessage"].as_str().unwrap().starts_with("upstream_changed: "), "{ended}");
    let pauses = place.json(&["pause"])["pauses"].clone();
    assert_eq!((&pauses[0]["scope"], &pauses[0]["by"]), (&"channel:sandbox".into(), &"drift guard".into()));

    let waits = server.apply(&account, &job(1002)).queue_id();
    let timeline = format!("/api/auto-apply-v2/applications/{waits}/timeline");
    assert!(server.call("GET", &timeline, &account.key, None).body.contains("drift guard"));
    let begun = std::time::Instant::now();
    while begun.elapsed() < Duration::from_secs(2) {
        assert_eq!(
            server.status(&account, &waits)["processedAt"],
            serde_json::Value::Null,
            "it is not taken"
        );
        std::thread::sleep(POLL);
    }
    let agreed = place.json(&["upwork", "agree", "--channel", "sandbox"]);
    assert_eq!((&agreed["resumed"], &agreed["stillPaused"]), (&true.into(), &serde_json::Value::Null));
    let audit = String::from_utf8(place.run(&["audit", "export"]).stdout).unwrap();
    let lines = audit.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let guard: Vec<_> = lines.filter(|line| line["scope"] == "channel:sandbox").collect();
    assert_eq!((&guard[0]["act"], &guard[0]["by"]), (&"paused".into(), &"drift guard".into()));
    assert_eq!((&guard[1]["act"], guard.len()), (&"schema_agreed".into(), 2), "{guard:?}");
    assert_eq!(server.ended(&account, &waits, SOON)["applicationStatus"], "applied");
    assert_eq!(place.counted(&job(1001)), (0, 0), "nothing of it was sent");
    assert_eq!(place.counted(&job(1002)), (1, 1));
    place.assert_clean_ledger();
}

//! All of the program behind a PgBouncer that lends a connection for one transaction. PostgreSQL only.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::fleet::{CREDITS, Fleet, NODES, SERVERS};
use crate::fresh::postgres;
use crate::harness::{Place, is_postgres, job};
use crate::history::caller::Lag;
use crate::history::judge::is_final;
use crate::receiver::{Answer, Receiver, allow};
use crate::wait::status;
use crate::webhooks;

const SEED: u64 = 20_261_128;
const ACCOUNTS: u64 = 4;
/// Of the account that is told.
const JOBS: u16 = 6;
const REST_WITHIN: Duration = Duration::from_secs(40);
/// What a node that died was delivering waits for the end of its lease.
const TOLD_WITHIN: Duration = Duration::from_secs(45);

#[test]
fn nodes_behind_a_pooler_apply_tell_and_outlive_a_kill() {
    if !is_postgres() || std::env::var(postgres::POOLER).is_err() {
        return;
    }
    let mut place = Place::fast();
    allow(&mut place);
    // `migrate` has everything to do.
    place.raw().execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    let database = postgres::pooled(&place.name());
    let mut fleet = Fleet::start_in(place, &database, &[]);
    let load = fleet.load(ACCOUNTS, SEED, Lag::NODES);
    let (account, receiver) = (fleet.place.account("told", CREDITS), Receiver::start(Answer::Status(200)));
    webhooks::create(fleet.node(0), &account, &receiver.url);
    let mut applied = BTreeSet::new();
    for n in 0..JOBS {
        // One after the other dies, the worker too, while what it had is under way.
        let dies = usize::from(n) % NODES.len();
        let job = job(5000 + n);
        let id = fleet.node((dies + 1) % SERVERS).apply(&account, &job).queue_id();
        fleet.kill(dies);
        let asked = fleet.node(if dies == 0 { 1 } else { 0 });
        let held = status(asked, &account, &format!("queueId={id}&wait=30"), None).json();
        // What had an intent and was not sent with it has ended too.
        assert!(is_final(&held), "{held}\n{}", fleet.logs());
        if held["applicationStatus"] == "applied" {
            applied.insert(job);
        }
        fleet.restart(dies);
    }
    (0..SERVERS).for_each(|n| fleet.proxy.sees(NODES[n], "UP"));
    let got = receiver.wait_for(JOBS.into(), TOLD_WITHIN);
    let told: BTreeSet<_> = got.iter().map(|got| got.json()["data"]["jobId"].to_string()).collect();
    assert_eq!(told.len(), usize::from(JOBS), "each is told: {told:?}");
    let counted = fleet.node(0).call("GET", "/sandbox/submissions", &account.key, None).json();
    let rows = counted["submissions"].as_array().unwrap().iter().filter(|row| row["received"] != 0);
    let sent = rows.map(|row| {
        assert_eq!((&row["received"], &row["accepted"]), (&1.into(), &1.into()), "{row}");
        row["jobId"].as_str().unwrap().to_owned()
    });
    assert_eq!(sent.collect::<BTreeSet<_>>(), applied);
    let evidence = fleet.conclude(load, REST_WITHIN);
    let applied = evidence.counted.values().map(|counted| counted.accepted).sum::<u64>();
    assert!(applied >= ACCOUNTS, "hardly any load: {applied} applied");
}

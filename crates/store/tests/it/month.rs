//! History by the month, on a shared database: there in time, taken away and brought back by the operator.

use std::ops::Range;
use std::sync::Barrier;

use applyd_core::ids::{AccountId, QueueId};
use applyd_core::outcome::{Code, Ending};
use applyd_core::state::{By, Event};
use applyd_store::{application, timeline};
use postgres::Client;

use crate::engine::on_postgres;
use crate::postgres::raw;
use crate::world::{World, job};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// The one of START.
const MONTH: &str = "timeline_2027_01";
const MONTH_MS: Range<i64> = 1_798_761_600_000..1_801_440_000_000;

fn client(world: &World) -> Client {
    raw(world.folder.path())
}

fn months(client: &mut Client) -> Vec<String> {
    let listed = client.query(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'timeline'::regclass ORDER BY 1",
        &[],
    );
    listed.unwrap().iter().map(|row| row.get(0)).collect()
}

fn rows(client: &mut Client, table: &str) -> i64 {
    client.query_one(&format!("SELECT count(*) FROM {table}"), &[]).unwrap().get(0)
}

fn told(world: &World, account: &AccountId, id: &QueueId) -> Vec<String> {
    let (account, id) = (account.clone(), id.clone());
    let lines = world.read(move |tx| timeline::list(tx, &account, &id)).unwrap();
    lines.into_iter().map(|line| line.event).collect()
}

fn status(world: &World, account: &AccountId, id: &QueueId) -> String {
    let (account, id) = (account.clone(), id.clone());
    format!("{:?}", world.read(move |tx| application::status(tx, &account, &id)).unwrap())
}

#[test]
fn a_month_is_there_before_it_begins_and_nodes_at_once_make_it_once() {
    on_postgres(|world| {
        let mut client = client(world);
        assert!(months(&mut client).len() > 3, "a migration makes the first ones");
        world.pass(200 * DAY_MS);
        let (other, both) = (world.open_again(), Barrier::new(2));
        std::thread::scope(|scope| {
            for store in [&world.store, &other] {
                scope.spawn(|| {
                    both.wait();
                    store.prepare_months().unwrap();
                });
            }
        });
        // Whichever of them came too late for one of the months, the next look makes it.
        world.store.prepare_months().unwrap();
        let made = months(&mut client);
        let now = ["timeline_2027_08", "timeline_2027_09", "timeline_2027_10", "timeline_2027_11"];
        assert!(now.iter().all(|month| made.iter().any(|made| made == month)), "{made:?}");
        let account = world.account("a", 9);
        world.accept(&account, &job(1));
        world.apply(&account, "w");
        assert!(rows(&mut client, now[0]) > 0);
        assert_eq!(rows(&mut client, "timeline_rest"), 0);
    });
}

#[test]
fn what_has_no_month_is_kept_and_keeps_no_other_month_from_being_made() {
    on_postgres(|world| {
        let mut client = client(world);
        let account = world.account("a", 9);
        world.pass(400 * DAY_MS);
        world.accept(&account, &job(1));
        let id = world.apply(&account, "w");
        let before = told(world, &account, &id);
        assert!(rows(&mut client, "timeline_rest") > 0);
        world.store.prepare_months().unwrap();
        let made = months(&mut client);
        assert!(!made.contains(&"timeline_2028_02".to_owned()), "its lines stay where they are: {made:?}");
        assert!(made.contains(&"timeline_2028_03".to_owned()), "{made:?}");
        assert_eq!(told(world, &account, &id), before);
        for sql in ["UPDATE timeline SET at = 2", "DELETE FROM timeline"] {
            let refused = client.batch_execute(sql).unwrap_err();
            assert!(refused.as_db_error().unwrap().message().contains("a timeline is never"), "{refused}");
        }
    });
}

/// A reader that has seen everything, and stays: an hourly look does not wait for it, nor does anybody for the look.
#[test]
fn a_long_reader_holds_up_no_work() {
    on_postgres(|world| {
        let (mut reader, mut other) = (client(world), client(world));
        world.store.prepare_months().unwrap();
        let account = world.account("a", 9);
        let mut reading = reader.transaction().unwrap();
        reading.query("SELECT count(*) FROM timeline", &[]).unwrap();
        world.pass(30 * DAY_MS);
        world.store.prepare_months().unwrap();
        world.accept(&account, &job(1));
        world.apply(&account, "w");
        assert!(!months(&mut other).contains(&"timeline_2027_05".to_owned()), "it could not be made yet");
        reading.rollback().unwrap();
        world.store.prepare_months().unwrap();
        assert!(months(&mut other).contains(&"timeline_2027_05".to_owned()));
    });
}

#[test]
fn without_a_month_that_was_taken_away_all_else_still_answers() {
    on_postgres(|world| {
        let mut client = client(world);
        world.store.prepare_months().unwrap();
        let account = world.account("a", 9);
        world.accept(&account, &job(1));
        let old = world.apply(&account, "w");
        // Taken in one month, ended in the next.
        world.set_now(MONTH_MS.end - 10_000);
        let between = world.accept(&account, &job(2));
        let by = By::Worker(world.claim(&account, "w").unwrap().progress.epoch);
        world.pass(20_000);
        world.advance(&between, Event::End(Ending::of(Code::InputRejected)), by);
        let (whole, half) = (told(world, &account, &old), told(world, &account, &between));
        let statuses = || [&old, &between].map(|id| status(world, &account, id));
        let before = statuses();
        client.batch_execute(&format!("ALTER TABLE timeline DETACH PARTITION {MONTH}")).unwrap();
        assert_eq!(statuses(), before);
        world.assert_clean();
        assert_eq!(told(world, &account, &old), ["accepted"], "what is left");
        assert_eq!(half, ["accepted", "claimed", "input_rejected"]);
        assert_eq!(told(world, &account, &between), ["accepted", "input_rejected"]);
        world.store.prepare_months().unwrap();
        assert!(!months(&mut client).contains(&MONTH.to_owned()), "it is not made anew");
        world.accept(&account, &job(3));
        world.apply(&account, "w");
        let bounds = format!("FROM ({}) TO ({})", MONTH_MS.start, MONTH_MS.end);
        client
            .batch_execute(&format!("ALTER TABLE timeline ATTACH PARTITION {MONTH} FOR VALUES {bounds}"))
            .unwrap();
        assert_eq!(told(world, &account, &between), half);
        assert_eq!(told(world, &account, &old), whole);
    });
}

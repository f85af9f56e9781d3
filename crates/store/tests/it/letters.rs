//! Feeds, and which letters were written by the server.

use applyd_core::ids::AccountId;
use applyd_store::{feed, letter, timeline};

use crate::engine::on_each;
use crate::world::{World, job};

fn set(world: &World, account: &AccountId, name: &str, text: &str) -> bool {
    let (account, name, text) = (account.clone(), name.to_owned(), text.to_owned());
    world.write(move |tx| feed::set(tx, &account, &name, &text))
}

fn text(world: &World, account: &AccountId, name: &str) -> Option<String> {
    let (account, name) = (account.clone(), name.to_owned());
    world.read(move |tx| feed::text(tx, &account, &name))
}

fn list(world: &World, account: &AccountId) -> Vec<(String, String, i64)> {
    let account = account.clone();
    let feeds = world.read(move |tx| feed::list(tx, &account));
    feeds.into_iter().map(|feed| (feed.name, feed.text, feed.updated_at)).collect()
}

/// Who is noted to have written this letter, if it is sent now.
fn writer(world: &World, account: &AccountId, text: &str) -> Option<String> {
    let id = world.accept(account, &job(u64::try_from(world.bits()).unwrap()));
    let (account, text) = (account.clone(), text.to_owned());
    world.write(move |tx| {
        letter::disclose(tx, &account, &id, &text)?;
        let entries = timeline::list(tx, &account, &id)?.unwrap();
        let noted = entries.into_iter().find(|entry| entry.event == "letter_generated");
        Ok(noted.and_then(|entry| Some(entry.detail?.rsplit_once(' ')?.1.to_owned())))
    })
}

#[test]
fn a_feed_is_its_accounts_own() {
    on_each(|world| {
        let (a, b) = (world.account("a", 0), world.account("b", 0));
        assert!(set(world, &a, "rust", "of a") && set(world, &b, "rust", "of b"));
        assert!(set(world, &a, "data", "🦀\nit's"));
        world.pass(5);
        assert!(set(world, &a, "rust", "of a, later"));
        assert_eq!(text(world, &a, "rust").as_deref(), Some("of a, later"));
        assert_eq!(text(world, &b, "rust").as_deref(), Some("of b"));
        assert_eq!((text(world, &b, "data"), text(world, &a, "Rust")), (None, None));
        let then = world.now();
        let of_a = [("data", "🦀\nit's", then - 5), ("rust", "of a, later", then)];
        assert_eq!(list(world, &a), of_a.map(|(name, text, at)| (name.into(), text.into(), at)));
        let delete = |account: &AccountId, name: &'static str| {
            let account = account.clone();
            world.write(move |tx| feed::delete(tx, &account, name))
        };
        assert!(!delete(&b, "data") && delete(&a, "rust") && !delete(&a, "rust"));
        assert_eq!((text(world, &a, "rust"), text(world, &b, "rust").is_some()), (None, true));
    });
}

#[test]
fn an_account_has_at_most_a_hundred_feeds() {
    on_each(|world| {
        let (a, b) = (world.account("a", 0), world.account("b", 0));
        for number in 0..feed::MOST_FEEDS {
            assert!(set(world, &a, &format!("feed {number}"), "x"));
        }
        assert!(!set(world, &a, "one more", "x") && text(world, &a, "one more").is_none());
        assert!(set(world, &a, "feed 7", "rewritten"), "one that is there may still be written");
        assert!(set(world, &b, "one more", "x"), "another account has its own hundred");
    });
}

#[test]
fn a_written_letter_is_known_to_its_account_for_thirty_days() {
    on_each(|world| {
        let (a, b) = (world.account("a", 9), world.account("b", 9));
        let remember = |text: &'static str, model: &'static str| {
            let account = a.clone();
            world.write(move |tx| letter::remember(tx, &account, text, model));
        };
        remember("Dear client,\n\nhello.", "template");
        remember("Dear client,\n\nhello.", "m-1");
        assert_eq!(writer(world, &a, "Dear client, hello.\n").as_deref(), Some("m-1"));
        assert_eq!((writer(world, &b, "Dear client, hello."), writer(world, &a, "other")), (None, None));
        world.pass(30 * 86_400_000);
        assert_eq!(writer(world, &a, "Dear client, hello."), None);
        remember("another", "m-1");
        world.set_now(crate::world::START);
        assert_eq!(writer(world, &a, "Dear client, hello."), None, "gone, not only hidden");
    });
}

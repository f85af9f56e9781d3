//! API keys and grants.

use applyd_core::ids::{AccountId, KeyId};
use applyd_store::api_key;
use applyd_store::grant::{self, Grant, Grantee};
use applyd_store::oauth_client;

use crate::engine::on_each;
use crate::world::World;

fn put(world: &World, account: &AccountId, name: &str, hash: u8, grace_ms: i64) -> KeyId {
    let id = KeyId::new(world.now(), world.bits());
    let (account, name, made) = (account.clone(), name.to_owned(), id.clone());
    world.write(move |tx| api_key::replace(tx, &account, &name, &made, &[hash; 32], grace_ms));
    id
}

fn holder(world: &World, hash: u8) -> Option<AccountId> {
    world.read(move |tx| api_key::holder(tx, &[hash; 32])).map(|holder| holder.account)
}

#[test]
fn a_new_key_takes_the_place_of_the_one_of_its_name() {
    on_each(|world| {
        let (a, b) = (world.account("a", 0), world.account("b", 0));
        put(world, &a, "default", 1, 0);
        put(world, &a, "ci", 2, 0);
        put(world, &b, "default", 3, 0);
        put(world, &a, "default", 4, 0);
        let holders: Vec<_> = (1..=5).map(|hash| holder(world, hash)).collect();
        assert_eq!(holders, [None, Some(a.clone()), Some(b), Some(a), None]);
    });
}

#[test]
fn a_replaced_key_lives_on_for_its_grace_and_no_longer() {
    on_each(|world| {
        let account = world.account("a", 0);
        put(world, &account, "default", 1, 0);
        put(world, &account, "default", 2, 600_000);
        let replaced = world.read(|tx| api_key::holder(tx, &[1; 32])).unwrap();
        assert_eq!(replaced.expires_at, Some(world.now() + 600_000));
        world.pass(599_999);
        assert!(holder(world, 1).is_some());
        world.pass(1);
        assert!(holder(world, 1).is_none() && holder(world, 2).is_some());
    });
}

#[test]
fn a_later_replacement_only_shortens_a_grace() {
    on_each(|world| {
        let account = world.account("a", 0);
        put(world, &account, "default", 1, 0);
        put(world, &account, "default", 2, 1000);
        put(world, &account, "default", 3, 600_000);
        world.pass(1000);
        assert_eq!((holder(world, 1), holder(world, 2).is_some()), (None, true), "1 s stays 1 s");
        put(world, &account, "default", 4, 0);
        assert!(holder(world, 2).is_none() && holder(world, 3).is_none(), "at once is at once");
    });
}

#[test]
fn a_revoked_key_is_no_key() {
    on_each(|world| {
        let account = world.account("a", 0);
        let id = put(world, &account, "default", 1, 0);
        let revoke = |id: &KeyId| {
            let id = id.clone();
            world.write(move |tx| api_key::revoke(tx, &id))
        };
        assert!(revoke(&id) && holder(world, 1).is_none());
        assert!(!revoke(&id), "only once");
        assert!(!revoke(&KeyId::new(world.now(), world.bits())), "an unknown one");
        let kept = world.read(move |tx| api_key::list(tx, &account));
        assert_eq!(kept.iter().map(|key| &key.id).collect::<Vec<_>>(), [&id], "listed all the same");
    });
}

#[test]
fn one_hash_is_one_key() {
    on_each(|world| {
        let account = world.account("a", 0);
        put(world, &account, "default", 1, 0);
        let id = KeyId::new(world.now(), world.bits());
        let twice =
            world.store.write_blocking(move |tx| api_key::replace(tx, &account, "default", &id, &[1; 32], 0));
        assert!(twice.is_err());
        assert!(holder(world, 1).is_some(), "the failed replacement has ended nothing");
    });
}

#[test]
fn a_grant_replaces_the_accounts_earlier_one_and_only_that() {
    on_each(|world| {
        let (a, b) = (world.account("a", 0), world.account("b", 0));
        let grant = |account: &AccountId, sealed: &[u8], dead: bool| Grant {
            grantee: Grantee::of_account(account.clone()),
            endpoint: "https://example.com/mcp".into(),
            org_uid: dead.then(|| "org".into()),
            client_id: "client".into(),
            sealed: sealed.to_vec(),
            pair: 0,
            expires_at: 5,
            dead,
            retry_at: None,
        };
        for saved in [grant(&a, &[0, 255], false), grant(&b, b"b", false), grant(&a, b"new", true)] {
            world.write(move |tx| grant::save(tx, &saved));
        }
        let load = |account: &AccountId| {
            let grantee = Grantee::of_account(account.clone());
            world.read(move |tx| grant::load(tx, &grantee)).unwrap()
        };
        let newest = Grant { pair: world.now() + 1, ..grant(&a, b"new", true) };
        assert_eq!(format!("{:?}", load(&a)), format!("{newest:?}"));
        assert_eq!(load(&b).sealed, b"b");
        for client in ["one", "two"] {
            world.write(move |tx| oauth_client::save(tx, "e", client));
        }
        assert_eq!(world.read(|tx| oauth_client::find(tx, "e")).as_deref(), Some("two"));
        assert!(world.read(|tx| oauth_client::find(tx, "f")).is_none());
    });
}

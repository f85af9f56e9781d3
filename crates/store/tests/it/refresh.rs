//! Refreshing grants: one at a time, by whichever process, and never under a submission.

use applyd_core::ids::AccountId;
use applyd_core::state::{By, Event};
use applyd_store::account::Channel;
use applyd_store::freelancer;
use applyd_store::grant::{self, Grant, Grantee};
use applyd_store::refresh::{self, Begun};

use crate::engine::on_each;
use crate::world::{World, job};

const ENDPOINT: &str = "https://example.com/mcp";

fn of(account: &AccountId, freelancer: &str) -> Grantee {
    Grantee { account: account.clone(), freelancer: Some(freelancer.into()) }
}

fn granted(world: &World, grantee: &Grantee, org_uid: &str) -> Grant {
    let grant = Grant {
        grantee: grantee.clone(),
        endpoint: ENDPOINT.into(),
        org_uid: Some(org_uid.into()),
        client_id: "client".into(),
        sealed: b"first".to_vec(),
        pair: 0,
        expires_at: world.now() + 1_000,
        dead: false,
        retry_at: None,
    };
    world.write(move |tx| grant::save(tx, &grant));
    load(world, grantee).unwrap()
}

fn load(world: &World, grantee: &Grantee) -> Option<Grant> {
    let grantee = grantee.clone();
    world.read(move |tx| grant::load(tx, &grantee))
}

fn begin(world: &World, grant: &Grant, owner: &'static str) -> Begun {
    let (grant, until) = (grant.clone(), world.now() + 60_000);
    world.write(move |tx| refresh::begin(tx, &grant, owner, until))
}

fn stands(world: &World, grant: &Grant) -> bool {
    let (grantee, pair) = (grant.grantee.clone(), grant.pair);
    world.read(move |tx| refresh::stands(tx, &grantee, pair))
}

#[test]
fn one_process_spends_a_pair_and_the_others_find_the_next() {
    on_each(|world| {
        let account = world.account_on("a", 1, Channel::Upwork);
        let first = granted(world, &of(&account, "fl_1"), "1");
        assert_eq!(begin(world, &first, "one"), Begun::Mine);
        assert_eq!(begin(world, &first, "two"), Begun::Held);
        assert!(!stands(world, &first), "nothing is sent with a pair that is being spent");

        let spent = first.clone();
        let until = world.now() + 5_000;
        assert!(world.write(move |tx| refresh::renewed(tx, &spent, b"second", until)));
        assert_eq!(begin(world, &first, "two"), Begun::Changed);
        let second = load(world, &first.grantee).unwrap();
        assert_eq!((second.sealed.as_slice(), second.pair), (b"second".as_slice(), first.pair + 1));
        assert!(stands(world, &second) && !stands(world, &first));
        let late = first;
        assert!(!world.write(move |tx| refresh::renewed(tx, &late, b"late", 1)), "its place is taken");
    });
}

#[test]
fn after_its_time_another_may_try_and_only_the_last_who_tried_may_give_up() {
    on_each(|world| {
        let account = world.account_on("a", 1, Channel::Upwork);
        let grant = granted(world, &of(&account, "fl_1"), "1");
        assert_eq!(begin(world, &grant, "crashed"), Begun::Mine);
        world.pass(60_000);
        assert_eq!(begin(world, &grant, "next"), Begun::Mine);
        let late = grant.clone();
        world.write(move |tx| refresh::died(tx, &late, "crashed"));
        assert!(!load(world, &grant.grantee).unwrap().dead, "its word is too late");
        let told = grant.clone();
        world.write(move |tx| refresh::died(tx, &told, "next"));
        assert!(load(world, &grant.grantee).unwrap().dead);
        // The one that seemed to have crashed has got a pair after all, and that is good.
        let spent = grant.clone();
        assert!(world.write(move |tx| refresh::renewed(tx, &spent, b"late", 1)));
        assert!(!load(world, &grant.grantee).unwrap().dead);
    });
}

#[test]
fn a_submission_keeps_its_login_until_it_is_answered() {
    on_each(|world| {
        let account = world.account("a", 2);
        let grant = granted(world, &of(&account, "fl_1"), "1");
        world.accept(&account, &job(1));
        let leased = world.claim(&account, "w").unwrap();
        let by = By::Worker(leased.progress.epoch);
        assert_eq!(begin(world, &grant, "before"), Begun::Mine);
        let failed = grant.clone();
        world.write(move |tx| refresh::failed(tx, &failed, "before", None));
        let sha = || "terms".to_owned();
        for event in [Event::Arm { terms_sha256: sha() }, Event::Cross { terms_sha256: sha() }] {
            world.advance(&leased.id, event, by);
            assert_eq!(begin(world, &grant, "reader"), Begun::Submitting);
        }
        world.advance(&leased.id, Event::Doubt, By::Sender(leased.progress.epoch));
        assert_eq!(begin(world, &grant, "after"), Begun::Mine);
    });
}

#[test]
fn leases_pause_while_a_login_is_down_and_for_that_account_only() {
    on_each(|world| {
        let (down, up) = (world.account("down", 2), world.account("up", 2));
        let grant = granted(world, &of(&down, "fl_1"), "1");
        world.accept(&down, &job(1));
        world.accept(&up, &job(1));
        assert_eq!(begin(world, &grant, "w"), Begun::Mine);
        let failed = grant;
        let retry_at = world.write(move |tx| refresh::failed(tx, &failed, "w", Some(3_000)));
        assert!(retry_at >= world.now() + 3_000, "the site's wish is obeyed");
        assert!(world.claim(&down, "w").is_none());
        assert!(world.claim(&up, "w").is_some());
        world.set_now(retry_at);
        assert!(world.claim(&down, "w").is_some());
    });
}

#[test]
fn an_organisation_is_one_accounts_and_each_person_has_a_grant() {
    on_each(|world| {
        let (a, b) = (world.account_on("a", 1, Channel::Upwork), world.account_on("b", 1, Channel::Upwork));
        granted(world, &of(&a, "fl_1"), "1");
        granted(world, &of(&a, "fl_2"), "1");
        let other = |account: &AccountId, org_uid: &'static str| {
            let account = account.clone();
            world.read(move |tx| grant::other_owner(tx, &account, ENDPOINT, org_uid))
        };
        assert_eq!((other(&b, "1"), other(&a, "1"), other(&b, "2")), (Some(a.clone()), None, None));

        for (profile, channel, freelancer) in [
            (Some("pf_3"), Channel::Upwork, Some("fl_2")),
            (None, Channel::Upwork, Some("fl_1")),
            (Some("pf_3"), Channel::Sandbox, None),
        ] {
            let asked = a.clone();
            let found = world.read(move |tx| freelancer::profile(tx, &asked, profile)).unwrap();
            assert_eq!(
                found.grantee(channel, &a).freelancer.as_deref(),
                freelancer,
                "{profile:?} {channel:?}"
            );
        }
        let gone = of(&a, "fl_1");
        assert!(world.write(move |tx| grant::remove(tx, &gone)).is_some());
        let left = a;
        assert_eq!(world.read(move |tx| grant::of_persons(tx, &left)).len(), 1);
    });
}

#[test]
fn profiles_come_and_go_and_one_is_always_the_default() {
    on_each(|world| {
        let account = world.account_on("a", 1, Channel::Desk);
        let of = account.clone();
        world.write(move |tx| freelancer::remove_profile(tx, &of, "fl_1", "pf_2"));
        let shown = |world: &World| {
            let of = account.clone();
            let list = world.read(move |tx| freelancer::list(tx, &of));
            list.into_iter()
                .map(|found| {
                    let ids =
                        found.profiles.into_iter().map(|profile| (profile.profile_id, profile.is_default));
                    (found.id, ids.collect::<Vec<_>>())
                })
                .collect::<Vec<_>>()
        };
        let ben = ("fl_2".to_owned(), vec![("pf_3".to_owned(), true)]);
        assert_eq!(shown(world), [("fl_1".to_owned(), vec![("pf_1".to_owned(), true)]), ben.clone()]);
        let of = account.clone();
        world.write(move |tx| freelancer::remove_profile(tx, &of, "fl_1", "pf_1"));
        assert_eq!(shown(world), [ben]);
    });
}

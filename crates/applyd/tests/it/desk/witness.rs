//! A declaration whose witness line does not come to be.

use super::*;

/// As a full disk would: the witness stands beyond the size that this server may write, and nothing else does.
fn serve_with_a_full_witness(place: &Place) -> Process {
    let mut witness = OpenOptions::new().append(true).open(place.witness()).unwrap();
    // Empty lines are none.
    witness.write_all(&[b'\n'; 8 << 20]).unwrap();
    let inner = place.command(&["serve", "--listen", "127.0.0.1:0"]);
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 14000; exec \"$0\" \"$@\""]).arg(inner.get_program());
    limited.args(inner.get_args()).current_dir(inner.get_current_dir().unwrap());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    Process::start(limited)
}

#[test]
fn a_declaration_that_the_witness_cannot_take_is_refused_and_nothing_counts_as_sent() {
    let Desk { place, server, account, ada, ben } = Desk::new();
    assert_eq!(server.stop(), Some(0));
    let desk = Desk { server: serve_with_a_full_witness(&place), place, account, ada, ben };
    let (given_up, repeated) = (desk.apply(OPEN), desk.apply(OLD));
    for id in [&given_up, &repeated] {
        desk.claim(&desk.ada, id);
        let refused = desk.declare(&desk.ada, id);
        assert_eq!(refused.status, 503, "{refused:?}");
        assert!(refused.body.contains("submit nothing"), "{refused:?}");
        assert_eq!(desk.status(id)["applicationStatusMessage"], WAITING);
        assert_eq!(
            (desk.events(id), desk.cancel(id)),
            (vec![], 409),
            "it may have been sent by an earlier answer"
        );
    }
    let told = desk.record(&desk.ada, &given_up, &json!({"outcome": "not_sent"}));
    assert_eq!(told.status, 200, "{told:?}");
    assert!(desk.status(&given_up)["errorMessage"].as_str().unwrap().starts_with("not_submitted: "));
    assert_eq!(desk.place.balance(&desk.account), (4, 1, 0));

    let desk = desk.again(|server, _| assert_eq!(server.stop(), Some(0)));
    assert_eq!(desk.declare(&desk.ada, &repeated).status, 200, "there is room again");
    let witness = std::fs::read_to_string(desk.place.witness()).unwrap();
    assert!(witness.contains(&repeated) && !witness.contains(&given_up));
    assert_eq!(desk.record(&desk.ada, &repeated, &submitted()).status, 200);
    assert_eq!(desk.events(&repeated), ["application.applied"]);
    desk.place.assert_clean_ledger();
}

#[cfg(feature = "failpoints")]
#[test]
fn a_kill_between_the_declaration_and_its_witness_leaves_it_the_persons_to_repeat() {
    let Desk { mut place, server, account, ada, ben } = Desk::new();
    assert_eq!(server.stop(), Some(0));
    place.set("APPLYD_CRASH_AT", "intent_durable=1");
    let desk = Desk { server: place.serve(), place, account, ada, ben };
    let id = desk.apply(OPEN);
    desk.claim(&desk.ada, &id);
    let seen = json!({"sha256": desk.read(&desk.ada, &id)["sha256"]}).to_string();
    let (path, bearer) = (format!("/api/desk/applications/{id}/declare"), format!("Bearer {}", desk.ada));
    let headers = [("authorization", bearer.as_str())];
    let told = crate::harness::try_call(&desk.server.url, "POST", &path, &headers, Some(seen.as_bytes()));
    assert!(told.is_err(), "{told:?}");
    let Desk { mut place, server, account, ada, ben } = desk;
    server.kill();
    let witness = || std::fs::read_to_string(place.witness()).unwrap();
    assert!(!witness().contains(&id), "killed before it");
    place.set("APPLYD_CRASH_AT", "");
    let desk = Desk { server: place.serve(), place, account, ada, ben };
    let held = desk.claim(&desk.ben, &id);
    assert_eq!((held.status, &held.json()["heldBy"]), (409, &json!("Ada")), "{held:?}");
    assert_eq!((desk.cancel(&id), desk.events(&id)), (409, vec![]));
    assert_eq!(desk.declare(&desk.ada, &id).status, 200);
    let witness = std::fs::read_to_string(desk.place.witness()).unwrap();
    assert!(witness.contains(&id), "the repeat writes the line");
    assert_eq!(desk.record(&desk.ada, &id, &submitted()).status, 200);
    assert_eq!(desk.events(&id), ["application.applied"]);
    desk.place.assert_clean_ledger();
}

//! What a person can look through of one application.

use applyd_core::ledger::Kind;
use applyd_core::outcome::Code;
use applyd_core::state::State;
use applyd_store::dossier::{self, Dossier};

use crate::approval::{approve, open, required};
use crate::engine::on_each;
use crate::world::{START, World, job};

fn read(
    world: &World,
    account: &applyd_core::ids::AccountId,
    id: &applyd_core::ids::QueueId,
) -> Option<Dossier> {
    let (account, id) = (account.clone(), id.clone());
    world.read(move |tx| dossier::read(tx, &account, &id))
}

#[test]
fn an_application_is_told_whole_to_its_account_and_to_no_other() {
    on_each(|world| {
        let account = world.account("a", 5);
        let other = world.account("b", 5);
        let id = required(world, &account, 1);
        open(world, &account, &id);
        approve(world, &id);
        assert_eq!(world.apply(&account, "w1"), id);

        assert!(read(world, &other, &id).is_none(), "another account's");
        let told = read(world, &account, &id).unwrap();
        assert_eq!(told.application.progress.state, State::Applied);
        assert_eq!(told.request["coverLetter"], "Hello 🦀");
        assert_eq!(told.title.as_deref(), Some("A job"), "as the preview told it");
        let events: Vec<_> = told.steps.iter().map(|step| step.event.as_str()).collect();
        assert_eq!(events, ["shown", "approved", "claimed", "armed", "intent", "answer", "applied"]);
        assert_eq!(told.steps[0].facts[0]["previewId"], "preview_1");
        let shown = told.shown.unwrap().content.unwrap();
        assert_eq!((shown.cost.base, shown.balance_connects), (10, 500));
        let decision = &told.decisions[0];
        assert_eq!(
            (decision.verdict.as_str(), decision.by.as_str(), decision.connects),
            ("approved", "Ada", Some(10))
        );
        assert_eq!(told.sent.unwrap().proposal.as_deref(), Some("p1"));
        let credits: Vec<_> = told.credits.iter().map(|entry| (entry.kind, entry.amount)).collect();
        assert_eq!(credits, [(Kind::Hold, 1), (Kind::Capture, 1)]);
        assert_eq!(told.deliveries, []);
    });
}

#[test]
fn its_events_are_told_with_where_they_went() {
    on_each(|world| {
        let account = world.account("a", 5);
        let webhook = world.endpoint(&account, &["*"]);
        let id = world.accept(&account, &job(1));
        world.accept(&account, &job(2));
        world.end(&id, Code::JobClosed);
        let told = read(world, &account, &id).unwrap();
        let went: Vec<_> = told.deliveries.iter().map(|to| (to.webhook.clone(), to.attempts)).collect();
        assert_eq!(went, vec![(webhook, 0); went.len()]);
        assert_eq!(told.deliveries.len(), world.events(&id).len(), "and none of another application");
        assert_eq!(told.steps.last().unwrap().at, START);
        assert_eq!(told.credits.last().unwrap().kind, Kind::Release);
        assert!(told.sent.is_none() && told.shown.is_none() && told.decisions.is_empty());
    });
}

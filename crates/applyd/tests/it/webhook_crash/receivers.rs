//! One webhook of one account, and how its receiver behaves.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::harness::{Account, Place};
use crate::receiver::{Answer, Got, Receiver};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Well,
    /// Fails at every other request.
    Flaky,
    Failing,
    Hanging,
    /// To an address that is guarded.
    Redirecting,
    /// Well at first, then its port is closed.
    Dying,
}

pub(super) struct Subscribed {
    pub(super) kind: Kind,
    pub(super) account: Account,
    secret: String,
    receiver: Option<Receiver>,
    before_death: Vec<Got>,
}

impl Kind {
    pub(super) const ALL: [Self; 6] =
        [Self::Well, Self::Flaky, Self::Failing, Self::Hanging, Self::Redirecting, Self::Dying];
    pub(super) const BAD: [Self; 5] =
        [Self::Flaky, Self::Failing, Self::Hanging, Self::Redirecting, Self::Dying];

    /// Whether each event reaches it in the end.
    pub(super) fn gets_all(self) -> bool {
        matches!(self, Self::Well | Self::Flaky)
    }
}

impl Subscribed {
    pub(super) fn new(place: &Place, account: &Account, kind: Kind, guarded: &Receiver) -> Self {
        let receiver = Receiver::start(match kind {
            Kind::Well | Kind::Dying => Answer::Status(200),
            Kind::Flaky => Answer::InTurn(500, 204),
            Kind::Failing => Answer::Status(500),
            Kind::Hanging => Answer::Hang,
            Kind::Redirecting => Answer::Redirect(guarded.url.clone()),
        });
        let made = place.json(&["webhook", "create", &account.name, &receiver.url]);
        let secret = made["secret"].as_str().unwrap().to_owned();
        Self { kind, account: account.clone(), secret, receiver: Some(receiver), before_death: Vec::new() }
    }

    pub(super) fn die(&mut self) {
        self.before_death = self.got();
        self.receiver = None;
    }

    pub(super) fn got(&self) -> Vec<Got> {
        self.receiver.as_ref().map_or_else(|| self.before_death.clone(), Receiver::got)
    }

    /// Rules that an attempt broke: proven by its secret, and what the feed says, byte for byte as the first.
    pub(super) fn broken(&self, feed: &[Value]) -> Vec<String> {
        let listed: BTreeMap<&str, &Value> =
            feed.iter().map(|event| (event["id"].as_str().unwrap(), event)).collect();
        let (got, mut first, mut broken) = (self.got(), BTreeMap::new(), Vec::new());
        for attempt in &got {
            let mut rule = |kept: bool, rule: &str| {
                if !kept {
                    broken.push(format!("{:?}: {rule}: {attempt:?}", self.kind));
                }
            };
            let body: &String = first.entry(attempt.id()).or_insert_with(|| attempt.body.clone());
            rule(attempt.body == *body, "another body than the first attempt");
            rule(listed.get(attempt.id()).is_some_and(|event| **event == attempt.json()), "not as listed");
            rule(attempt.was_signed_by(&self.secret), "not signed");
        }
        broken
    }
}

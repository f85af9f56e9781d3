//! The draws: repeatable by the seed, whatever the order in which calls come.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, PoisonError};

use super::ask::{Ask, Sort};
use crate::hostility::{Hostility, Misfortune};

const ANY_CALL: [Misfortune; 9] = [
    Misfortune::Status,
    Misfortune::Page,
    Misfortune::Dropped,
    Misfortune::Lost,
    Misfortune::Cut,
    Misfortune::Late,
    Misfortune::Slow,
    Misfortune::Twice,
    Misfortune::Vague,
];
const SHARES_OF: u32 = 1000;

/// What goes wrong at one stand-in.
pub(crate) struct Misfortunes {
    pub(super) hostility: Hostility,
    /// How often each call was made, by the hash of its name.
    made: Mutex<HashMap<u64, u32>>,
}

impl Misfortunes {
    pub(crate) fn new(hostility: Hostility) -> Self {
        Self { hostility, made: Mutex::default() }
    }

    /// The draws for the next call of this name.
    fn rng(&self, name: impl std::hash::Hash) -> fastrand::Rng {
        let hash = |value: &dyn Fn(&mut DefaultHasher)| {
            let mut hasher = DefaultHasher::new();
            value(&mut hasher);
            hasher.finish()
        };
        let call = hash(&|hasher| (self.hostility.seed, &name).hash(hasher));
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let times = made.entry(call).or_default();
        *times += 1;
        fastrand::Rng::with_seed(hash(&|hasher| (call, *times).hash(hasher)))
    }

    /// What strikes this call, if anything does, and the draws for its details.
    pub(super) fn strike(&self, ask: &Ask) -> (Option<Misfortune>, fastrand::Rng) {
        let mut rng = self.rng((&ask.subject, &ask.name));
        let share = match ask.sort {
            Sort::Confirm => self.hostility.confirms,
            Sort::Tools if rng.u32(0..SHARES_OF) < self.hostility.tools => {
                let changed = [Misfortune::Renamed, Misfortune::Demanding, Misfortune::Compact];
                return (self.one_of(&changed, &mut rng), rng);
            }
            _ => self.hostility.calls,
        };
        let is_struck = rng.u32(0..SHARES_OF) < share;
        let all: Vec<Misfortune> = ANY_CALL.iter().chain(own(ask.sort)).copied().collect();
        (if is_struck { self.one_of(&all, &mut rng) } else { None }, rng)
    }

    /// Whether the answer to this refresh is lost.
    pub(crate) fn loses_refresh(&self) -> bool {
        self.rng("refresh").u32(0..SHARES_OF) < self.hostility.logins
    }

    /// How long the next access token really lives, if not as long as it says.
    pub(crate) fn token_life_ms(&self) -> Option<i64> {
        const LONGEST_SHORT_LIFE_MS: i64 = 3000;
        let mut rng = self.rng("token");
        let dies = rng.u32(0..SHARES_OF) < self.hostility.logins;
        dies.then(|| rng.i64(0..LONGEST_SHORT_LIFE_MS))
    }

    fn one_of(&self, all: &[Misfortune], rng: &mut fastrand::Rng) -> Option<Misfortune> {
        let only = &self.hostility.only;
        let possible: Vec<_> =
            all.iter().copied().filter(|one| only.is_empty() || only.contains(one)).collect();
        rng.choice(possible)
    }
}

/// What can go wrong with this sort of call alone.
fn own(sort: Sort) -> &'static [Misfortune] {
    match sort {
        Sort::Create => {
            &[Misfortune::TermsDiffer, Misfortune::PriorProposal, Misfortune::Superseded, Misfortune::Expired]
        }
        Sort::ReadPreview => &[Misfortune::Superseded, Misfortune::Expired],
        Sort::List => &[
            Misfortune::Disordered,
            Misfortune::Lagging,
            Misfortune::Mixed,
            Misfortune::Empty,
            Misfortune::Miscounted,
        ],
        Sort::Job => &[Misfortune::Lagging],
        Sort::Balance => &[Misfortune::RowMissing],
        Sort::Confirm => &[Misfortune::Refused, Misfortune::StoredLate],
        Sort::Tools | Sort::Other => &[],
    }
}

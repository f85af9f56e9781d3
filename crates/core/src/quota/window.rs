//! The windows of limits, which several nodes share: a node takes a portion of a window, lets requests through from it
//! without asking anybody, and takes the next when it is used up.

use super::Limits;

/// A portion is this part of the limit: what others have left of theirs when a window is used up makes it end early,
/// by 7.5 % with four nodes at the most.
const PORTIONS: u32 = 40;

/// How long a window is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// A minute of Unix time.
    Minute,
    /// A UTC day.
    Day,
}

/// A window on Unix time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// How long it is.
    pub period: Period,
    /// Its end, Unix seconds.
    pub ends_at_s: i64,
}

/// A window of which a portion is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// The window.
    pub window: Window,
    /// Its limit.
    pub limit: u32,
    /// What all nodes have taken of it, as last heard here.
    pub taken: u32,
}

/// A portion of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Portion {
    /// The window.
    pub window: Window,
    /// So many requests; none when nothing is left.
    pub requests: u32,
    /// What all nodes have taken of it, this portion included.
    pub taken: u32,
}

/// What of its limits one asker has here.
#[derive(Debug, Default)]
pub struct Used([Share; 2]);

/// Of one window.
#[derive(Debug, Default)]
struct Share {
    ends_at_s: i64,
    /// By all nodes, as last heard.
    taken: u32,
    /// Of what this node has taken.
    unspent: u32,
}

/// Where a key stands after a request: the window with the fewest left, in a tie the one that ends later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The window's limit.
    pub limit: u32,
    /// What is left of it, as far as this node knows.
    pub remaining: u32,
    /// Its end, Unix seconds.
    pub resets_at_s: i64,
}

/// Why a request cannot be let through now.
#[derive(Debug, PartialEq, Eq)]
pub enum Short {
    /// A window is used up; where the key stands with the one that ends last.
    Exhausted(Standing),
    /// Portions are needed first.
    Wants(Vec<Wanted>),
}

impl Period {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Minute, Self::Day];

    /// The name in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Day => "day",
        }
    }

    /// The window of this length that a time in Unix seconds lies in.
    #[must_use]
    pub fn window(self, at_s: i64) -> Window {
        let length_s = match self {
            Self::Minute => 60,
            Self::Day => 86_400,
        };
        Window { period: self, ends_at_s: (at_s.div_euclid(length_s) + 1) * length_s }
    }
}

impl Wanted {
    /// The portion that there is where so much has been taken.
    #[must_use]
    pub fn portion(self, taken: u32) -> Portion {
        self.up_to(self.limit.div_ceil(PORTIONS), taken)
    }

    /// All that is left, for a node that is alone.
    #[must_use]
    pub fn whole(self) -> Portion {
        self.up_to(self.limit, self.taken)
    }

    fn up_to(self, most: u32, taken: u32) -> Portion {
        let requests = most.min(self.limit.saturating_sub(taken));
        Portion { window: self.window, requests, taken: taken + requests }
    }
}

impl Used {
    /// Lets a request through and counts it.
    ///
    /// # Errors
    /// Nothing is counted then.
    pub fn take(&mut self, now_s: i64, limits: Limits) -> Result<Standing, Short> {
        let mut wants = Vec::new();
        let mut is_exhausted = false;
        for period in Period::ALL {
            let (window, share) = (period.window(now_s), &mut self.0[period as usize]);
            if share.ends_at_s != window.ends_at_s {
                *share = Share { ends_at_s: window.ends_at_s, ..Share::default() };
            }
            let Some(limit) = limits.of(period) else { continue };
            is_exhausted |= share.spent() >= limit;
            if share.unspent == 0 {
                wants.push(Wanted { window, limit, taken: share.taken });
            }
        }
        if is_exhausted {
            return Err(Short::Exhausted(self.standing(limits)));
        }
        if !wants.is_empty() {
            return Err(Short::Wants(wants));
        }
        for period in Period::ALL.into_iter().filter(|period| limits.of(*period).is_some()) {
            self.0[period as usize].unspent -= 1;
        }
        Ok(self.standing(limits))
    }

    /// Adds a portion, unless its window has passed meanwhile.
    pub fn add(&mut self, portion: Portion) {
        let share = &mut self.0[portion.window.period as usize];
        if share.ends_at_s == portion.window.ends_at_s {
            share.unspent += portion.requests;
            share.taken = portion.taken;
        }
    }

    /// Leaves what is unspent to others.
    pub fn leave(&mut self) -> Vec<(Window, u32)> {
        let left = Period::ALL.map(|period| {
            let share = &mut self.0[period as usize];
            let window = Window { period, ends_at_s: share.ends_at_s };
            (window, std::mem::take(&mut share.unspent))
        });
        left.into_iter().filter(|(_, requests)| *requests > 0).collect()
    }

    fn standing(&self, limits: Limits) -> Standing {
        let of = |limit: u32, share: &Share| Standing {
            limit,
            remaining: limit.saturating_sub(share.spent()),
            resets_at_s: share.ends_at_s,
        };
        let [minute, day] = &self.0;
        let minute = of(limits.per_minute, minute);
        match limits.per_day.map(|per_day| of(per_day, day)) {
            Some(day) if (day.remaining, -day.resets_at_s) <= (minute.remaining, -minute.resets_at_s) => day,
            _ => minute,
        }
    }
}

impl Share {
    /// What others have taken counts as spent.
    fn spent(&self) -> u32 {
        self.taken.saturating_sub(self.unspent)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const DAY_S: i64 = 86_400;
    /// A minute and a day begin here.
    const START: i64 = 20_000 * DAY_S;

    fn per(per_minute: u32, per_day: Option<u32>) -> Limits {
        Limits { per_minute, per_day }
    }

    /// What all nodes have taken; no window is named twice here.
    #[derive(Default)]
    struct Pool(Vec<(Window, u32)>);

    impl Pool {
        fn portion(&mut self, wanted: Wanted) -> Portion {
            if !self.0.iter().any(|(window, _)| *window == wanted.window) {
                self.0.push((wanted.window, 0));
            }
            let (_, taken) = self.0.iter_mut().find(|(window, _)| *window == wanted.window).unwrap();
            let portion = wanted.portion(*taken);
            *taken = portion.taken;
            portion
        }

        /// As a node does it; the second tells how often it asked.
        fn take(
            &mut self,
            used: &mut Used,
            now_s: i64,
            limits: Limits,
        ) -> (Result<Standing, Standing>, usize) {
            for asked in 0.. {
                match used.take(now_s, limits) {
                    Ok(standing) => return (Ok(standing), asked),
                    Err(Short::Exhausted(standing)) => return (Err(standing), asked),
                    Err(Short::Wants(wants)) => {
                        wants.into_iter().for_each(|wanted| used.add(self.portion(wanted)));
                    }
                }
            }
            unreachable!("it ends by an answer")
        }
    }

    #[test]
    fn a_minute_is_a_fixed_window() {
        let (mut pool, mut used, limits) = (Pool::default(), Used::default(), per(2, None));
        let mut take = |now_s| pool.take(&mut used, now_s, limits).0;
        let standing = |remaining| Standing { limit: 2, remaining, resets_at_s: START + 60 };
        assert_eq!(take(START + 59), Ok(standing(1)));
        assert_eq!(take(START + 59), Ok(standing(0)));
        assert_eq!(take(START + 59), Err(standing(0)));
        assert_eq!(take(START + 60), Ok(Standing { resets_at_s: START + 120, ..standing(1) }));
    }

    #[test]
    fn the_tighter_window_is_told_and_a_tie_goes_to_the_later_end() {
        let (mut pool, mut used, limits) = (Pool::default(), Used::default(), per(2, Some(3)));
        let mut take = |now_s| pool.take(&mut used, now_s, limits).0;
        assert_eq!(take(START).map(|s| (s.limit, s.remaining)), Ok((2, 1)));
        assert_eq!(take(START).map(|s| (s.limit, s.remaining)), Ok((2, 0)));
        assert_eq!(take(START).map_err(|s| s.resets_at_s), Err(START + 60));
        let both = Standing { limit: 3, remaining: 0, resets_at_s: START + DAY_S };
        assert_eq!(take(START + 60), Ok(both), "a refused request is not counted");
        assert_eq!(take(START + 60), Err(both));
        assert_eq!(take(START + DAY_S).map(|s| s.remaining), Ok(1));
    }

    #[test]
    fn a_tie_is_told_as_the_day() {
        let (mut pool, mut used) = (Pool::default(), Used::default());
        let taken = pool.take(&mut used, START, per(2, Some(2))).0;
        assert_eq!(taken.map(|s| s.resets_at_s), Ok(START + DAY_S));
    }

    /// The worst of four nodes: three take a portion, spend one of it and are never asked again.
    #[test]
    fn four_nodes_come_within_a_tenth_and_never_above_and_one_gets_the_whole() {
        for limit in [1, 3, 30, 60, 300, 1000] {
            let limits = per(limit, None);
            let mut pool = Pool::default();
            let mut nodes: [Used; 4] = Default::default();
            let mut taken = 0;
            for used in &mut nodes[1..] {
                taken += u32::from(pool.take(used, START, limits).0.is_ok());
            }
            while pool.take(&mut nodes[0], START, limits).0.is_ok() {
                taken += 1;
            }
            assert!(taken <= limit && taken * 10 >= limit * 9, "{taken} of {limit}");
            let left: u32 = nodes[1..].iter_mut().flat_map(Used::leave).map(|(_, left)| left).sum();
            assert_eq!(taken + left, limit);
            let (mut pool, mut alone) = (Pool::default(), Used::default());
            let all = (0..).take_while(|_| pool.take(&mut alone, START, limits).0.is_ok()).count();
            assert_eq!(all, limit as usize);
        }
    }

    #[test]
    fn few_requests_ask_and_none_of_those_that_are_refused() {
        let (mut pool, mut used, limits) = (Pool::default(), Used::default(), per(300, None));
        let asked: usize = (0..300).map(|_| pool.take(&mut used, START, limits).1).sum();
        assert_eq!(asked, 38, "portions of 8");
        let refused = pool.take(&mut used, START, limits);
        assert!(refused.0.is_err() && refused.1 == 0);
    }

    #[test]
    fn what_others_have_taken_is_heard_of_and_what_is_left_can_be_had() {
        let (mut pool, limits) = (Pool::default(), per(2, None));
        let (mut here, mut there) = (Used::default(), Used::default());
        assert!(pool.take(&mut here, START, limits).0.is_ok());
        assert_eq!(pool.take(&mut there, START, limits).0.map(|s| s.remaining), Ok(0));
        assert!(pool.take(&mut here, START, limits).0.is_err());
        let raised = per(3, None);
        assert_eq!(pool.take(&mut here, START, raised).0.map(|s| s.remaining), Ok(0), "a limit was raised");
        assert!(pool.take(&mut here, START + 1, per(1, None)).0.is_err(), "or lowered");
    }

    #[test]
    fn one_that_is_alone_takes_the_whole_at_once() {
        let (mut used, limits) = (Used::default(), per(300, None));
        let Err(Short::Wants(wants)) = used.take(START, limits) else { panic!("from nothing") };
        used.add(wants[0].whole());
        assert!((0..300).all(|_| used.take(START, limits).is_ok()));
        assert!(matches!(used.take(START, limits), Err(Short::Exhausted(_))));
        let Err(Short::Wants(wants)) = used.take(START, per(301, None)) else { panic!("it was raised") };
        used.add(wants[0].whole());
        assert_eq!(used.take(START, per(301, None)).map(|s| s.remaining), Ok(0));
    }
}

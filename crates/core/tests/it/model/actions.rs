//! What can happen next, and what comes of it.

use applyd_core::outcome::{Code, Ending};
use applyd_core::state::{By, Event, Progress, Refused, State, Step, advance, advance_unread, overdue};
use applyd_core::time::Timing;

use super::Mutation;
use super::world::{
    Application, Credit, DRAIN_TICKS, Job, LAST_TICK, LAST_TICK_OF_SECOND, MOST_CRASHES, Request, TIMING,
    Task, World,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Tick,
    Reapply,
    /// The sweeper, or a reader's status call.
    Sweep(usize),
    /// By its caller.
    Cancel(usize),
    Crash(usize),
    /// A worker that is free takes an application from the queue.
    Claim(usize, usize),
    /// A worker that is free takes one for a read.
    Look(usize, usize),
    /// A worker goes on with what it has.
    Go(usize),
    /// A worker does something else than the next step.
    Turn(usize, Turn),
    /// What the site does with an application's oldest request.
    Site(usize, Reaction),
    /// Mutation 7.
    Lose(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Turn {
    Retry,
    LoginLost,
    LoginRefused,
    /// The intent is written, but the worker is not told so.
    CrossUnproven,
    SendEarly,
    /// Proven by the sender: no byte left.
    NotSent,
    GiveUp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Reaction {
    Accept,
    AcceptSilently,
    Refuse,
    /// It never arrives.
    Lose,
}

/// Faults of one kind that an application may meet; more of them only repeat what was seen.
const MOST_FAULTS: i64 = 1;

pub(crate) fn possible(world: &World, mutation: Mutation, actions: &mut Vec<Action>) {
    let next = world.clock + 1;
    let arriving = |a: &Application| {
        let due = |cut| cut + DRAIN_TICKS <= next || next == LAST_TICK;
        a.requests.iter().any(|request| request.cut.is_some_and(due))
    };
    let last = world.applications.last().unwrap();
    // Time does not pass a deadline that nobody acted on (each reader does), nor matter after an end.
    let over = |index: usize| {
        overdue(&world.applications[index].progress, world.now(), world.dead(index)) == Some(Event::TimeUp)
    };
    let last_tick = if world.applications.len() == 1 { LAST_TICK } else { LAST_TICK_OF_SECOND };
    if world.clock < last_tick
        && !world.applications.iter().any(arriving)
        && !(0..world.applications.len()).any(over)
        && !last.ended()
    {
        actions.push(Action::Tick);
    }
    let unguarded = mutation == Mutation::ReapplyWhileUnknown && last.progress.state == State::Unknown;
    if world.applications.len() < 2
        && world.clock < LAST_TICK
        && !world.restored
        && (last.ended_clean() || unguarded)
    {
        actions.push(Action::Reapply);
    }
    for (index, a) in world.applications.iter().enumerate() {
        if overdue(&a.progress, world.now(), world.dead(index)).is_some() {
            actions.push(Action::Sweep(index));
        }
        let state = a.progress.state;
        if matches!(state, State::Queued | State::Leased | State::Armed)
            || (mutation == Mutation::CancelIntent && state == State::Intent)
        {
            actions.push(Action::Cancel(index));
        }
        if !a.requests.is_empty() {
            let all = [Reaction::Accept, Reaction::AcceptSilently, Reaction::Refuse, Reaction::Lose];
            actions.extend(all.map(|reaction| Action::Site(index, reaction)));
        }
        if mutation == Mutation::LoseIntent && a.progress.state == State::Intent {
            actions.push(Action::Lose(index));
        }
    }
    for worker in 0..world.workers.len() {
        if world.crashes < MOST_CRASHES && world.workers[worker].task.is_some() {
            actions.push(Action::Crash(worker));
        }
        match world.workers[worker].task {
            Some(task) => go_on(world, worker, task, mutation, actions),
            // Free workers are alike: the second takes what comes only while the first is busy.
            None if worker > 0 && world.workers[0].task.is_none() => {}
            None => {
                for index in 0..world.applications.len() {
                    actions.push(Action::Claim(worker, index));
                    actions.push(Action::Look(worker, index));
                }
            }
        }
    }
}

fn go_on(world: &World, worker: usize, task: Task, mutation: Mutation, actions: &mut Vec<Action>) {
    let progress = &world.applications[task.application].progress;
    if task.job != Job::Waiting {
        actions.push(Action::Go(worker));
    }
    let turns: &[Turn] = match task.job {
        Job::Prepare => &[Turn::Retry, Turn::LoginLost, Turn::LoginRefused],
        Job::Armed => &[Turn::CrossUnproven, Turn::SendEarly],
        Job::MaySend => &[Turn::NotSent],
        Job::Waiting => &[Turn::GiveUp],
        _ => &[],
    };
    actions.extend(
        turns
            .iter()
            .filter(|turn| match turn {
                Turn::Retry | Turn::LoginLost => progress.attempts + progress.logins_renewed < MOST_FAULTS,
                Turn::SendEarly => mutation == Mutation::SendBeforeIntent,
                _ => true,
            })
            .map(|turn| Action::Turn(worker, *turn)),
    );
}

/// `None`: not possible after all.
pub(crate) fn perform(world: &mut World, action: Action, mutation: Mutation) -> Option<()> {
    match action {
        Action::Tick => world.clock += 1,
        Action::Reapply => {
            world.rebase();
            world.applications.push(Application::accepted(world.now()));
        }
        Action::Sweep(index) => sweep(world, index, mutation),
        Action::Cancel(index) => cancel(world, index, mutation)?,
        Action::Crash(worker) => crash(world, worker),
        Action::Claim(worker, index) => {
            if mutation == Mutation::SecondIntent
                && world.applications[index].progress.state == State::Verifying
            {
                requeue(&mut world.applications[index].progress);
            }
            let seen = world.applications[index].accepted > 0;
            let job = if world.restored { Job::SawUnsent(seen) } else { Job::Prepare };
            take(world, worker, index, Event::Claim { worker: World::name(worker) }, job)?;
        }
        Action::Look(worker, index) => {
            // Read at the earliest moment: what is not there yet may come before the result is recorded.
            let seen = world.applications[index].accepted > 0;
            take(world, worker, index, Event::Look { worker: World::name(worker) }, Job::Saw(seen))?;
        }
        Action::Go(worker) => go(world, worker, mutation),
        Action::Turn(worker, turn) => self::turn(world, worker, turn, mutation),
        Action::Site(index, reaction) => site(world, index, reaction),
        Action::Lose(index) => {
            let progress = &mut world.applications[index].progress;
            progress.state = State::Armed;
            progress.intent = None;
        }
    }
    world.unify();
    Some(())
}

fn timing(mutation: Mutation) -> Timing {
    let drain_ms = if mutation == Mutation::NoDrain { 0 } else { TIMING.drain_ms };
    Timing { drain_ms, ..TIMING }
}

/// Back to the queue as if nothing could have been sent.
fn requeue(progress: &mut Progress) {
    progress.state = State::Queued;
    progress.intent = None;
    progress.worker = None;
    progress.lease_until = None;
}

fn take(world: &mut World, worker: usize, index: usize, event: Event, job: Job) -> Option<()> {
    let step = advance(&world.applications[index].progress, event, By::Sweeper, world.now(), &TIMING).ok()?;
    world.workers[worker].task = Some(Task { application: index, epoch: step.next.epoch, job });
    world.commit(index, step);
    Some(())
}

/// The rule of the mode.
fn rule(world: &World, was: &Progress, event: Event, by: By, mutation: Mutation) -> Result<Step, Refused> {
    let (now, timing) = (world.now(), timing(mutation));
    if world.restored && was.intent.is_none() && mutation != Mutation::EndUnread {
        return advance_unread(was, event, by, 0, now, &timing);
    }
    advance(was, event, by, now, &timing)
}

fn sweep(world: &mut World, index: usize, mutation: Mutation) {
    let (now, dead) = (world.now(), world.dead(index));
    let a = &mut world.applications[index];
    let Some(event) = overdue(&a.progress, now, dead) else { return };
    let open = matches!(a.progress.state, State::Intent | State::Verifying);
    match (mutation, &event) {
        (Mutation::RequeueIntent, Event::Doubt) => return requeue(&mut a.progress),
        (Mutation::ReleaseAtDeadline, Event::TimeUp) if open => {
            a.progress.state = State::Failed;
            a.progress.message = Some(Ending::of(Code::Deadline).message);
            a.credit = Credit::Released;
            return;
        }
        _ => {}
    }
    let doubt = event == Event::Doubt;
    let was = a.progress.clone();
    match rule(world, &was, event, By::Sweeper, mutation) {
        Ok(step) => world.commit(index, step),
        Err(_) => world.flaws.stuck = true,
    }
    if doubt && mutation == Mutation::ReadWithPermitOpen {
        let progress = &mut world.applications[index].progress;
        progress.permit_closed_at = Some(now);
        progress.look_at = Some(now);
    }
}

fn cancel(world: &mut World, index: usize, mutation: Mutation) -> Option<()> {
    let mut was = world.applications[index].progress.clone();
    if mutation == Mutation::CancelIntent {
        was.state = State::Armed;
    }
    let step = rule(world, &was, Event::Cancel, By::Caller, mutation).ok()?;
    world.commit(index, step);
    Some(())
}

fn crash(world: &mut World, worker: usize) {
    world.crashes += 1;
    world.bury(worker);
    let Some(task) = world.workers[worker].task.take() else { return };
    cut(world, worker);
    let a = &mut world.applications[task.application];
    a.orphaned |= a.accepted > 0 && matches!(task.job, Job::Waiting | Job::ToldYes);
}

/// The connections of a worker are closed: no byte can follow what was sent.
fn cut(world: &mut World, worker: usize) {
    let clock = world.clock;
    let requests = world.applications.iter_mut().flat_map(|a| &mut a.requests);
    requests.filter(|request| request.sender == worker && request.cut.is_none()).for_each(|request| {
        request.cut = Some(clock);
    });
}

/// A worker's write: under its own epoch, or refused.
fn write(world: &mut World, task: Task, event: Event, by: By, mutation: Mutation) -> bool {
    let now = world.now();
    let mut was = world.applications[task.application].progress.clone();
    let by = match mutation {
        Mutation::NoEpoch | Mutation::NoChecks => {
            if mutation == Mutation::NoChecks {
                forge(&mut was, &event);
            }
            was.lease_until = Some(now + TIMING.lease_ms);
            match (by, &was.intent) {
                (By::Sender(_), Some(intent)) => By::Sender(intent.epoch),
                _ => By::Worker(was.epoch),
            }
        }
        _ => by,
    };
    let step = rule(world, &was, event, by, mutation).ok();
    step.map(|step| world.commit(task.application, step)).is_some()
}

/// Makes any state and time fit the event.
fn forge(was: &mut Progress, event: &Event) {
    was.cutoff = i64::MAX;
    was.deadline = i64::MAX;
    match event {
        Event::Arm { .. } | Event::Retry { .. } | Event::Block { .. } | Event::End(_) => {
            was.state = State::Leased
        }
        Event::Cross { .. } => {
            was.state = State::Armed;
            was.intent = None;
        }
        Event::Accepted | Event::Declined(_) | Event::Doubt => was.state = State::Intent,
        _ => was.state = State::Verifying,
    }
}

fn arm() -> Event {
    Event::Arm { terms_sha256: String::new() }
}

fn cross() -> Event {
    Event::Cross { terms_sha256: String::new() }
}

/// The next step of a worker's task. A refused write ends the task: the lease is lost.
fn go(world: &mut World, worker: usize, mutation: Mutation) {
    let Some(task) = world.workers[worker].task else { return };
    let (owner, sender) = (By::Worker(task.epoch), By::Sender(task.epoch));
    let on = |world: &mut World, event, by, job: Option<Job>| {
        let done = write(world, task, event, by, mutation);
        world.workers[worker].task = job.filter(|_| done).map(|job| Task { job, ..task });
    };
    match task.job {
        Job::Prepare => on(world, arm(), owner, Some(Job::Armed)),
        Job::Armed => on(world, cross(), owner, Some(Job::MaySend)),
        Job::MaySend => send(world, worker, task),
        Job::Waiting => {}
        Job::ToldYes => on(world, Event::Accepted, sender, None),
        Job::ToldNo => on(world, Event::Declined(Ending::of(Code::Refused)), sender, None),
        Job::Saw(true) => on(world, Event::Seen { site_at: None }, owner, None),
        Job::Saw(false) => {
            on(world, Event::NotSeen { settles: true, again_ms: TIMING.read_spacing_ms }, owner, None)
        }
        Job::SawUnsent(true) => {
            on(
                world,
                Event::Recover { worker: String::new(), at: 0, terms_sha256: String::new(), in_time: true },
                owner,
                None,
            );
        }
        Job::SawUnsent(false) => {
            on(world, Event::NotSeen { settles: true, again_ms: TIMING.read_spacing_ms }, owner, None)
        }
    }
}

fn turn(world: &mut World, worker: usize, turn: Turn, mutation: Mutation) {
    let Some(task) = world.workers[worker].task else { return };
    let (owner, sender) = (By::Worker(task.epoch), By::Sender(task.epoch));
    let (event, by) = match turn {
        Turn::Retry => (Event::Retry { delay_ms: 0 }, owner),
        Turn::LoginLost => (Event::Block { code: Code::LoggedOut, renewed: true, delay_ms: 0 }, owner),
        Turn::LoginRefused => (Event::End(Ending::of(Code::LoggedOut)), owner),
        Turn::NotSent => (Event::Declined(Ending::of(Code::NotSubmitted)), sender),
        Turn::CrossUnproven => (cross(), owner),
        Turn::SendEarly => return send(world, worker, task),
        Turn::GiveUp => return give_up(world, worker, task, mutation),
    };
    let done = write(world, task, event, by, mutation);
    let unproven = turn == Turn::CrossUnproven && done;
    world.workers[worker].task = unproven.then_some(Task { job: Job::Waiting, ..task });
}

/// The permit is checked and used up, and the first byte leaves.
fn send(world: &mut World, worker: usize, task: Task) {
    let a = &mut world.applications[task.application];
    let backed = a.progress.intent.as_ref().is_some_and(|intent| intent.epoch == task.epoch);
    world.flaws.sent_without_intent |= !backed;
    a.sent += 1;
    a.requests.push(Request { sender: worker, cut: None });
    world.workers[worker].task = Some(Task { job: Job::Waiting, ..task });
}

/// The sender ends its attempt, closes the connection and says so.
fn give_up(world: &mut World, worker: usize, task: Task, mutation: Mutation) {
    let sender = By::Sender(task.epoch);
    cut(world, worker);
    if !write(world, task, Event::Doubt, sender, mutation) {
        write(world, task, Event::PermitClosed, sender, mutation);
    }
    world.workers[worker].task = None;
}

fn site(world: &mut World, index: usize, reaction: Reaction) {
    let a = &mut world.applications[index];
    let request = a.requests.remove(0);
    a.accepted += u8::from(matches!(reaction, Reaction::Accept | Reaction::AcceptSilently));
    let job = match reaction {
        Reaction::Accept => Job::ToldYes,
        Reaction::Refuse => Job::ToldNo,
        Reaction::AcceptSilently | Reaction::Lose => return,
    };
    if request.cut.is_none()
        && let Some(task) = &mut world.workers[request.sender].task
    {
        task.job = job;
    }
}

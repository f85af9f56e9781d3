//! Places where a kill test ends the process as SIGKILL would. Only with the feature `failpoints`, which no
//! release build has.

/// Ends the process here if `APPLYD_CRASH_AT` names this place (`name=probability,…`).
#[cfg(feature = "failpoints")]
pub fn hit(name: &str) {
    let Ok(places) = std::env::var("APPLYD_CRASH_AT") else { return };
    let chance = places
        .split(',')
        .filter_map(|place| place.split_once('='))
        .find(|(place, _)| *place == name)
        .and_then(|(_, chance)| chance.parse::<f64>().ok());
    if chance.is_some_and(|chance| fastrand::f64() < chance) {
        // A kill that failed would make the test pass for the wrong reason; there is nothing else to do then.
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        std::thread::park();
    }
}

/// Nothing, in every build that users get.
#[cfg(not(feature = "failpoints"))]
pub fn hit(_name: &str) {}

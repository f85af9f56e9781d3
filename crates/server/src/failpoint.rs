//! Places where a kill test ends the process as SIGKILL would, or where a test holds it. Only with the feature
//! `failpoints`, which no release build has.

/// Waits here while the file `APPLYD_HOLD` exists, if `APPLYD_HOLD_AT` is this place; before that, the file's
/// text becomes this name, so that the test knows.
///
/// Ends the process here if `APPLYD_CRASH_AT` names this place (`name=probability,…`). The name is first
/// appended to the file `APPLYD_CRASH_LOG`, so that a test can count where it has killed.
#[cfg(feature = "failpoints")]
pub fn hit(name: &str) {
    hold(name);
    let Ok(places) = std::env::var("APPLYD_CRASH_AT") else { return };
    let chance = places
        .split(',')
        .filter_map(|place| place.split_once('='))
        .find(|(place, _)| *place == name)
        .and_then(|(_, chance)| chance.parse::<f64>().ok());
    if chance.is_some_and(|chance| fastrand::f64() < chance) {
        note(name);
        // A kill that failed would make the test pass for the wrong reason; there is nothing else to do then.
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        std::thread::park();
    }
}

#[cfg(feature = "failpoints")]
fn hold(name: &str) {
    let Some(file) = std::env::var_os("APPLYD_HOLD")
        .filter(|_| std::env::var("APPLYD_HOLD_AT").is_ok_and(|at| at == name))
    else {
        return;
    };
    let file = std::path::Path::new(&file);
    if !file.exists() || std::fs::write(file, name).is_err() {
        return;
    }
    while file.exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

#[cfg(feature = "failpoints")]
fn note(name: &str) {
    use std::io::Write as _;
    let Some(log) = std::env::var_os("APPLYD_CRASH_LOG") else { return };
    // What is not written is missed by the test that counts.
    let _ = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .and_then(|mut file| file.write_all(format!("{name}\n").as_bytes()));
}

/// Nothing, in every build that users get.
#[cfg(not(feature = "failpoints"))]
pub fn hit(_name: &str) {}

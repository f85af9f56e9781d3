//! Hints between nodes: something was committed, look now. One may be lost at any moment; everybody looks by the clock
//! as well.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use tokio::sync::watch;

use super::server::Server;
use super::session::Session;
use crate::Error;
use crate::threads::spawn;

/// A NOTIFY in the transaction itself would let commits follow one another only; these go beside them, and are few.
const BETWEEN_HINTS: Duration = Duration::from_millis(100);
const LISTEN_FOR: Duration = Duration::from_secs(1);
const RECONNECT_EVERY: Duration = Duration::from_secs(1);
const LISTEN: &str = "LISTEN applyd";
const NOTIFY: &str = "NOTIFY applyd";

/// Rings at the other nodes, and at this one.
pub(super) struct Bell(Option<Sender<()>>);

impl Bell {
    /// Never waits: one ring that is still to be told tells of all before it.
    pub(super) fn ring(&self) {
        if let Some(told) = &self.0 {
            // Full: told already.
            let _ = told.try_send(());
        }
    }
}

/// Starts to tell and to listen; behind a pooler there is nothing to hear.
pub(super) fn start(server: &Server) -> Result<(Bell, watch::Receiver<()>), Error> {
    let (ring, heard) = watch::channel(());
    if server.is_pooled {
        // The sender is gone: whoever waits for a hint waits for ever.
        return Ok((Bell(None), heard));
    }
    let (tell, told) = bounded(1);
    let (teller, listener) = (server.clone(), server.clone());
    spawn("store-teller", move || tell_all(Session::new(teller), &told))?;
    spawn("store-listener", move || listen(Session::new(listener), &ring))?;
    Ok((Bell(Some(tell)), heard))
}

/// Until the bell is gone.
fn tell_all(mut session: Session, told: &Receiver<()>) {
    while told.recv().is_ok() {
        let begun = Instant::now();
        if session.begin(NOTIFY).is_err() {
            session.leave();
        }
        std::thread::sleep(BETWEEN_HINTS.saturating_sub(begun.elapsed()));
    }
}

/// Until nobody waits for hints any more.
fn listen(mut session: Session, ring: &watch::Sender<()>) {
    while ring.receiver_count() > 0 {
        let heard = session.begin(LISTEN).and_then(|_| {
            // What was told while nobody listened.
            ring.send_replace(());
            while ring.receiver_count() > 0 {
                if session.hear(LISTEN_FOR)? {
                    ring.send_replace(());
                }
            }
            Ok(())
        });
        if heard.is_err() {
            session.leave();
            std::thread::sleep(RECONNECT_EVERY);
        }
    }
}

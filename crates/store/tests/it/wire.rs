//! A network between the store and its PostgreSQL that does what networks do.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// What is done with the COMMITs that pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    /// They pass.
    Pass,
    /// The connection breaks before one arrives.
    BreakBefore,
    /// One arrives, and the connection breaks before its answer does.
    BreakAfter,
    /// One is swallowed; the server's end of the connection stays open, as if the packet were still on its way.
    Swallow,
    /// Nobody gets through, and who is through is cut off.
    Down,
}

/// Listens on an address of its own; the fate holds for the next COMMIT only, but for `Down`.
pub(crate) struct Wire {
    pub(crate) port: u16,
    fate: Arc<Mutex<Fate>>,
    all: Arc<Mutex<Vec<TcpStream>>>,
    seen: Arc<AtomicU64>,
}

impl Wire {
    pub(crate) fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let wire =
            Self { port, fate: Arc::new(Mutex::new(Fate::Pass)), all: Arc::default(), seen: Arc::default() };
        let (fate, all, seen) = (Arc::clone(&wire.fate), Arc::clone(&wire.all), Arc::clone(&wire.seen));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if *fate.lock().unwrap() == Fate::Down {
                    continue;
                }
                let upstream = TcpStream::connect(&server).unwrap();
                client.set_nodelay(true).unwrap();
                upstream.set_nodelay(true).unwrap();
                all.lock().unwrap().extend([client.try_clone().unwrap(), upstream.try_clone().unwrap()]);
                carry(client, upstream, Arc::clone(&fate), Arc::clone(&seen));
            }
        });
        wire
    }

    pub(crate) fn set(&self, fate: Fate) {
        *self.fate.lock().unwrap() = fate;
        if fate == Fate::Down {
            self.all.lock().unwrap().drain(..).for_each(|end| drop(end.shutdown(Shutdown::Both)));
        }
    }

    /// COMMITs that a fate has befallen.
    pub(crate) fn befallen(&self) -> u64 {
        self.seen.load(Ordering::SeqCst)
    }
}

fn carry(client: TcpStream, upstream: TcpStream, fate: Arc<Mutex<Fate>>, seen: Arc<AtomicU64>) {
    let (mut from_server, mut to_client) = (upstream.try_clone().unwrap(), client.try_clone().unwrap());
    let is_deaf = Arc::new(Mutex::new(false));
    let deaf = Arc::clone(&is_deaf);
    std::thread::spawn(move || {
        let mut bytes = [0; 16 * 1024];
        while let Ok(length @ 1..) = from_server.read(&mut bytes) {
            if *deaf.lock().unwrap() {
                let _ = to_client.shutdown(Shutdown::Both);
                return;
            }
            if to_client.write_all(&bytes[..length]).is_err() {
                return;
            }
        }
        let _ = to_client.shutdown(Shutdown::Both);
    });
    std::thread::spawn(move || {
        let (mut client, mut upstream) = (client, upstream);
        let mut bytes = [0; 16 * 1024];
        while let Ok(length @ 1..) = client.read(&mut bytes) {
            let bytes = &bytes[..length];
            let is_commit = bytes.windows(6).any(|word| word == b"COMMIT");
            let now = if is_commit { take(&fate) } else { Fate::Pass };
            if now != Fate::Pass {
                seen.fetch_add(1, Ordering::SeqCst);
            }
            match now {
                Fate::Pass | Fate::Down => {}
                Fate::BreakBefore => {
                    let _ = client.shutdown(Shutdown::Both);
                    let _ = upstream.shutdown(Shutdown::Both);
                    return;
                }
                Fate::BreakAfter => *is_deaf.lock().unwrap() = true,
                Fate::Swallow => {
                    let _ = client.shutdown(Shutdown::Both);
                    // The server's end stays as it is for as long as the test runs.
                    std::mem::forget(upstream);
                    return;
                }
            }
            if upstream.write_all(bytes).is_err() {
                return;
            }
        }
        let _ = upstream.shutdown(Shutdown::Both);
    });
}

fn take(fate: &Mutex<Fate>) -> Fate {
    let mut fate = fate.lock().unwrap();
    if *fate == Fate::Down { Fate::Down } else { std::mem::replace(&mut *fate, Fate::Pass) }
}

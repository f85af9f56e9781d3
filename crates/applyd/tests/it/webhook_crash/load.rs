//! Callers that apply on and on, whatever becomes of the server.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::json;

use crate::harness::{Account, job, try_call};

const PAUSE: Duration = Duration::from_millis(20);

/// Where the server is now, and how many applications each account may have made.
#[derive(Default)]
pub(super) struct Load {
    url: Mutex<String>,
    allowed: AtomicUsize,
}

impl Load {
    pub(super) fn is_at(&self, url: &str) {
        url.clone_into(&mut self.url.lock().unwrap());
    }

    pub(super) fn allow(&self, each: usize) {
        self.allowed.store(each, Ordering::SeqCst);
    }

    pub(super) fn spawn(self: &Arc<Self>, account: Account, count: usize) -> JoinHandle<()> {
        let load = Arc::clone(self);
        std::thread::spawn(move || {
            for n in 0..count {
                while load.allowed.load(Ordering::SeqCst) <= n {
                    std::thread::sleep(PAUSE);
                }
                load.apply(&account, n as u16);
            }
        })
    }

    /// Repeats until it is known that the application exists.
    fn apply(&self, account: &Account, n: u16) {
        // Every tenth is refused by the site, and may be applied to again.
        let (job, is_once) = if n % 10 == 9 { (job(2), false) } else { (job(1000 + n), true) };
        let body = json!({"jobId": job, "coverLetter": "Hello from a test."}).to_string();
        let headers = [("x-api-key", account.key.as_str())];
        loop {
            let url = self.url.lock().unwrap().clone();
            let path = "/api/auto-apply-v2/apply";
            match try_call(&url, "POST", path, &headers, Some(body.as_bytes())) {
                Ok(reply) if reply.status == 200 => return,
                // It was accepted, and the answer was lost.
                Ok(reply) if reply.status == 409 && is_once => return,
                // Full, or the one before it on the same job is still under way.
                Ok(reply) if reply.status != 409 && reply.status != 503 => panic!("{reply:?}"),
                _ => std::thread::sleep(PAUSE),
            }
        }
    }
}

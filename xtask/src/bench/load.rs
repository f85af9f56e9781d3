//! One load by wrk.

use anyhow::{Context, Result, bail};

use crate::run::{answer, command, root};

const CONNECTIONS: &str = "-c64";
const THREADS: &str = "-t2";

/// What wrk said.
pub(super) struct Load {
    /// Requests that were answered.
    pub(super) requests: f64,
    /// The same a second.
    pub(super) rate: f64,
    /// Median latency.
    pub(super) p50_ms: f64,
    /// 99th percentile.
    pub(super) p99_ms: f64,
}

/// Runs a script of `xtask/bench` against `url`. A run with any answer that is no success is void.
pub(super) fn load(url: &str, script: &str, environment: &[(&str, &String)], seconds: u64) -> Result<Load> {
    let script = root().join(format!("xtask/bench/{script}.lua"));
    let mut wrk = command("wrk");
    wrk.args([THREADS, CONNECTIONS, "--latency", &format!("-d{seconds}s"), "-s"]).arg(&script).arg(url);
    wrk.envs(environment.iter().copied());
    let out = answer(&mut wrk)?;
    if out.contains("Non-2xx") || out.contains("Socket errors") {
        bail!("{} against {url} is void:\n{out}", script.display());
    }
    let after = |label: &str| {
        let line = out.lines().map(str::trim).find(|line| line.starts_with(label));
        line.and_then(|line| line.split_whitespace().nth(1))
            .with_context(|| format!("no `{label}` in:\n{out}"))
    };
    let requests = out.split_once(" requests in ").and_then(|(before, _)| before.split_whitespace().last());
    Ok(Load {
        requests: requests.with_context(|| format!("no `requests in` in:\n{out}"))?.parse()?,
        rate: after("Requests/sec:")?.parse()?,
        p50_ms: ms(after("50%")?)?,
        p99_ms: ms(after("99%")?)?,
    })
}

fn ms(text: &str) -> Result<f64> {
    for (unit, factor) in [("us", 0.001), ("ms", 1.0), ("s", 1000.0)] {
        if let Some(Ok(number)) = text.strip_suffix(unit).map(str::parse::<f64>) {
            return Ok(number * factor);
        }
    }
    bail!("`{text}` is no time")
}

//! `applyd audit …` on the command line.

use clap::Subcommand;
use jiff::Timestamp;

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Print who asked, who approved what, what was sent and what came back
    Export {
        /// Name or id of an account; without it, of all
        #[arg(long)]
        account: Option<String>,
        /// From then on, such as 2026-11-01T00:00:00Z
        #[arg(long, value_name = "TIME", value_parser = time_ms)]
        since: Option<i64>,
        /// Before then; without it, up to now
        #[arg(long, value_name = "TIME", value_parser = time_ms)]
        until: Option<i64>,
    },
}

fn time_ms(text: &str) -> Result<i64, String> {
    let time: Result<Timestamp, _> = text.parse();
    let why = "must be a time with its zone, such as 2026-11-01T00:00:00Z";
    time.map(|time| time.as_millisecond()).map_err(|_| why.to_owned())
}

//! Logs: to stderr, text on a terminal, JSON lines elsewhere. `RUST_LOG` narrows or widens them.

use std::fmt;
use std::io::IsTerminal;

use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{Format, JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::request::Answering;

/// Starts logging for the whole process; a second start changes nothing.
pub fn start() {
    start_at("info");
}

/// The same for a program that talks to a person: warnings only.
pub fn start_quiet() {
    start_at("warn");
}

fn start_at(level: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Fails only when a subscriber is there already, which is then the one to keep.
    let _ = if std::io::stderr().is_terminal() {
        let lines = Format::default().with_target(false).compact();
        logs.event_format(WithRequest { lines, as_json: false }).try_init()
    } else {
        let lines = Format::default().json().flatten_event(true).with_current_span(false);
        logs.fmt_fields(JsonFields::new()).event_format(WithRequest { lines, as_json: true }).try_init()
    };
}

/// Adds the id of the request that a line is about.
struct WithRequest<F> {
    lines: F,
    as_json: bool,
}

impl<S, N, F> FormatEvent<S, N> for WithRequest<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Some(id) = Answering::with(Answering::id) else {
            return self.lines.format_event(context, writer, event);
        };
        if !self.as_json {
            write!(writer, "{id} ")?;
            return self.lines.format_event(context, writer, event);
        }
        let mut line = String::new();
        self.lines.format_event(context, Writer::new(&mut line), event)?;
        match line.strip_prefix('{') {
            Some(members) => write!(writer, "{{\"request_id\":\"{id}\",{members}"),
            None => writer.write_str(&line),
        }
    }
}

//! The layers: defaults compiled in, a file, the environment, flags.

use std::path::PathBuf;

use serde::de::DeserializeOwned;
use toml::{Table, Value};

const DEFAULTS: &str = include_str!("../../../../applyd.default.toml");
const FILE: &str = "applyd.toml";
const PREFIX: &str = "APPLYD_";

/// What stands above the file. Without `Debug`: the environment may hold a key.
#[derive(Clone, Default)]
pub struct Overrides {
    /// Flags, as key and value.
    pub flags: Vec<(&'static str, String)>,
    /// The file that was named; `None`: `applyd.toml` if present.
    pub file: Option<PathBuf>,
    /// The environment, as name and value.
    pub environment: Vec<(String, String)>,
}

/// A setting that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// The key, as in `applyd.default.toml`.
    pub key: String,
    /// What is allowed, or where to look.
    pub rule: String,
}

impl Invalid {
    pub(super) fn new(key: &str, rule: &str) -> Self {
        Self { key: key.to_owned(), rule: rule.to_owned() }
    }
}

impl std::fmt::Display for Invalid {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "setting `{}` {}", self.key, self.rule)
    }
}

impl std::error::Error for Invalid {}

impl Overrides {
    /// The process's own environment and these flags.
    #[must_use]
    pub fn of_process(flags: Vec<(&'static str, String)>, file: Option<PathBuf>) -> Self {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name.starts_with(PREFIX))
            .collect();
        Self { flags, file, environment }
    }
}

/// All layers as one value.
pub(super) fn merged<T: DeserializeOwned>(overrides: &Overrides) -> Result<T, Invalid> {
    let mut settings: Table = DEFAULTS
        .parse()
        .map_err(|error| Invalid::new("applyd.default.toml", &format!("is damaged: {error}")))?;
    if let Some(file) = file(overrides)? {
        lay_over(&mut settings, file, "")?;
    }
    for (key, variable) in keys(&settings, "") {
        let found = overrides.environment.iter().find(|(name, _)| *name == variable);
        if let Some((_, value)) = found {
            set(&mut settings, &key, value)?;
        }
    }
    for (key, value) in &overrides.flags {
        set(&mut settings, key, value)?;
    }
    serde_path_to_error::deserialize(Value::Table(settings)).map_err(|error| {
        let key = error.path().to_string();
        Invalid { key, rule: format!("is wrong: {}", error.into_inner().message()) }
    })
}

fn file(overrides: &Overrides) -> Result<Option<Table>, Invalid> {
    let path = overrides.file.clone().unwrap_or_else(|| FILE.into());
    let shown = path.display().to_string();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && overrides.file.is_none() => {
            return Ok(None);
        }
        Err(error) => return Err(Invalid::new("--config", &format!("cannot be read: {shown}: {error}"))),
    };
    text.parse().map(Some).map_err(|error| Invalid::new(&shown, &not_toml(&text, &error)))
}

/// The place and the rule, without the line itself: it may hold a key.
fn not_toml(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    format!("is not valid TOML in line {}: {}", before.matches('\n').count() + 1, error.message())
}

fn lay_over(below: &mut Table, above: Table, prefix: &str) -> Result<(), Invalid> {
    for (name, value) in above {
        let key = format!("{prefix}{name}");
        match (below.get_mut(&name), value) {
            (Some(Value::Table(below)), Value::Table(above)) => lay_over(below, above, &format!("{key}."))?,
            (Some(Value::Table(_)), _) => return Err(Invalid::new(&key, "is a section, not a value")),
            (Some(place), value) => *place = value,
            (None, _) => return Err(Invalid::new(&key, "is unknown; applyd.default.toml lists them all")),
        }
    }
    Ok(())
}

/// Every key with the name of its environment variable.
fn keys(table: &Table, prefix: &str) -> Vec<(String, String)> {
    table
        .iter()
        .flat_map(|(name, value)| {
            let key = format!("{prefix}{name}");
            match value {
                Value::Table(section) => keys(section, &format!("{key}.")),
                _ => vec![(key.clone(), format!("{PREFIX}{}", key.to_uppercase().replace('.', "__")))],
            }
        })
        .collect()
}

/// Sets one key from text, in the type that its default has.
fn set(settings: &mut Table, key: &str, text: &str) -> Result<(), Invalid> {
    let wrong = |rule: &str| Invalid::new(key, rule);
    let (section, name) = key.rsplit_once('.').map_or((None, key), |(section, name)| (Some(section), name));
    let table = match section {
        Some(section) => settings.get_mut(section).and_then(Value::as_table_mut),
        None => Some(settings),
    };
    let place = table.and_then(|table| table.get_mut(name)).ok_or_else(|| wrong("is unknown"))?;
    *place = match place {
        Value::Integer(_) => Value::Integer(text.parse().map_err(|_| wrong("must be a whole number"))?),
        Value::Boolean(_) => Value::Boolean(match text {
            "true" | "on" => true,
            "false" | "off" => false,
            _ => return Err(wrong("must be true or false")),
        }),
        Value::Array(_) => {
            let items = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|item| !item.is_empty());
            Value::Array(items.map(|item| Value::String(item.to_owned())).collect())
        }
        _ => Value::String(text.to_owned()),
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::super::Settings;
    use super::*;

    fn load(environment: &[(&str, &str)], flags: Vec<(&'static str, String)>) -> Result<Settings, Invalid> {
        let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Settings::load(&Overrides { flags, file: None, environment })
    }

    #[test]
    fn a_flag_goes_before_the_environment_and_that_before_the_default() {
        assert_eq!(load(&[], vec![]).unwrap().listen.unwrap().port(), 8080);
        let environment = [("APPLYD_LISTEN", "127.0.0.1:1"), ("APPLYD_TIMING__RETRY_BASE", "0s")];
        let settings = load(&environment, vec![]).unwrap();
        assert_eq!((settings.listen.unwrap().port(), settings.timing.retry_base_ms), (1, 0));
        let settings = load(&environment, vec![("listen", "127.0.0.1:2".into())]).unwrap();
        assert_eq!(settings.listen.unwrap().port(), 2);
    }

    #[test]
    fn a_list_is_separated_by_commas_or_spaces() {
        for text in ["127.0.0.1/32,fd00::/8", " 127.0.0.1/32  fd00::/8 ", "127.0.0.1/32, fd00::/8,"] {
            let webhooks = load(&[("APPLYD_WEBHOOKS__ALLOWED_NETWORKS", text)], vec![]).unwrap().webhooks;
            let shown: Vec<_> = webhooks.rules.allowed_networks.iter().map(ToString::to_string).collect();
            assert_eq!(shown, ["127.0.0.1/32", "fd00::/8"], "{text:?}");
        }
        assert!(load(&[], vec![]).unwrap().webhooks.rules.allowed_networks.is_empty());
    }

    #[test]
    fn a_wrong_setting_is_named() {
        for (name, value, key) in [
            ("APPLYD_TIMING__DEADLINE", "5", "timing.deadline"),
            ("APPLYD_TIMING__DEADLINE", "271s", "timing.deadline"),
            ("APPLYD_WORKERS", "many", "workers"),
            ("APPLYD_WORKERS", "1025", "workers"),
            ("APPLYD_STOP_DELAY", "21s", "stop_delay"),
            ("APPLYD_DATABASE", "postgres://x", "database"),
            ("APPLYD_SANDBOX__ENDPOINT", "nowhere", "sandbox.endpoint"),
            ("APPLYD_UPWORK__ENDPOINT", "http://mcp.upwork.com/mcp", "upwork.endpoint"),
            ("APPLYD_UPWORK__ENDPOINT", "https://ada:secret@mcp.upwork.com/mcp", "upwork.endpoint"),
            ("APPLYD_UPWORK__PACE", "off", "upwork.pace"),
            ("APPLYD_UPWORK__EGRESS", "the office", "upwork.egress"),
            ("APPLYD_WEBHOOKS__ALLOWED_NETWORKS", "10.0.0.0/8,10.0.0.1", "webhooks.allowed_networks"),
            ("APPLYD_WEBHOOKS__ALLOWED_NETWORKS", "10.1.0.0/8", "webhooks.allowed_networks"),
            ("APPLYD_WEBHOOKS__RETRIES", "0s,1000h", "webhooks.retries"),
            ("APPLYD_WEBHOOKS__RETRIES", "0s,5", "webhooks.retries[1]"),
            ("APPLYD_WEBHOOKS__DISABLE_AFTER", "0s", "webhooks.disable_after"),
            ("APPLYD_RETENTION__WORDS", "721h", "retention.words"),
            ("APPLYD_RETENTION__EVENTS", "719h", "retention.events"),
        ] {
            assert_eq!(load(&[(name, value)], vec![]).unwrap_err().key, key, "{name}={value}");
        }
    }

    #[test]
    fn a_file_may_not_name_what_does_not_exist() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "[timing]\ndeadlin = \"5s\"\n").unwrap();
        let overrides = Overrides { file: Some(file.path().to_owned()), ..Overrides::default() };
        assert_eq!(Settings::load(&overrides).unwrap_err().key, "timing.deadlin");
    }
}

//! `applyd feed …`.

use std::path::PathBuf;

use applyd_store::feed;
use serde_json::{Value, json};

use crate::cli::{FeedCommand, Global};
use crate::failure::Failure;
use crate::output;

const LONGEST_NAME_CHARS: usize = 100;
const LONGEST_TEXT_CHARS: usize = 4000;

pub(super) fn run(global: &Global, command: FeedCommand) -> Result<(), Failure> {
    match command {
        FeedCommand::Set { account, name, text, file } => set(global, account, name, read(text, file)?),
        FeedCommand::List { account } => list(global, account),
        FeedCommand::Delete { account, name } => delete(global, account, name),
    }
}

fn read(text: Option<String>, file: Option<PathBuf>) -> Result<String, Failure> {
    let Some(path) = file else { return Ok(text.unwrap_or_default()) };
    std::fs::read_to_string(&path)
        .map_err(|error| Failure::user(format!("cannot read {}: {error}", path.display())))
}

fn set(global: &Global, account: String, name: String, text: String) -> Result<(), Failure> {
    let chars = name.chars().count();
    if name.trim() != name || name.chars().any(char::is_control) || !(1..=LONGEST_NAME_CHARS).contains(&chars)
    {
        return Err(Failure::user(format!(
            "a feed's name must have 1 to {LONGEST_NAME_CHARS} characters, without blanks at its ends"
        )));
    }
    let chars = text.chars().count();
    if text.trim().is_empty() || text.contains('\0') || chars > LONGEST_TEXT_CHARS {
        return Err(Failure::user(format!(
            "a feed's text must have 1 to {LONGEST_TEXT_CHARS} characters and not be blank, it has {chars}"
        )));
    }
    let told = super::store(global, false)?.write_blocking(move |tx| {
        let account = super::account_of(tx, &account)?;
        if !feed::set(tx, &account.id, &name, &text)? {
            return Err(Failure::hinted(
                format!("the account has {} feeds already", feed::MOST_FEEDS),
                "`applyd feed delete ACCOUNT NAME` removes one",
            ));
        }
        Ok(json!({"accountId": account.id.as_str(), "name": name, "chars": chars}))
    })?;
    output::print(global.json, &told, |told| {
        format!("feed {} is set: {} characters", output::shown(&told["name"]), told["chars"])
    })
}

fn list(global: &Global, account: String) -> Result<(), Failure> {
    let feeds = super::store(global, false)?.read_blocking(move |tx| {
        let account = super::account_of(tx, &account)?;
        let feeds = feed::list(tx, &account.id)?;
        Ok::<Vec<Value>, Failure>(
            feeds
                .into_iter()
                .map(|feed| json!({"name": feed.name, "text": feed.text, "updatedAt": feed.updated_at}))
                .collect(),
        )
    })?;
    output::print(global.json, &json!({ "feeds": feeds }), |value| {
        let rows = value["feeds"].as_array().into_iter().flatten().map(|feed| {
            let text = output::shown(&feed["text"]);
            let first = text.trim().lines().next().unwrap_or_default();
            vec![output::shown(&feed["name"]), text.chars().count().to_string(), beginning(first)]
        });
        output::table(&["name", "characters", "begins"], rows)
    })
}

fn beginning(line: &str) -> String {
    const SHOWN_CHARS: usize = 60;
    if line.chars().count() <= SHOWN_CHARS {
        return line.to_owned();
    }
    line.chars().take(SHOWN_CHARS).chain(['…']).collect()
}

fn delete(global: &Global, account: String, name: String) -> Result<(), Failure> {
    let told = json!({"name": name, "deleted": true});
    super::store(global, false)?.write_blocking(move |tx| {
        let account = super::account_of(tx, &account)?;
        if feed::delete(tx, &account.id, &name)? {
            return Ok(());
        }
        Err(Failure::hinted(format!("there is no feed `{name}`"), "`applyd feed list ACCOUNT` shows them"))
    })?;
    output::print(global.json, &told, |told| format!("feed {} is deleted", output::shown(&told["name"])))
}

//! One file a command.

mod account;
mod approve;
mod audit;
mod backup;
mod budget;
mod credits;
mod dashboard;
mod demo;
mod feed;
mod freelancer;
mod key;
mod ledger;
mod limits;
mod migrate;
mod openapi;
mod pause;
mod person;
mod resolve;
mod restore;
mod sandbox;
mod serve;
mod upwork;
mod verify_only;
mod webhook;

use std::process::ExitCode;

use applyd_server::open_store;
use applyd_store::account::{Account, find};
use applyd_store::{Store, Tx};

use crate::cli::{Cli, Command, Global, SandboxCommand};
use crate::failure::Failure;

/// Runs a command; its exit code is 0 unless it says otherwise.
pub(crate) fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let global = &cli.global;
    match cli.command {
        Command::Serve { listen, workers } => {
            serve::serve(global.settings_with([("listen", listen.listen), ("workers", workers.flag())])?)?
        }
        Command::Worker(workers) => serve::work(global.settings_with([("workers", workers.flag())])?)?,
        Command::Demo { listen, once } => demo::demo(
            global.settings_with([("listen", listen.listen.clone())])?,
            listen.listen.is_some(),
            once,
        )?,
        Command::Account(command) => account::run(global, command)?,
        Command::Freelancer(command) => freelancer::run(global, command)?,
        Command::Upwork(command) => return upwork::run(global, command),
        Command::Key(command) => key::run(global, command)?,
        Command::Credits(command) => credits::run(global, &command)?,
        Command::Feed(command) => feed::run(global, command)?,
        Command::Limits(command) => limits::run(global, command)?,
        Command::Openapi => openapi::run()?,
        Command::Ledger(command) => return ledger::run(global, &command),
        Command::Sandbox { command: None, listen, hostile } => {
            sandbox::serve(global.settings()?, listen.listen, hostile)?
        }
        Command::Sandbox { command: Some(SandboxCommand::Submissions), .. } => sandbox::submissions(global)?,
        Command::Sandbox { command: Some(SandboxCommand::Jobs), .. } => sandbox::jobs(global)?,
        Command::Webhook(command) => webhook::run(global, command)?,
        Command::Approvals { account } => approve::list(global, account)?,
        Command::Approve(arguments) => approve::approve(global, arguments)?,
        Command::Decline { queue_id, reason, person } => approve::decline(global, queue_id, reason, person)?,
        Command::Person(command) => person::run(global, command)?,
        Command::Dashboard(command) => dashboard::run(global, command)?,
        Command::Resolve(arguments) => resolve::run(global, arguments)?,
        Command::Unresolved { account } => resolve::list(global, account)?,
        Command::Budget(command) => budget::run(global, command)?,
        Command::Pause { scope, reason } => pause::pause(global, scope, reason)?,
        Command::Resume { scope } => pause::resume(global, scope)?,
        Command::Audit(command) => audit::run(global, command)?,
        Command::Migrate(arguments) => migrate::run(global, arguments)?,
        Command::Backup(arguments) => return backup::run(global, &arguments),
        Command::Restore(arguments) => restore::run(global, &arguments)?,
        Command::VerifyOnly(command) => return verify_only::run(global, command),
    }
    Ok(ExitCode::SUCCESS)
}

/// The store, for a command beside a server that may be running. It must exist, but for the first account.
fn store(global: &Global, may_make: bool) -> Result<Store, Failure> {
    let database = global.settings()?.database;
    if let Some(file) = database.file().filter(|file| !may_make && !file.exists()) {
        return Err(Failure::hinted(
            format!("there is no database {}", file.display()),
            "make it with `applyd account create NAME --credits N`, or name another with --database",
        ));
    }
    Ok(open_store(&database)?)
}

/// The account of a name or id.
fn account_of(tx: &Tx<'_>, name: &str) -> Result<Account, Failure> {
    find(tx, name)?.ok_or_else(|| {
        Failure::hinted(format!("there is no account `{name}`"), "`applyd account list` shows them")
    })
}

/// For a secret.
fn random() -> Result<[u8; 32], Failure> {
    let mut random = [0; 32];
    getrandom::fill(&mut random)
        .map_err(|error| Failure::Ours(anyhow::anyhow!("no random bytes: {error}")))?;
    Ok(random)
}

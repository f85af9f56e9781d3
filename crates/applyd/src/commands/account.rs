//! `applyd account …`.

use applyd_core::approval::Policy;
use applyd_core::ids::AccountId;
use applyd_core::ledger::Kind;
use applyd_core::terms::Cents;
use applyd_store::account::{self, Channel};
use applyd_store::freelancer::{self, NewFreelancer, NewProfile};
use applyd_store::{Store, Tx, approval, audit, ledger};
use serde_json::{Value, json};

use super::key;
use crate::cli::{AccountCommand, Global, operator};
use crate::failure::Failure;
use crate::output;

const LONGEST_NAME_CHARS: usize = 100;

/// The sandbox's freelancers: sandbox-jobs.md §3.
const FREELANCERS: [NewFreelancer<'_>; 2] = [
    NewFreelancer {
        id: "fl_sandbox_1",
        name: "Ada Sandbox",
        profiles: &[
            NewProfile {
                id: "pf_sandbox_1",
                title: "Rust engineer",
                hourly_rate: Cents::new(6500),
                is_default: true,
            },
            NewProfile {
                id: "pf_sandbox_2",
                title: "Data engineer",
                hourly_rate: Cents::new(7000),
                is_default: false,
            },
        ],
    },
    NewFreelancer {
        id: "fl_sandbox_2",
        name: "Ben Sandbox",
        profiles: &[NewProfile {
            id: "pf_sandbox_3",
            title: "Technical writer",
            hourly_rate: Cents::new(4000),
            is_default: true,
        }],
    },
];

pub(super) fn run(global: &Global, command: AccountCommand) -> Result<(), Failure> {
    match command {
        AccountCommand::Create { name, credits, channel } => {
            let created = create(&super::store(global, true)?, &name, credits, channel)?;
            output::print(global.json, &created, |created| {
                format!(
                    "account  {}\nname     {}\ncredits  {}\nAPI key  {}  (shown only now)",
                    output::shown(&created["accountId"]),
                    output::shown(&created["name"]),
                    created["credits"],
                    output::shown(&created["apiKey"])
                )
            })
        }
        AccountCommand::List => list(global),
        AccountCommand::Approval { account, policy, approvers } => {
            set_approval(global, account, policy, approvers)
        }
    }
}

/// Makes an account with its first key; answers the contract's object.
pub(super) fn create(store: &Store, name: &str, credits: i64, channel: Channel) -> Result<Value, Failure> {
    let chars = name.chars().count();
    if name.trim() != name || name.chars().any(char::is_control) || !(1..=LONGEST_NAME_CHARS).contains(&chars)
    {
        return Err(Failure::user(format!(
            "an account's name must have 1 to {LONGEST_NAME_CHARS} characters, without blanks at its ends"
        )));
    }
    let name = name.to_owned();
    store.write_blocking(move |tx| created(tx, &name, credits, channel))
}

fn created(tx: &Tx<'_>, name: &str, credits: i64, channel: Channel) -> Result<Value, Failure> {
    let id = AccountId::new(tx.now(), fastrand::u128(..));
    if !account::create(tx, &id, name, channel)? {
        let hint =
            "`applyd key create` makes a new key for an account, `applyd credits grant` gives it credits";
        return Err(Failure::hinted(format!("there is an account `{name}` already"), hint));
    }
    if channel == Channel::Sandbox {
        freelancer::add(tx, &id, &FREELANCERS)?;
    }
    if credits > 0 {
        ledger::post(tx, &id, None, Kind::Grant, credits)?;
    }
    let facts = json!({"name": name, "channel": channel.as_str(), "credits": credits});
    audit::note(tx, "account_created", &operator(), Some(&id), &facts)?;
    let (_, api_key) = key::make(tx, &id, "default", 0)?;
    Ok(json!({
        "accountId": id.as_str(), "name": name, "channel": channel.as_str(), "apiKey": api_key, "credits": credits,
    }))
}

fn set_approval(
    global: &Global,
    name: String,
    policy: Option<Policy>,
    approvers: Option<i64>,
) -> Result<(), Failure> {
    let told = super::store(global, false)?.write_blocking(move |tx| {
        let account = super::account_of(tx, &name)?;
        if policy == Some(Policy::None) && account.channel != Channel::Sandbox {
            let message = format!("on the channel {} a person approves", account.channel.as_str());
            return Err(Failure::hinted(
                message,
                "`applyd key by-request` lets a key's calls count as decisions",
            ));
        }
        if account.channel == Channel::Desk {
            return Err(Failure::user("at the desk whoever submits approves by that"));
        }
        let policy = policy.or(account.approval);
        let approvers = approvers.unwrap_or(account.approvers);
        account::set_approval(tx, &account.id, policy, approvers)?;
        let policy = approval::policy_of(account.channel, policy, false);
        let facts = json!({"policy": policy.as_str(), "approvers": approvers});
        audit::note(tx, "approval_set", &operator(), Some(&account.id), &facts)?;
        Ok(json!({"accountId": account.id.as_str(), "policy": policy.as_str(), "approvers": approvers}))
    })?;
    output::print(global.json, &told, |told| {
        format!("policy     {}\napprovers  {}", output::shown(&told["policy"]), told["approvers"])
    })
}

fn list(global: &Global) -> Result<(), Failure> {
    let accounts = super::store(global, false)?.read_blocking(account::list)?;
    let accounts: Vec<Value> = accounts
        .iter()
        .map(|account| {
            json!({"accountId": account.id.as_str(), "name": account.name, "channel": account.channel.as_str(),
                   "credits": account.balance})
        })
        .collect();
    output::print(global.json, &json!({ "accounts": accounts }), |value| {
        let rows = value["accounts"].as_array().into_iter().flatten().map(|account| {
            let credits = &account["credits"];
            [&account["accountId"], &account["name"], &account["channel"]]
                .into_iter()
                .chain([&credits["available"], &credits["held"], &credits["spent"]])
                .map(output::shown)
                .collect()
        });
        output::table(&["account", "name", "channel", "available", "held", "spent"], rows)
    })
}

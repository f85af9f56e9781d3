//! The program as its users meet it: processes, HTTP, files, signals.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

mod admission;
mod aliases;
mod approval_edits;
mod approvals;
mod audit;
mod backup;
mod cancel;
mod channels;
mod cli;
mod clients;
mod cluster;
#[cfg(feature = "failpoints")]
mod controls;
#[cfg(feature = "failpoints")]
mod crash;
mod dashboard;
mod database;
mod deploy;
mod desk;
mod doctor;
mod drift;
mod erased;
mod events;
mod failover;
mod feeds;
mod fleet;
mod freelancers;
mod freeze;
#[path = "../../../store/tests/it/fresh.rs"]
mod fresh;
mod haproxy;
mod harness;
mod history;
mod hostile;
mod hostile_run;
mod idempotency;
mod idle;
mod jobs;
mod letters;
mod letters_generated;
mod limits;
mod link;
mod modes;
mod moved;
mod network;
mod nodes;
mod nodes_limits;
mod nodes_told;
mod openapi;
mod operation;
mod operator;
mod paced;
mod parallel;
mod pause;
mod poll;
mod poller;
mod pooled;
mod preflight;
mod reads;
mod receiver;
mod refused;
#[cfg(feature = "failpoints")]
mod relink;
mod requests;
mod schema;
mod slow;
mod smoke;
mod stop;
mod submissions;
mod tenancy;
mod terms;
mod timing;
mod tls;
mod upgrade;
mod verify_only;
mod wait;
#[cfg(feature = "failpoints")]
mod webhook_crash;
mod webhooks;

//! What a PostgreSQL server has counted.

use anyhow::{Context, Result};

use crate::postgres::Postgres;
use crate::run::answer;

/// Of a wait that is asked for here.
const MOST_WAIT: &str = "120s";
/// Not the one that is measured: what is asked here is not to be counted.
const BESIDE: &str = "postgres";

/// One number from a database.
pub(super) fn asked(postgres: &Postgres, database: &str, sql: &str) -> Result<f64> {
    let said = answer(postgres.client("psql").args(["-tAc", sql, database]))?;
    said.trim().parse().with_context(|| format!("`{sql}` answered {said}"))
}

/// Waits in one session until a condition holds in a database.
pub(super) fn wait(postgres: &Postgres, database: &str, until: &str) -> Result<()> {
    let looks =
        format!("DO $$ BEGIN WHILE NOT ({until}) LOOP COMMIT; PERFORM pg_sleep(0.5); END LOOP; END $$");
    let mut psql = postgres.client("psql");
    psql.args(["-v", "ON_ERROR_STOP=1", "-qc", &looks, database]);
    answer(psql.env("PGOPTIONS", format!("-c statement_timeout={MOST_WAIT}"))).map(drop)
}

/// A counter of `pg_stat_database`, with all in it that was done before now. A session adds what it did when it falls
/// idle, but only if it last did so more than a second before; else when it has been idle for ten (PostgreSQL 15).
pub(super) fn counted(postgres: &Postgres, database: &str, counter: &str) -> Result<f64> {
    let now = asked(postgres, BESIDE, "SELECT extract(epoch FROM clock_timestamp())")?;
    let told = format!(
        "NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = '{database}' AND backend_type = 'client backend'
           AND backend_start <= to_timestamp({now}) AND NOT (state = 'idle'
             AND (state_change > to_timestamp({now}) + interval '1.1 s'
               OR state_change < clock_timestamp() - interval '10.5 s')))"
    );
    wait(postgres, BESIDE, &told)?;
    let counter = format!("SELECT {counter} FROM pg_stat_database WHERE datname = '{database}'");
    asked(postgres, BESIDE, &counter)
}

//! Freelancers of an account and their profiles.

use applyd_core::ids::AccountId;
use applyd_core::terms::Cents;
use applyd_wire::{Freelancer, Profile};

use crate::account::Channel;
use crate::grant::Grantee;
use crate::tx::{Row, values};
use crate::{Error, Tx};

/// Longest list of profiles.
const MOST_PROFILES: i64 = 1000;

/// A freelancer to add, with profiles in order.
#[derive(Debug, Clone, Copy)]
pub struct NewFreelancer<'a> {
    /// Opaque id, unique in the account.
    pub id: &'a str,
    /// Shown name.
    pub name: &'a str,
    /// At least one.
    pub profiles: &'a [NewProfile<'a>],
}

/// A profile to add.
#[derive(Debug, Clone, Copy)]
pub struct NewProfile<'a> {
    /// Opaque id, unique in the account.
    pub id: &'a str,
    /// What it offers.
    pub title: &'a str,
    /// Its usual rate.
    pub hourly_rate: Cents,
    /// Exactly one a freelancer.
    pub is_default: bool,
}

/// Adds freelancers in their order, behind those that are there; the first one's default profile is the account's.
///
/// # Errors
/// The store's.
pub fn add(tx: &Tx<'_>, account: &AccountId, freelancers: &[NewFreelancer<'_>]) -> Result<(), Error> {
    let first = tx.one(
        "SELECT coalesce(max(position), -1) + 1 FROM freelancer WHERE account_id = ?1",
        values![account.as_str()],
        |row| row.int(0),
    )?;
    for (position, freelancer) in (first.unwrap_or(0)..).zip(freelancers) {
        tx.execute(
            "INSERT INTO freelancer (account_id, id, name, position) VALUES (?1, ?2, ?3, ?4)",
            values![account.as_str(), freelancer.id, freelancer.name, position],
        )?;
        for profile in freelancer.profiles {
            add_profile(tx, account, freelancer.id, *profile)?;
        }
    }
    Ok(())
}

/// Adds a profile to a freelancer, behind those that are there.
///
/// # Errors
/// The store's.
pub fn add_profile(
    tx: &Tx<'_>,
    account: &AccountId,
    freelancer: &str,
    profile: NewProfile<'_>,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO profile (account_id, id, freelancer_id, title, hourly_rate_cents, is_default, position)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, coalesce(max(position), -1) + 1 FROM profile
         WHERE account_id = ?1 AND freelancer_id = ?3",
        values![
            account.as_str(),
            profile.id,
            freelancer,
            profile.title,
            profile.hourly_rate.get(),
            profile.is_default
        ],
    )?;
    Ok(())
}

/// Removes a profile; where it was the default, the next one becomes it. The freelancer goes with the last.
///
/// # Errors
/// The store's.
pub fn remove_profile(
    tx: &Tx<'_>,
    account: &AccountId,
    freelancer: &str,
    profile: &str,
) -> Result<(), Error> {
    let of_freelancer = values![account.as_str(), freelancer];
    tx.execute(
        "DELETE FROM profile WHERE account_id = ?1 AND freelancer_id = ?2 AND id = ?3",
        values![account.as_str(), freelancer, profile],
    )?;
    tx.execute(
        "UPDATE profile SET is_default = 1 WHERE account_id = ?1 AND id =
           (SELECT id FROM profile WHERE account_id = ?1 AND freelancer_id = ?2 ORDER BY position LIMIT 1)
         AND NOT EXISTS (SELECT 1 FROM profile WHERE account_id = ?1 AND freelancer_id = ?2 AND is_default = 1)",
        of_freelancer,
    )?;
    tx.execute(
        "DELETE FROM freelancer WHERE account_id = ?1 AND id = ?2 AND NOT EXISTS
           (SELECT 1 FROM profile WHERE account_id = ?1 AND freelancer_id = ?2)",
        of_freelancer,
    )?;
    Ok(())
}

/// A profile that applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// Its id.
    pub id: String,
    /// Whose it is.
    freelancer: String,
    /// Its usual rate.
    pub rate: Cents,
}

impl Chosen {
    /// Whose grant an application with it goes by. The sandbox knows no persons.
    #[must_use]
    pub fn grantee(&self, channel: Channel, account: &AccountId) -> Grantee {
        let freelancer = (channel != Channel::Sandbox).then(|| self.freelancer.clone());
        Grantee { account: account.clone(), freelancer }
    }
}

/// A profile of an account, or its default profile; `None`: it has no such one.
///
/// # Errors
/// The store's.
pub fn profile(tx: &Tx<'_>, account: &AccountId, named: Option<&str>) -> Result<Option<Chosen>, Error> {
    let read = |row: &Row<'_>| {
        Ok(Chosen { id: row.text(0)?, rate: Cents::new(row.int(1)?), freelancer: row.text(2)? })
    };
    match named {
        Some(named) => tx.one(
            "SELECT id, hourly_rate_cents, freelancer_id FROM profile WHERE account_id = ?1 AND id = ?2",
            values![account.as_str(), named],
            read,
        ),
        None => tx.one(
            "SELECT p.id, p.hourly_rate_cents, f.id FROM profile p
             JOIN freelancer f ON f.account_id = p.account_id AND f.id = p.freelancer_id
             WHERE p.account_id = ?1 AND p.is_default = 1 ORDER BY f.position LIMIT 1",
            values![account.as_str()],
            read,
        ),
    }
}

/// All freelancers of an account in their order, as the API shows them.
///
/// # Errors
/// The store's.
pub fn list(tx: &Tx<'_>, account: &AccountId) -> Result<Vec<Freelancer>, Error> {
    let rows = tx.all(
        "SELECT f.id, f.name, p.id, p.title, p.hourly_rate_cents, p.is_default FROM freelancer f
         JOIN profile p ON p.account_id = f.account_id AND p.freelancer_id = f.id
         WHERE f.account_id = ?1 ORDER BY f.position, p.position LIMIT ?2",
        values![account.as_str(), MOST_PROFILES],
        |row| {
            let profile = Profile {
                profile_id: row.text(2)?,
                title: row.text(3)?,
                hourly_rate: Cents::new(row.int(4)?).to_number(),
                is_default: row.flag(5)?,
            };
            Ok((row.text(0)?, row.text(1)?, profile))
        },
    )?;
    let mut freelancers: Vec<Freelancer> = Vec::new();
    for (id, name, profile) in rows {
        match freelancers.last_mut().filter(|last| last.id == id) {
            Some(last) => last.profiles.push(profile),
            None => freelancers.push(Freelancer { id, name, profiles: vec![profile] }),
        }
    }
    Ok(freelancers)
}

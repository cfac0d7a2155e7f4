//! Addresses of clients, where the rulebook keeps them: one for a client, beside the records, which have its key.
//!
//! A client is one IPv4 address, so that this is the address of all its records; of a /64 of IPv6 it is the one that was used
//! last. Addresses go when their client was not seen for `address_hours`, when the rulebook keeps others, or when somebody
//! erases one.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{FireLog, FireLogError};
use blobwatch_pull::ClientKey;
use blobwatch_records::ClientAddress;
use blobwatch_rulebook::{KeepAddresses, Settings};
use blobwatch_sql::{Row, Sql, SqlValue, number};

pub(super) const TABLES: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS address (client TEXT PRIMARY KEY, address TEXT NOT NULL, seen_ms INTEGER NOT NULL) \
     WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS address_seen ON address (seen_ms)",
];

/// Clients with an address: 100 bytes each with the index, 10 MB.
pub(super) const MAX_ADDRESSES: u64 = 100_000;

/// When a client was seen is noted so often: the platform bills each row that is written.
const NOTED_EVERY_MS: u64 = 3_600_000;

/// Rows forgotten by one alarm.
const MAX_FORGOTTEN: u64 = 10_000;

pub(super) const OLDEST: &str = "SELECT client FROM address ORDER BY seen_ms LIMIT 1";
pub(super) const UNSEEN: &str =
    "DELETE FROM address WHERE client IN (SELECT client FROM address WHERE seen_ms < ? LIMIT ?)";
pub(super) const FOLLOWING: &str =
    "SELECT client, address, seen_ms FROM address WHERE client > ? ORDER BY client LIMIT ?";
pub(super) const ONE: &str = "SELECT client, address, seen_ms FROM address WHERE client = ?";

/// What is kept of one client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptAddress {
    pub client: String,
    pub address: String,
    pub seen_ms: u64,
}

pub(super) fn count(sql: &impl Sql) -> Result<u64, FireLogError> {
    let rows = sql.run("SELECT count(*) FROM address", &[])?;
    rows.first()
        .map_or(Ok(0), |row| Ok(row.integer(0, "address.count")?))
}

impl<S: Sql> FireLog<S> {
    /// Keeps what a batch says, as far as the rulebook wants it, and answers how many clients are known then and how many made
    /// room for others.
    pub(super) fn keep_addresses(
        &self,
        said: &[ClientAddress],
        now_ms: u64,
    ) -> Result<(u64, u32), FireLogError> {
        let (mut known, mut evicted) = (self.addresses, 0);
        let keep = if said.is_empty() {
            KeepAddresses::None
        } else {
            self.settings().keep_addresses
        };
        for said in said {
            let Some(address) = keep.kept(said.address) else {
                continue;
            };
            if !keep_one(&self.sql, said.client, address, now_ms)? {
                continue;
            }
            if known < MAX_ADDRESSES {
                known += 1;
                continue;
            }
            forget_oldest(&self.sql)?;
            evicted += 1;
        }
        Ok((known, evicted))
    }

    /// After the settings: what was kept under others is no longer wanted, and clients that pull are soon known again.
    pub(super) fn forget_addresses_of(
        &self,
        before: &Settings,
        now: &Settings,
    ) -> Result<bool, FireLogError> {
        let has_changed = before.keep_addresses != now.keep_addresses;
        if has_changed {
            self.sql.run("DELETE FROM address", &[])?;
        }
        Ok(has_changed)
    }

    /// Forgets whom nobody saw for long.
    pub(super) fn forget_unseen(&mut self, now_ms: u64) -> Result<(), FireLogError> {
        if self.addresses == 0 {
            return Ok(());
        }
        let hours = u64::from(self.settings().address_hours);
        // The time that is noted may be so old already.
        let horizon_ms = now_ms.saturating_sub(hours * 3_600_000);
        self.sql
            .run(UNSEEN, &[number(horizon_ms), number(MAX_FORGOTTEN)])?;
        self.addresses = count(&self.sql)?;
        Ok(())
    }

    /// Erases what is kept of a client; whether there was anything.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn erase_address(&mut self, client: ClientKey) -> Result<bool, FireLogError> {
        let key = SqlValue::Text(client.to_string());
        let erased = self
            .sql
            .run("DELETE FROM address WHERE client = ? RETURNING client", &[key])?;
        self.addresses = self.addresses.saturating_sub(erased.len() as u64);
        Ok(!erased.is_empty())
    }
}

/// Whether the client was not known before.
fn keep_one(sql: &impl Sql, client: ClientKey, address: IpAddr, now_ms: u64) -> Result<bool, FireLogError> {
    let (key, address) = (client.to_string(), address.to_string());
    let new = sql.run(
        "INSERT INTO address (client, address, seen_ms) VALUES (?, ?, ?) ON CONFLICT (client) DO NOTHING RETURNING client",
        &[
            SqlValue::Text(key.clone()),
            SqlValue::Text(address.clone()),
            number(now_ms),
        ],
    )?;
    if !new.is_empty() {
        return Ok(true);
    }
    sql.run(
        "UPDATE address SET address = ?1, seen_ms = ?2 WHERE client = ?3 AND (address != ?1 OR seen_ms < ?4)",
        &[
            SqlValue::Text(address),
            number(now_ms),
            SqlValue::Text(key),
            number(now_ms.saturating_sub(NOTED_EVERY_MS)),
        ],
    )?;
    Ok(false)
}

fn forget_oldest(sql: &impl Sql) -> Result<(), FireLogError> {
    if let Some(row) = sql.run(OLDEST, &[])?.first() {
        let client = SqlValue::Text(row.text(0, "address.client")?.to_owned());
        sql.run("DELETE FROM address WHERE client = ?", &[client])?;
    }
    Ok(())
}

/// Clients in the order of their keys, from behind one of them on.
///
/// # Errors
/// When SQLite refuses.
pub fn addresses(sql: &impl Sql, after: &str, limit: usize) -> Result<Vec<KeptAddress>, FireLogError> {
    let rows = sql.run(
        FOLLOWING,
        &[SqlValue::Text(after.to_owned()), number(limit as u64)],
    )?;
    rows.iter().map(kept).collect()
}

/// What is kept of a client.
///
/// # Errors
/// When SQLite refuses.
pub fn address_of(sql: &impl Sql, client: ClientKey) -> Result<Option<KeptAddress>, FireLogError> {
    let rows = sql.run(ONE, &[SqlValue::Text(client.to_string())])?;
    rows.first().map(kept).transpose()
}

fn kept(row: &Row) -> Result<KeptAddress, FireLogError> {
    Ok(KeptAddress {
        client: row.text(0, "address.client")?.to_owned(),
        address: row.text(1, "address.address")?.to_owned(),
        seen_ms: row.integer(2, "address.seen_ms")?,
    })
}

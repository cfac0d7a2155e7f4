//! How an older database becomes a current one.
//!
//! `PRAGMA user_version` is refused on the platform, so the version is a row of the table `meta`, which the first step
//! makes. Each object has its own steps; one that was released is never changed: the next change is another step.

use super::{Row, Sql, SqlError, SqlValue, StoreError, number};

/// The table of the version, for objects that keep more in it than numbers.
pub const META: &str = "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID";

/// Runs one statement: as much of [`Sql`] as a step needs.
pub type Run<'a> = &'a dyn Fn(&str, &[SqlValue]) -> Result<Vec<Row>, SqlError>;

/// What brings a database from one version to the next.
#[derive(Debug, Clone, Copy)]
pub enum Step {
    Statements(&'static [&'static str]),
    /// For rows that SQL alone cannot write anew.
    Rewrite(fn(Run<'_>) -> Result<(), StoreError>),
}

/// Runs the steps that this database has not seen, all of them or none. The number of a step is its place in `steps`, from
/// 1; a database without a version has seen none.
///
/// # Errors
/// When the database was written by a build with more steps, or a step fails.
pub fn migrate(sql: &impl Sql, steps: &[Step]) -> Result<(), StoreError> {
    let (found, known) = (version(sql)?, steps.len() as u64);
    if found > known {
        return Err(StoreError::NewerSchema { found, known });
    }
    if found == known {
        return Ok(());
    }
    sql.transaction(|| {
        let run = |statement: &str, parameters: &[SqlValue]| sql.run(statement, parameters);
        for (_, step) in (0..).zip(steps).filter(|(before, _)| *before >= found) {
            step.run(&run)?;
        }
        sql.run(
            "INSERT OR REPLACE INTO meta (key, value) VALUES ('schema', ?)",
            &[number(known)],
        )?;
        Ok(())
    })
}

impl Step {
    fn run(&self, run: Run<'_>) -> Result<(), StoreError> {
        match self {
            Self::Statements(statements) => {
                for statement in *statements {
                    run(statement, &[])?;
                }
                Ok(())
            }
            Self::Rewrite(rewrite) => rewrite(run),
        }
    }
}

/// 0 where none was kept.
fn version(sql: &impl Sql) -> Result<u64, StoreError> {
    let table = sql.run(
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'meta'",
        &[],
    )?;
    if table.is_empty() {
        return Ok(0);
    }
    let rows = sql.run("SELECT value FROM meta WHERE key = 'schema'", &[])?;
    rows.first()
        .map_or(Ok(0), |row| row.integer(0, "meta.value of schema"))
}

#[cfg(test)]
mod tests;

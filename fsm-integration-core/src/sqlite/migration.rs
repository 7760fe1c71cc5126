use super::Tx;
use crate::error::{Error, ErrorKind, Result};

/// One step of the schema; never changed once released.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// A unique name that says the order, as in `0001_event_log`.
    pub name: &'static str,
    /// The statements.
    pub sql: &'static str,
}

pub(super) fn apply(tx: &Tx<'_>, migrations: &[Migration]) -> Result<()> {
    tx.execute_batch("CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, sql TEXT NOT NULL) STRICT")?;
    for migration in migrations {
        let known = tx
            .prepare_cached("SELECT sql FROM migrations WHERE name = ?1")?
            .query_row([migration.name], |row| row.get::<_, String>(0));
        match known {
            Ok(sql) if sql == migration.sql => {}
            Ok(_) => return Err(changed(migration)),
            Err(rusqlite::Error::QueryReturnedNoRows) => {
                tx.execute_batch(migration.sql)?;
                tx.execute("INSERT INTO migrations VALUES (?1, ?2)", [migration.name, migration.sql])?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn changed(migration: &Migration) -> Error {
    let name = migration.name;
    Error::new(
        ErrorKind::Internal,
        format!("migration {name} was applied with other statements; add a new one instead"),
    )
}

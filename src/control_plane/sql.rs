//! The core's door to SQLite, on a Durable Object's storage.

use blobwatch_sql::{Row, Sql, SqlError, SqlValue};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};
use worker::{SqlStorage, SqlStorageValue, Storage};

#[wasm_bindgen]
extern "C" {
    /// `ctx.storage`, for the one method that `worker` does not bind.
    type TransactionalStorage;
    #[wasm_bindgen(method, catch, js_name = transactionSync)]
    fn transaction_sync(
        this: &TransactionalStorage,
        body: &mut dyn FnMut() -> Result<(), JsValue>,
    ) -> Result<(), JsValue>;
}

/// A Durable Object's SQLite.
pub(super) struct ObjectSql {
    storage: Storage,
    sql: SqlStorage,
}

impl ObjectSql {
    pub(super) fn new(storage: Storage) -> Self {
        let sql = storage.sql();
        Self { storage, sql }
    }
}

impl Sql for ObjectSql {
    fn run(&self, statement: &str, parameters: &[SqlValue]) -> Result<Vec<Row>, SqlError> {
        let bindings = parameters.iter().map(to_platform).collect::<Vec<_>>();
        let cursor = self.sql.exec(statement, bindings).map_err(refused)?;
        cursor
            .raw()
            .map(|row| row.map_err(refused)?.into_iter().map(from_platform).collect())
            .collect()
    }

    fn transaction<T, E: From<SqlError>>(&self, body: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let storage = self.storage.as_raw().unchecked_ref::<TransactionalStorage>();
        let mut body = Some(body);
        let mut outcome = None;
        // Throwing is how the platform is told to take everything back; the reason stays on this side.
        let ended = storage.transaction_sync(&mut || {
            let Some(body) = body.take() else {
                return Err(JsValue::NULL);
            };
            let result = body();
            let failed = result.is_err();
            outcome = Some(result);
            if failed { Err(JsValue::NULL) } else { Ok(()) }
        });
        match (outcome, ended) {
            (Some(Ok(_)), Err(error)) => Err(E::from(SqlError(format!("{error:?}")))),
            (Some(result), _) => result,
            (None, ended) => Err(E::from(SqlError(format!(
                "the transaction did not run: {ended:?}"
            )))),
        }
    }

    fn size_bytes(&self) -> u64 {
        self.sql.database_size() as u64
    }
}

fn refused(error: worker::Error) -> SqlError {
    SqlError(error.to_string())
}

fn to_platform(value: &SqlValue) -> SqlStorageValue {
    match value {
        SqlValue::Null => SqlStorageValue::Null,
        SqlValue::Integer(number) => SqlStorageValue::Integer(*number),
        SqlValue::Real(number) => SqlStorageValue::Float(*number),
        SqlValue::Text(text) => SqlStorageValue::String(text.clone()),
        SqlValue::Blob(bytes) => SqlStorageValue::Blob(bytes.clone()),
    }
}

fn from_platform(value: SqlStorageValue) -> Result<SqlValue, SqlError> {
    Ok(match value {
        SqlStorageValue::Null => SqlValue::Null,
        SqlStorageValue::Boolean(truth) => SqlValue::Integer(i64::from(truth)),
        SqlStorageValue::Integer(number) => SqlValue::Integer(number),
        SqlStorageValue::Float(number) => SqlValue::Real(number),
        SqlStorageValue::String(text) => SqlValue::Text(text),
        SqlStorageValue::Blob(bytes) => SqlValue::Blob(bytes),
    })
}

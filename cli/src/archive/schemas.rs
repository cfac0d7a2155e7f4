//! The columns of the files. A released column keeps its name, type and nullability; new ones may be absent.

use std::sync::Arc;

use parquet::schema::parser::parse_message_type;
use parquet::schema::types::TypePtr;

const RECORD: &str = include_str!("schemas/record.txt");
const ANOMALY: &str = include_str!("schemas/anomaly.txt");
const AUDIT: &str = include_str!("schemas/audit.txt");

pub(super) struct Schemas {
    pub(super) record: TypePtr,
    pub(super) anomaly: TypePtr,
    pub(super) audit: TypePtr,
}

impl Schemas {
    pub(super) fn new() -> Self {
        Self {
            record: read(RECORD),
            anomaly: read(ANOMALY),
            audit: read(AUDIT),
        }
    }
}

#[expect(clippy::expect_used, reason = "texts of this build, which tests read")]
fn read(text: &str) -> TypePtr {
    Arc::new(parse_message_type(text).expect("a schema"))
}

#[cfg(test)]
mod tests {
    use parquet::schema::types::{SchemaDescriptor, TypePtr};
    use serde_json::Value;

    use super::{Schemas, read};
    use crate::archive::table::Table;

    /// Files of this release are in people's archives, beside those that are written from now on.
    #[track_caller]
    fn keeps(released: &str, now: &TypePtr) {
        let columns = |schema: &TypePtr| SchemaDescriptor::new(schema.clone()).columns().to_vec();
        let (released, now) = (columns(&read(released)), columns(now));
        for (before, after) in released.iter().zip(&now) {
            assert_eq!(before, after);
        }
        assert!(released.len() <= now.len());
        assert!(
            now[released.len()..]
                .iter()
                .all(|added| added.max_def_level() == 1 && added.max_rep_level() == 0),
            "files without an added column are read as if it were null"
        );
    }

    #[test]
    fn released_columns_stay_as_they_are() {
        let now = Schemas::new();
        keeps(
            include_str!("../../tests/data/archive/record-v1.txt"),
            &now.record,
        );
        keeps(
            include_str!("../../tests/data/archive/anomaly-v1.txt"),
            &now.anomaly,
        );
        keeps(include_str!("../../tests/data/archive/audit-v1.txt"), &now.audit);
    }

    /// Names that lead to values, as `range.kind`.
    fn leaves(value: &Value, within: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    leaves(value, &format!("{within}.{name}"), found);
                }
            }
            Value::Array(elements) => leaves(&elements[0], &format!("{within}.list.element"), found),
            _ => found.push(within.trim_start_matches('.').to_owned()),
        }
    }

    #[test]
    fn whatever_a_record_has_is_a_column() {
        let record = include_str!("../../../crates/pull/tests/data/record.json");
        let record: Value = serde_json::from_str(record).unwrap();
        let mut names = Vec::new();
        leaves(&record, "", &mut names);
        let columns = SchemaDescriptor::new(Schemas::new().record);
        let mut known: Vec<String> = columns
            .columns()
            .iter()
            .map(|column| column.path().string())
            .collect();
        names.sort();
        known.sort();
        assert_eq!(known, names);
    }

    #[test]
    fn a_record_with_nothing_is_a_row_and_one_of_another_type_is_none() {
        let sparse = include_str!("../../../crates/pull/tests/data/record_sparse.json");
        let mut sparse: Value = serde_json::from_str(sparse).unwrap();
        let schemas = Schemas::new();
        let mut table = Table::new(&schemas.record);
        assert_eq!(table.push(&sparse), Ok(()));
        table.finish().unwrap();
        let mut refused = |name: &str, value: Value, expected: &str| {
            let before = std::mem::replace(&mut sparse[name], value);
            let found = Table::new(&schemas.record).push(&sparse);
            assert_eq!(found, Err(format!("{name}: expected {expected}")));
            sparse[name] = before;
        };
        refused("time", "yesterday".into(), "a time in RFC 3339");
        refused("client", Value::Null, "a text");
        refused("fired", Value::Null, "a list");
        refused("weight", 1.5.into(), "a whole number");
        refused("degraded", 0.into(), "true or false");
    }

    /// Columns are found by their levels, which know one list, of elements that are required, and no group that may be absent.
    #[test]
    fn levels_are_those_that_columns_are_written_with() {
        let Schemas {
            record,
            anomaly,
            audit,
        } = Schemas::new();
        for schema in [record, anomaly, audit] {
            for column in SchemaDescriptor::new(schema).columns() {
                let levels = (column.max_def_level(), column.max_rep_level());
                assert!(matches!(levels, (0, 0) | (1, 0) | (1, 1)), "{column:?}");
            }
        }
    }
}

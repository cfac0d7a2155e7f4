//! One column of a Parquet file, as the schema describes it, filled from JSON.

use blobwatch_wire::parse_rfc3339;
use parquet::basic::{ConvertedType, Type};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
use parquet::errors::Result;
use parquet::file::writer::SerializedColumnWriter;
use parquet::schema::types::ColumnDescPtr;
use serde_json::Value;

pub(super) struct Column {
    /// Names that lead to its values; of a list, those within an element.
    path: Vec<String>,
    /// Name of the list that its values are in.
    list: Option<String>,
    is_required: bool,
    is_time: bool,
    values: Values,
    /// Whether there is a value, and whether it is of the same row as the one before.
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
}

enum Values {
    Bool(Vec<bool>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Double(Vec<f64>),
    Text(Vec<ByteArray>),
}

impl Column {
    pub(super) fn new(of: &ColumnDescPtr) -> Self {
        let mut path = of.path().parts().to_vec();
        let is_in_list = of.max_rep_level() > 0;
        // A list is written as `name.list.element`.
        let list = is_in_list.then(|| path.drain(..3).next()).flatten();
        Self {
            path,
            list,
            is_required: of.max_def_level() == 0,
            is_time: of.converted_type() == ConvertedType::TIMESTAMP_MILLIS,
            values: match of.physical_type() {
                Type::BOOLEAN => Values::Bool(Vec::new()),
                Type::INT32 => Values::Int32(Vec::new()),
                Type::INT64 => Values::Int64(Vec::new()),
                Type::DOUBLE => Values::Double(Vec::new()),
                _ => Values::Text(Vec::new()),
            },
            definitions: Vec::new(),
            repetitions: Vec::new(),
        }
    }

    /// # Errors
    /// When a value is missing or of another type: the place, and what was expected there.
    pub(super) fn push(&mut self, row: &Value) -> std::result::Result<(), String> {
        let Some(list) = &self.list else {
            return self.push_single(row);
        };
        let elements = row.get(list).and_then(Value::as_array);
        let elements = elements.ok_or_else(|| format!("{list}: expected a list"))?;
        if elements.is_empty() {
            self.definitions.push(0);
            self.repetitions.push(0);
        }
        for (place, element) in elements.iter().enumerate() {
            self.put(at(element, &self.path))?;
            self.definitions.push(1);
            self.repetitions.push(i16::from(place > 0));
        }
        Ok(())
    }

    fn push_single(&mut self, row: &Value) -> std::result::Result<(), String> {
        let value = at(row, &self.path);
        if self.is_required {
            return self.put(value);
        }
        if !value.is_null() {
            self.put(value)?;
        }
        self.definitions.push(i16::from(!value.is_null()));
        Ok(())
    }

    fn put(&mut self, value: &Value) -> std::result::Result<(), String> {
        let put = match &mut self.values {
            Values::Bool(values) => value.as_bool().map(|value| values.push(value)),
            Values::Int32(values) => integer(value)
                .and_then(|value| value.try_into().ok())
                .map(|value| values.push(value)),
            Values::Int64(values) if self.is_time => time(value).map(|value| values.push(value)),
            Values::Int64(values) => integer(value).map(|value| values.push(value)),
            Values::Double(values) => value.as_f64().map(|value| values.push(value)),
            Values::Text(values) => text(value).map(|value| values.push(value)),
        };
        put.ok_or_else(|| format!("{}: expected {}", self.path.join("."), self.expected()))
    }

    fn expected(&self) -> &'static str {
        match &self.values {
            Values::Bool(_) => "true or false",
            Values::Int64(_) if self.is_time => "a time in RFC 3339",
            Values::Int32(_) | Values::Int64(_) => "a whole number",
            Values::Double(_) => "a number",
            Values::Text(_) => "a text",
        }
    }

    pub(super) fn write(&self, mut writer: SerializedColumnWriter<'_>) -> Result<()> {
        let is_list = self.list.is_some();
        let definitions = (is_list || !self.is_required).then_some(self.definitions.as_slice());
        let repetitions = is_list.then_some(self.repetitions.as_slice());
        match &self.values {
            Values::Bool(values) => {
                writer
                    .typed::<BoolType>()
                    .write_batch(values, definitions, repetitions)?
            }
            Values::Int32(values) => {
                writer
                    .typed::<Int32Type>()
                    .write_batch(values, definitions, repetitions)?
            }
            Values::Int64(values) => {
                writer
                    .typed::<Int64Type>()
                    .write_batch(values, definitions, repetitions)?
            }
            Values::Double(values) => {
                writer
                    .typed::<DoubleType>()
                    .write_batch(values, definitions, repetitions)?
            }
            Values::Text(values) => {
                writer
                    .typed::<ByteArrayType>()
                    .write_batch(values, definitions, repetitions)?
            }
        };
        writer.close()
    }
}

fn at<'a>(value: &'a Value, path: &[String]) -> &'a Value {
    path.iter()
        .try_fold(value, |value, name| value.get(name))
        .unwrap_or(&Value::Null)
}

/// Engines read signed numbers: a client's Range may name a larger one.
fn integer(value: &Value) -> Option<i64> {
    let large = || value.as_u64().map(|_| i64::MAX);
    value.as_i64().or_else(large)
}

fn time(value: &Value) -> Option<i64> {
    parse_rfc3339(value.as_str()?)?.try_into().ok()
}

/// What is no text is kept as its JSON.
fn text(value: &Value) -> Option<ByteArray> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.as_str().into()),
        other => Some(other.to_string().as_str().into()),
    }
}

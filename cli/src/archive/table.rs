//! Rows of JSON as the bytes of a Parquet file.

use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::Result;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{SchemaDescriptor, TypePtr};
use serde_json::Value;

use super::column::Column;
use crate::problem::Problem;

/// A file in the making.
pub(super) struct Table {
    schema: TypePtr,
    columns: Vec<Column>,
}

impl Table {
    pub(super) fn new(schema: &TypePtr) -> Self {
        let columns = SchemaDescriptor::new(Arc::clone(schema));
        Self {
            schema: Arc::clone(schema),
            columns: columns.columns().iter().map(Column::new).collect(),
        }
    }

    /// # Errors
    /// When a value is missing or of another type: the place, and what was expected there.
    pub(super) fn push(&mut self, row: &Value) -> Result<(), String> {
        self.columns.iter_mut().try_for_each(|column| column.push(row))
    }

    /// The file.
    pub(super) fn finish(&self) -> Result<Vec<u8>, Problem> {
        self.encode()
            .map_err(|error| Problem::Api(format!("failed to write Parquet: {error}")))
    }

    fn encode(&self) -> Result<Vec<u8>> {
        let properties = WriterProperties::builder()
            .set_created_by(concat!("blobwatch ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .build();
        let mut writer =
            SerializedFileWriter::new(Vec::new(), Arc::clone(&self.schema), Arc::new(properties))?;
        let mut rows = writer.next_row_group()?;
        for column in &self.columns {
            if let Some(writer) = rows.next_column()? {
                column.write(writer)?;
            }
        }
        rows.close()?;
        writer.into_inner()
    }
}

//! The ids in a file of records: its first column.

use blobwatch_pull::RecordId;
use bytes::Bytes;
use parquet::column::reader::ColumnReader;
use parquet::data_type::ByteArray;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;

use crate::problem::Problem;

pub(super) fn read_ids(name: &str, bytes: Vec<u8>) -> Result<Vec<RecordId>, Problem> {
    let problem = |error: String| Problem::File {
        file: name.to_owned(),
        expected: format!("records as Parquet: {error}"),
    };
    let texts = first_column(bytes).map_err(|error| problem(error.to_string()))?;
    let id = |text: &ByteArray| {
        let text = text.as_utf8().map_err(|error| problem(error.to_string()))?;
        text.parse::<RecordId>()
            .map_err(|error| problem(format!("{error}")))
    };
    texts.iter().map(id).collect()
}

fn first_column(bytes: Vec<u8>) -> Result<Vec<ByteArray>> {
    let reader = SerializedFileReader::new(Bytes::from(bytes))?;
    let mut texts = Vec::new();
    for group in 0..reader.num_row_groups() {
        let ColumnReader::ByteArrayColumnReader(mut ids) =
            reader.get_row_group(group)?.get_column_reader(0)?
        else {
            return Err(ParquetError::General("the first column is no text".to_owned()));
        };
        while ids.read_records(usize::MAX, None, None, &mut texts)?.0 > 0 {}
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::read_ids;

    /// Late records are compared with files that older builds wrote.
    #[test]
    fn a_released_file_is_read() {
        let file = include_bytes!(
            "../../tests/data/archive/v1/records/day=2020-07-05/colo=IAD/\
             part-01ECG5JWW728T5CY4TQG00001A-01ECG5JWW728T5CY4TQG00001A.parquet"
        );
        let ids = read_ids("part", file.to_vec()).unwrap();
        assert_eq!(ids, ["01ECG5JWW728T5CY4TQG00001A".parse().unwrap()]);
        assert!(read_ids("part", file[..100].to_vec()).is_err());
    }
}

//! Schema of what a pushed body came to, by the name of the table of calls.

use blobwatch_wire::Schemas;

use crate::Ingested;

pub fn add_answers(schemas: &mut Schemas) {
    schemas.add::<Ingested>("Ingested");
}

//! Schemas of what the Previews' calls answer, by the names of the table of calls.

use blobwatch_wire::{List, Schemas};

use crate::PreviewItem;

pub fn add_answers(schemas: &mut Schemas) {
    schemas.add::<PreviewItem>("PreviewItem");
    schemas.add::<List<PreviewItem>>("List<PreviewItem>");
}

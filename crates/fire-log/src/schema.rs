//! Schemas of what calls about records send and answer, by the names of the table of calls.

use blobwatch_wire::Schemas;

use crate::explain::Explanation;
use crate::fan_out::{AddressList, Comparison, Erased, List, LoadList, LossList, SummaryAnswer};
use crate::query::CompareBody;

pub fn add_bodies(schemas: &mut Schemas) {
    schemas.add::<CompareBody>("CompareBody");
}

pub fn add_answers(schemas: &mut Schemas) {
    schemas.add::<List>("RecordList");
    schemas.add::<SummaryAnswer>("Summary");
    schemas.add::<Explanation<'static>>("Explanation");
    schemas.add::<Comparison>("Comparison");
    schemas.add::<AddressList>("AddressList");
    schemas.add::<Erased>("ErasedAddress");
    schemas.add::<LoadList>("LoadList");
    schemas.add::<LossList>("LossList");
}

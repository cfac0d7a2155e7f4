//! Schemas of what signing in sends and answers.

use blobwatch_wire::Schemas;

use crate::SessionItem;
use crate::session::PostedToken;

pub fn add_bodies(schemas: &mut Schemas) {
    schemas.add::<PostedToken>("PostedToken");
}

pub fn add_answers(schemas: &mut Schemas) {
    schemas.add::<SessionItem>("SessionItem");
}

//! Schemas of the types that the table of calls names.
//!
//! In scope: collecting them. Not in scope: the document that they are part of (`crates/openapi`). Only that crate is built with
//! the feature, so the worker carries none of this.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::marker::PhantomData;

use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};

use crate::{Health, Problem};

/// Schemas by name, and those that they refer to.
#[derive(Debug)]
pub struct Schemas {
    generator: SchemaGenerator,
    named: BTreeMap<&'static str, Schema>,
}

impl Schemas {
    /// Of what is sent: a field with a default may be absent.
    #[must_use]
    pub fn of_bodies() -> Self {
        Self::new(SchemaSettings::draft2020_12().for_deserialize())
    }

    /// Of what is answered: a field with a default is there.
    #[must_use]
    pub fn of_answers() -> Self {
        Self::new(SchemaSettings::draft2020_12().for_serialize())
    }

    fn new(settings: SchemaSettings) -> Self {
        let generator = settings
            .with(|settings| {
                settings.definitions_path = "/components/schemas".into();
                settings.meta_schema = None;
            })
            .into_generator();
        Self {
            generator,
            named: BTreeMap::new(),
        }
    }

    /// The type that the table calls so.
    pub fn add<T: JsonSchema>(&mut self, name: &'static str) {
        let schema = self.generator.subschema_for::<T>();
        self.named.insert(name, schema);
    }

    /// By the names of the table, and what they refer to.
    #[must_use]
    pub fn finish(
        mut self,
    ) -> (
        BTreeMap<&'static str, Schema>,
        serde_json::Map<String, serde_json::Value>,
    ) {
        let definitions = self.generator.take_definitions(true);
        (self.named, definitions)
    }
}

/// A field that may be `null`, and may not be absent.
#[derive(Debug)]
pub struct Nullable<T>(PhantomData<T>);

impl<T: JsonSchema> JsonSchema for Nullable<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Option::<T>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Option::<T>::json_schema(generator)
    }
}

/// What every call may answer, and what is of no object.
pub fn add_answers(schemas: &mut Schemas) {
    schemas.add::<Problem>("Problem");
    schemas.add::<Health>("Health");
}

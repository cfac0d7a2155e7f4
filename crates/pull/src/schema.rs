//! Schemas of what is written in JSON by hand: keys, ids and names.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::{ClientKey, Family, NetworkKey, RecordId};

macro_rules! text {
    ($type:ident, $pattern:literal, $about:literal) => {
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "pattern": $pattern, "description": $about})
            }
        }
    };
}

text!(
    ClientKey,
    "^[0-9a-f]{16}$",
    "Stands for one client: an IPv4 address, or the /64 of an IPv6 address."
);
text!(
    NetworkKey,
    "^[0-9a-f]{16}$",
    "Stands for the /24 or /48 of a client."
);
text!(
    RecordId,
    "^[0-7][0-9A-HJKMNP-TV-Z]{25}$",
    "Id of a record, which begins with its time."
);
text!(
    Family,
    "^[0-9A-Za-z._+~-]+$",
    "Client family: a known one, or the first product of a User-Agent."
);

//! Reading that takes what a type says and nothing that serde takes for it: an object for a struct, never the list of its
//! fields; text for a choice, never an object of one field; each key of a map once. At every depth.
//!
//! Fields that came twice in a struct are refused by serde itself. Not in scope: types that buffer what they read
//! (`untagged`, `flatten`), whose inner values come from the buffer.

use std::collections::BTreeSet;
use std::fmt::{self, Formatter};

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};

/// A deserializer, or the seed of a value, whose values are read exactly.
pub(super) struct Exact<D>(pub(super) D);

macro_rules! pass_on {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.0.$method(Within::any(visitor))
        })*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Exact<D> {
    type Error = D::Error;

    pass_on! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_char deserialize_str deserialize_string deserialize_bytes
        deserialize_byte_buf deserialize_option deserialize_unit deserialize_seq deserialize_map
        deserialize_identifier deserialize_ignored_any
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_unit_struct(name, Within::any(visitor))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_newtype_struct(name, Within::any(visitor))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple(len, Within::any(visitor))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple_struct(name, len, Within::any(visitor))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(Within {
            visitor,
            is_struct: true,
        })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_str(Choice { visitor, variants })
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Exact<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Exact(deserializer))
    }
}

/// Text that names a variant.
struct Choice<V> {
    visitor: V,
    variants: &'static [&'static str],
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Choice<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "one of {}", self.variants.join(", "))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<V::Value, E> {
        self.visitor.visit_enum(name.into_deserializer())
    }
}

/// What a value says, with everything in it read exactly.
struct Within<V> {
    visitor: V,
    /// Its fields are told apart by the visitor.
    is_struct: bool,
}

impl<V> Within<V> {
    const fn any(visitor: V) -> Self {
        Self {
            visitor,
            is_struct: false,
        }
    }
}

macro_rules! say {
    ($($method:ident($value:ty))*) => {
        $(fn $method<E: Error>(self, value: $value) -> Result<V::Value, E> {
            self.visitor.$method(value)
        })*
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Within<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.is_struct {
            true => f.write_str("an object"),
            false => self.visitor.expecting(f),
        }
    }

    say! {
        visit_bool(bool) visit_i64(i64) visit_i128(i128) visit_u64(u64) visit_u128(u128) visit_f64(f64)
        visit_char(char) visit_str(&str) visit_borrowed_str(&'de str) visit_string(String) visit_bytes(&[u8])
        visit_borrowed_bytes(&'de [u8]) visit_byte_buf(Vec<u8>)
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_some(Exact(deserializer))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_newtype_struct(Exact(deserializer))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_seq(Exact(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(Fields {
            fields,
            seen: (!self.is_struct).then(BTreeSet::new),
        })
    }

    fn visit_enum<A: EnumAccess<'de>>(self, variant: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_enum(variant)
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Exact<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_element_seed(Exact(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

/// Keys and values of an object; with `seen`, each key once.
struct Fields<A> {
    fields: A,
    seen: Option<BTreeSet<String>>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Fields<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        let Some(seen) = &mut self.seen else {
            return self.fields.next_key_seed(seed);
        };
        let Some(key) = self.fields.next_key::<String>()? else {
            return Ok(None);
        };
        if !seen.insert(key.clone()) {
            return Err(A::Error::custom(format_args!("duplicate field `{key}`")));
        }
        seed.deserialize(key.into_deserializer()).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.fields.next_value_seed(Exact(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.fields.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::{Rulebook, strict};

    #[track_caller]
    fn refused<T: serde::de::DeserializeOwned>(text: &str, place: &str, message: &str) {
        let Err(found) = strict::<T>(text, "body") else {
            panic!("expected a refusal of {text}");
        };
        assert_eq!(found.place, place, "{}: {text}", found.message);
        assert!(found.message.contains(message), "{}: {text}", found.message);
    }

    fn book() -> Value {
        json!({
            "schema": 1, "revision": 3, "routes": [{"name": "default", "blobs": ["oci"], "anomaly_breadth": {"clients": 3, "networks": 1}}],
            "rules": [{"id": "a", "version": 1, "expression": "ssl", "action": "tag",
                "volume": {"by": "client", "requests": 5, "seconds": 10}}],
            "modes": [{"rule": "a", "route": "default", "mode": "enforce", "percent": 1.0, "stages":
                {"index": 0, "steps": [{"percent": 1.0, "lasts_ms": 60000}, {"percent": 100.0}], "until_ms": 9}}],
            "settings": {"fire_logs": {"FRA": 2}, "retry_after_s": 30, "anomaly_breadth": {"clients": 9, "networks": 4}},
        })
    }

    /// Pointers of all objects, and the same as places.
    fn objects(value: &Value, pointer: &str, place: &str, all: &mut Vec<(String, String)>) {
        match value {
            Value::Object(fields) => {
                all.push((pointer.to_owned(), place.to_owned()));
                for (name, value) in fields {
                    objects(
                        value,
                        &format!("{pointer}/{name}"),
                        &format!("{place}.{name}"),
                        all,
                    );
                }
            }
            Value::Array(items) => {
                for (at, value) in items.iter().enumerate() {
                    objects(value, &format!("{pointer}/{at}"), &format!("{place}[{at}]"), all);
                }
            }
            _ => {}
        }
    }

    #[test]
    fn the_list_of_its_values_is_no_object_at_any_depth() {
        let book = book();
        strict::<Rulebook>(&book.to_string(), "body").unwrap();
        let mut all = Vec::new();
        objects(&book, "", "body", &mut all);
        assert_eq!(all.len(), 12, "{all:?}");
        for (pointer, place) in &all {
            let mut odd = book.clone();
            let object = odd.pointer_mut(pointer).unwrap();
            *object = object.as_object().unwrap().values().cloned().collect();
            refused::<Rulebook>(&odd.to_string(), place, "an object");
            *odd.pointer_mut(pointer).unwrap() = json!([]);
            refused::<Rulebook>(&odd.to_string(), place, "an object");
        }
    }

    #[test]
    fn an_object_is_no_choice() {
        for (pointer, place) in [
            ("/rules/0/action", "body.rules[0].action"),
            ("/rules/0/volume/by", "body.rules[0].volume.by"),
            ("/modes/0/mode", "body.modes[0].mode"),
        ] {
            let mut odd = book();
            let choice = odd.pointer_mut(pointer).unwrap();
            *choice = json!({ choice.as_str().unwrap(): null });
            refused::<Rulebook>(&odd.to_string(), place, "expected one of");
        }
    }

    #[test]
    fn a_key_that_comes_twice_is_refused_at_any_depth() {
        let text = book().to_string();
        for (once, place) in [
            ("\"revision\":3", "body.revision"),
            ("\"seconds\":10", "body.rules[0].volume.seconds"),
            ("\"FRA\":2", "body.settings.fire_logs.FRA"),
        ] {
            let twice = text.replace(once, &format!("{once},{once}"));
            refused::<Rulebook>(&twice, place, "duplicate field");
            refused::<Value>(&twice, place, "duplicate field");
        }
    }

    /// What is taken is written and read again as the same.
    #[test]
    fn any_text_is_a_rulebook_or_refused_with_a_place() {
        let whole = book().to_string();
        bolero::check!()
            .with_type::<(usize, usize, String)>()
            .for_each(|(from, length, with)| {
                let cut = |at: usize| {
                    (0..=at.min(whole.len()))
                        .rev()
                        .find(|at| whole.is_char_boundary(*at))
                        .unwrap()
                };
                let from = cut(from % (whole.len() + 1));
                let until = cut(from + length % 64).max(from);
                let text = format!("{}{with}{}", &whole[..from], &whole[until..]);
                match strict::<Rulebook>(&text, "body") {
                    Ok(book) => {
                        let again = serde_json::to_string(&book).unwrap();
                        assert_eq!(strict::<Rulebook>(&again, "body").unwrap(), book);
                    }
                    Err(place) => assert!(place.place.starts_with("body")),
                }
            });
    }

    #[test]
    fn ten_thousand_levels_are_refused() {
        for open in ["[", "{\"a\":", "{\"rules\":[", "{\"settings\":{\"fire_logs\":"] {
            let deep = open.repeat(10_000);
            assert!(strict::<Rulebook>(&deep, "body").is_err());
            assert!(strict::<Value>(&deep, "body").is_err());
        }
    }
}

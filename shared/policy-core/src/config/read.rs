//! A serde deserializer over [`Json`] whose errors know where they are.
//!
//! It replaces `serde_path_to_error` over `serde_json`: each wire type is compiled against this one reader instead of a
//! tower of wrappers (half the code of a module), and serde hands unknown names and wrong kinds over as data, not text.

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::{ConfigError, wording};
use crate::json::Json;

type Result<T> = std::result::Result<T, ConfigError>;

/// Reads one value.
pub(super) struct Reader<'j>(pub(super) &'j Json);

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = ConfigError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.0 {
            Json::Null => visitor.visit_unit(),
            Json::Bool(value) => visitor.visit_bool(*value),
            Json::Unsigned(value) => visitor.visit_u64(*value),
            Json::Signed(value) => visitor.visit_i64(*value),
            Json::Float(value) => visitor.visit_f64(*value),
            Json::Text(value) => visitor.visit_borrowed_str(value),
            Json::List(items) => visitor.visit_seq(List { items, next: 0 }),
            Json::Object(entries) => visitor.visit_map(Object { entries, value: None }),
        }
    }

    // Each kind has its own entry, rather than all forwarding to the one above: a visitor is then compiled for the
    // kinds its type can take and no other, which saves a third of a module's code.

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.0 {
            Json::Bool(value) => visitor.visit_bool(*value),
            _ => Err(self.mismatch(&visitor)),
        }
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.0 {
            Json::Unsigned(value) => visitor.visit_u64(*value),
            _ => Err(self.mismatch(&visitor)),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.0 {
            Json::Float(value) => visitor.visit_f64(*value),
            Json::Unsigned(value) => visitor.visit_u64(*value),
            Json::Signed(value) => visitor.visit_i64(*value),
            _ => Err(self.mismatch(&visitor)),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.0 {
            Json::Text(value) => visitor.visit_borrowed_str(value),
            _ => Err(self.mismatch(&visitor)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_str(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.0 {
            Json::List(items) => visitor.visit_seq(List { items, next: 0 }),
            _ => Err(self.mismatch(&visitor)),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.0 {
            Json::Object(entries) => visitor.visit_map(Object { entries, value: None }),
            _ => Err(self.mismatch(&visitor)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.deserialize_map(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        let one_of = || format!("expected exactly one of {}", variants.join(", "));
        match self.0 {
            Json::Text(name) => visitor.visit_enum(Variant { name, content: None }),
            // Kubernetes reads an unquoted `off` as YAML 1.1 does.
            Json::Bool(false) if variants.contains(&"off") => {
                visitor.visit_enum(Variant { name: "off", content: None })
            }
            Json::Object(entries) => match entries.as_slice() {
                [(name, content)] => visitor.visit_enum(Variant { name, content: Some(content) }),
                _ => Err(ConfigError::at("", one_of())),
            },
            other => Err(ConfigError::at("", format!("{}, found {}", one_of(), wording::kind(other)))),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u128 f32 char bytes byte_buf unit unit_struct tuple tuple_struct identifier
    }
}

impl Reader<'_> {
    fn mismatch(&self, expected: &dyn serde::de::Expected) -> ConfigError {
        ConfigError::at("", wording::mismatch(wording::kind(self.0), &expected.to_string()))
    }
}

struct List<'j> {
    items: &'j [Json],
    next: usize,
}

impl<'de> SeqAccess<'de> for List<'de> {
    type Error = ConfigError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        let Some(item) = self.items.get(self.next) else { return Ok(None) };
        let index = self.next;
        self.next = index.saturating_add(1);
        seed.deserialize(Reader(item)).map(Some).map_err(|error| error.under_item("", index))
    }
}

struct Object<'j> {
    entries: &'j [(String, Json)],
    value: Option<(&'j str, &'j Json)>,
}

impl<'de> MapAccess<'de> for Object<'de> {
    type Error = ConfigError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        let Some(((key, value), rest)) = self.entries.split_first() else { return Ok(None) };
        self.entries = rest;
        self.value = Some((key, value));
        let key_reader: StrDeserializer<'_, ConfigError> = key.as_str().into_deserializer();
        seed.deserialize(key_reader).map(Some).map_err(|error| error.under(key))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value> {
        let Some((key, value)) = self.value.take() else {
            return Err(ConfigError::at("", "a value without a key"));
        };
        seed.deserialize(Reader(value)).map_err(|error| error.under(key))
    }
}

struct Variant<'j> {
    name: &'j str,
    content: Option<&'j Json>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = ConfigError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self)> {
        let reader: StrDeserializer<'_, ConfigError> = self.name.into_deserializer();
        // An unknown key of an object is named by the path; an unknown word is the value itself.
        let path = if self.content.is_some() { self.name } else { "" };
        seed.deserialize(reader).map(|variant| (variant, self)).map_err(|error| error.under(path))
    }
}

impl<'de> Variant<'de> {
    fn content(self) -> Result<(&'de str, &'de Json)> {
        let needs = || ConfigError::at("", format!("{:?} needs a value: {{{}: …}}", self.name, self.name));
        self.content.map(|content| (self.name, content)).ok_or_else(needs)
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = ConfigError;

    fn unit_variant(self) -> Result<()> {
        match self.content {
            None => Ok(()),
            Some(_) => Err(ConfigError::at("", format!("write just {:?}", self.name))),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
        let (name, content) = self.content()?;
        seed.deserialize(Reader(content)).map_err(|error| error.under(name))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value> {
        let (name, content) = self.content()?;
        Reader(content).deserialize_seq(visitor).map_err(|error| error.under(name))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value> {
        let (name, content) = self.content()?;
        Reader(content).deserialize_map(visitor).map_err(|error| error.under(name))
    }
}

impl Error for ConfigError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::at("", message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn serde::de::Expected) -> Self {
        Self::at("", wording::mismatch(wording::unexpected(&found), &expected.to_string()))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn serde::de::Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        Self::at("", wording::unknown("field", field, known))
    }

    fn unknown_variant(word: &str, known: &'static [&'static str]) -> Self {
        Self::at("", wording::unknown("value", word, known))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::at("", format!("{field:?} is missing"))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::at("", format!("{field:?} is given twice"))
    }
}

//! JSON as plugins are given it: bounded, no key twice, keys in any case, errors that name the key.
//!
//! The reference reads JSON as Go does, and configurations rely on it: a key may be written in any case (`isGateWay`), and a key that
//! is `null` is a key that is not there. Here both hold wherever a struct is read, at any depth; its fields are the known keys.

use crate::error::{Code, Error, Result};
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{
    self, DeserializeOwned, Deserializer, Error as _, Expected, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, Visitor,
};
use serde::{Deserialize, Serialize, forward_to_deserialize_any};
use serde_json::{Map, Number, Value};
use serde_path_to_error::Path;
use std::fmt::{self, Display};
use std::str::FromStr;

/// Bytes of the longest text that is read.
pub(crate) const LONGEST: usize = 1 << 20;

/// A JSON object that was read whole, and whose keys are looked at later.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Document(pub(crate) Map<String, Value>);

impl Document {
    /// The object of a text. Code 6 for what is no JSON or no object, 7 for a key that is there twice.
    pub(crate) fn parse(text: &[u8]) -> Result<Document> {
        if text.len() > LONGEST {
            let why = format!("{} bytes are more than 1 MiB", text.len());
            return Err(Error::new(Code::Decoding, why));
        }
        let mut json = serde_json::Deserializer::from_slice(text);
        let read = serde_path_to_error::deserialize(&mut json);
        let Distinct(value) = read.map_err(|err| text_error(err.path(), err.inner()))?;
        let end = json.end();
        end.map_err(|err| Error::new(Code::Decoding, err.to_string()))?;
        match value {
            Value::Object(keys) => Ok(Document(keys)),
            _ => Err(Error::new(Code::Decoding, "the text is no JSON object")),
        }
    }

    /// The keys that are fields of `T`. Code 6 for a wrong type, 7 for a value that cannot be meant and for a key that is missing.
    pub(crate) fn keys<T: DeserializeOwned>(&self) -> Result<T> {
        let input = Input(Value::Object(self.0.clone()));
        serde_path_to_error::deserialize(input).map_err(|err| {
            let path = err.path().clone();
            err.into_inner().at(&path)
        })
    }

    /// The value of a key, whatever the case of its letters.
    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        let mut keys = self.0.iter();
        let found = keys.find(|(name, _)| name.eq_ignore_ascii_case(key));
        found.map(|(_, value)| value)
    }

    /// Takes a key away, however it was written.
    pub(crate) fn remove(&mut self, key: &str) {
        self.0.retain(|name, _| !name.eq_ignore_ascii_case(key));
    }

    /// Sets a key in place of what had its name, however that was written.
    pub(crate) fn set(&mut self, key: &str, value: impl Serialize) {
        self.remove(key);
        self.0.insert(key.to_owned(), to_value(&value));
    }
}

/// A value as JSON.
pub(crate) fn to_value(value: &impl Serialize) -> Value {
    // Writing fails only for maps whose keys are no strings; there are none here.
    serde_json::to_value(value).unwrap_or_default()
}

/// A value written as its text; what cannot be read says why.
pub(crate) fn text<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|err| no_value(&text, &err))
}

/// The same where an empty text is none.
pub(crate) fn optional_text<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|err| no_value(&text, &err))
}

/// A boolean, or its word in any case, as the reference allows in lists.
pub(crate) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let word = value.as_str().map(str::to_ascii_lowercase);
    match (&value, word.as_deref()) {
        (Value::Bool(flag), _) => Ok(*flag),
        (_, Some("true")) => Ok(true),
        (_, Some("false")) => Ok(false),
        (_, Some(word)) => Err(no_value(word, &"neither true nor false")),
        _ => Err(D::Error::invalid_type(
            Unexpected::Other("another type"),
            &"true or false",
        )),
    }
}

fn no_value<E: de::Error>(text: &str, why: &dyn Display) -> E {
    E::custom(format!("{text:?}: {why}"))
}

fn text_error(path: &Path, err: &serde_json::Error) -> Error {
    let code = if err.is_data() {
        Code::InvalidConfig
    } else {
        Code::Decoding
    };
    at(code, path, err)
}

fn at(code: Code, path: &Path, why: &dyn Display) -> Error {
    let msg = match key(path) {
        key if key.is_empty() => why.to_string(),
        key => format!("`{key}`: {why}"),
    };
    Error::new(code, msg)
}

/// A path as people write it: `.` is the whole text, and `?` a key that the text ends in.
fn key(path: &Path) -> String {
    let path = path.to_string();
    path.trim_end_matches('?').trim_end_matches('.').to_owned()
}

/// Any value in which no object has a key twice.
struct Distinct(Value);

impl<'de> Deserialize<'de> for Distinct {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DistinctVisitor).map(Distinct)
    }
}

struct DistinctVisitor;

impl<'de> Visitor<'de> for DistinctVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Distinct(value)) = seq.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut keys = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if keys.contains_key(&key) {
                return Err(A::Error::custom(format_args!("`{key}` is there twice")));
            }
            let Distinct(value) = map.next_value()?;
            keys.insert(key, value);
        }
        Ok(Value::Object(keys))
    }
}

/// Why a value is not what a struct wants.
#[derive(Debug)]
enum Fault {
    /// It has another type.
    Type(String),
    /// It has the type, but cannot be meant.
    Value(String),
    /// A field has no key.
    Missing(&'static str),
}

impl Fault {
    fn at(self, path: &Path) -> Error {
        match self {
            Fault::Type(why) => at(Code::Decoding, path, &why),
            Fault::Value(why) => at(Code::InvalidConfig, path, &why),
            Fault::Missing(field) => {
                let object = key(path);
                let dot = if object.is_empty() { "" } else { "." };
                let why = format!("`{object}{dot}{field}` is missing");
                Error::new(Code::InvalidConfig, why)
            }
        }
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Type(why) | Fault::Value(why) => f.write_str(why),
            Fault::Missing(field) => write!(f, "`{field}` is missing"),
        }
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: Display>(why: T) -> Fault {
        Fault::Value(why.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Fault {
        match found {
            Unexpected::Unit => Fault::Type(format!("null where {expected} is expected")),
            _ => Fault::Type(format!("{found} where {expected} is expected")),
        }
    }

    fn missing_field(field: &'static str) -> Fault {
        Fault::Missing(field)
    }
}

/// A value that is read as Go would.
struct Input(Value);

impl<'de> IntoDeserializer<'de, Fault> for Input {
    type Deserializer = Input;

    fn into_deserializer(self) -> Input {
        self
    }
}

impl<'de> Deserializer<'de> for Input {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Number(value) => number(&value, visitor),
            Value::String(value) => visitor.visit_string(value),
            Value::Array(values) => {
                visitor.visit_seq(SeqDeserializer::new(values.into_iter().map(Input)))
            }
            Value::Object(keys) => {
                let keys = keys.into_iter().map(|(key, value)| (key, Input(value)));
                visitor.visit_map(MapDeserializer::new(keys))
            }
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.0 {
            Value::Object(keys) => visitor.visit_map(MapDeserializer::new(known(keys, fields)?)),
            other => Err(Fault::invalid_type(unexpected(&other), &"an object")),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            other => visitor.visit_some(Input(other)),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.0 {
            Value::String(variant) => visitor.visit_enum(variant.into_deserializer()),
            other => Input(other).deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct
        map identifier ignored_any
    }
}

fn unexpected(value: &Value) -> Unexpected<'_> {
    match value {
        Value::Null => Unexpected::Unit,
        Value::Bool(value) => Unexpected::Bool(*value),
        Value::Number(_) => Unexpected::Other("a number"),
        Value::String(value) => Unexpected::Str(value),
        Value::Array(_) => Unexpected::Seq,
        Value::Object(_) => Unexpected::Map,
    }
}

fn number<'de, V: Visitor<'de>>(number: &Number, visitor: V) -> Result<V::Value, Fault> {
    if let Some(value) = number.as_u64() {
        visitor.visit_u64(value)
    } else if let Some(value) = number.as_i64() {
        visitor.visit_i64(value)
    } else {
        visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN))
    }
}

/// The keys of an object as the fields are spelled, without those that are `null`; others as they are.
fn known(
    keys: Map<String, Value>,
    fields: &'static [&'static str],
) -> Result<impl Iterator<Item = (String, Input)>, Fault> {
    let mut seen: Vec<(&str, String)> = Vec::new();
    let mut read = Vec::with_capacity(keys.len());
    for (key, value) in keys {
        let field = fields.iter().find(|field| field.eq_ignore_ascii_case(&key));
        let Some(field) = field else {
            read.push((key, Input(value)));
            continue;
        };
        if let Some((_, other)) = seen.iter().find(|(name, _)| name == field) {
            let why = format!("`{field}` is there twice, as `{other}` and as `{key}`");
            return Err(Fault::Value(why));
        }
        if !value.is_null() {
            read.push(((*field).to_owned(), Input(value)));
        }
        seen.push((field, key));
    }
    Ok(read.into_iter())
}

#[cfg(test)]
mod tests;

//! How a configuration is read: a tree of JSON into the types that stand for it.
//!
//! A type reads itself, mostly as `wire-derive` writes it. Nothing is given up at the first mistake of a member: reading goes
//! on with what there is, the mistake is kept, and [`parse`](super::parse) refuses the whole in the end. So a type's code
//! is a call for each member, where serde's has a way out for each; a filter's module halves what it spends on this.

use super::{ConfigError, printable, wording};
use crate::json::Json;

/// A type that stands in a configuration.
///
/// ```
/// use policy_core::config::{Wire, parse};
///
/// #[derive(Wire)]
/// #[serde(rename_all = "camelCase", deny_unknown_fields)]
/// struct Config {
///     max_age: u64,
///     #[serde(default)]
///     names: Vec<String>,
///     comment: Option<String>,
/// }
///
/// let config: Config = parse(br#"{"maxAge": 3}"#)?;
/// assert_eq!((config.max_age, config.names.len(), config.comment), (3, 0, None));
/// let error = parse::<Config>(br#"{"maxAge": 3, "name": []}"#).err().map(|error| error.to_string());
/// assert_eq!(
///     error.as_deref(),
///     Some(r#"name: unknown field "name", did you mean "names"? (allowed: maxAge, names, comment)"#)
/// );
/// # Ok::<(), policy_core::ConfigError>(())
/// ```
pub trait Wire: Sized {
    /// Reads a value. `None` when `reader` has been told of a mistake; of a mistake within a value that can be left out, it
    /// has been told, too, and there is a value.
    fn read(json: &Json, reader: &mut Reader) -> Option<Self>;
}

/// Where reading is, and the first mistake that was met.
#[derive(Debug, Default)]
pub struct Reader {
    path: String,
    /// The lengths of `path` at the places around this one.
    outer: Vec<usize>,
    mistake: Option<ConfigError>,
}

/// What an object holds.
pub type Members<'j> = &'j [(String, Json)];

impl Reader {
    /// Reads a whole configuration.
    pub(super) fn whole<T: Wire>(json: &Json) -> Result<T, ConfigError> {
        let mut reader = Self::default();
        let value = T::read(json, &mut reader);
        match (value, reader.mistake) {
            (Some(value), None) => Ok(value),
            (_, mistake) => Err(mistake.unwrap_or_else(|| ConfigError::at("", "this cannot be read"))),
        }
    }

    /// Tells of a mistake at this place. Gives `None`, for what could not be read.
    #[cold]
    pub fn refuse<T>(&mut self, message: impl Into<String>) -> Option<T> {
        self.keep(message.into());
        None
    }

    fn keep(&mut self, message: String) {
        if self.mistake.is_none() {
            self.mistake = Some(ConfigError { path: self.path.clone(), message });
        }
    }

    /// Tells that something else should stand here.
    #[cold]
    pub fn mismatch<T>(&mut self, expected: &str, found: &Json) -> Option<T> {
        self.keep(wording::mismatch(found, expected));
        None
    }

    /// What a type made of what was read, or the mistake it found.
    pub fn checked<T, E: Into<String>>(&mut self, value: Result<T, E>) -> Option<T> {
        match value {
            Ok(value) => Some(value),
            Err(message) => self.refuse(message),
        }
    }

    fn enter(&mut self, key: &str) {
        self.outer.push(self.path.len());
        if !self.path.is_empty() && !key.is_empty() {
            self.path.push('.');
        }
        self.path.push_str(&printable(key));
    }

    pub(super) fn enter_item(&mut self, index: usize) {
        self.outer.push(self.path.len());
        self.path.push_str(&format!("[{index}]"));
    }

    pub(super) fn leave(&mut self) {
        self.path.truncate(self.outer.pop().unwrap_or_default());
    }

    /// The members of an object, of which there are none but these.
    pub fn members<'j>(&mut self, json: &'j Json, expected: &str, known: &[&str]) -> Option<Members<'j>> {
        let members = self.object(json, expected)?;
        for (key, _) in members {
            // One mistake is told, and each takes a text.
            if self.mistake.is_none() && !known.contains(&key.as_str()) {
                self.enter(key);
                self.keep(wording::unknown("field", key, known));
                self.leave();
            }
        }
        Some(members)
    }

    /// The members of an object, whatever their names.
    pub fn object<'j>(&mut self, json: &'j Json, expected: &str) -> Option<Members<'j>> {
        match json {
            Json::Object(members) => Some(members),
            _ => self.mismatch(expected, json),
        }
    }

    /// The items of a list.
    pub fn items<'j>(&mut self, json: &'j Json) -> Option<&'j [Json]> {
        match json {
            Json::List(items) => Some(items),
            _ => self.mismatch("a list", json),
        }
    }

    /// Reads the value of this key.
    pub fn under<T: Wire>(&mut self, key: &str, json: &Json) -> Option<T> {
        self.enter(key);
        let value = T::read(json, self);
        self.leave();
        value
    }

    /// Reads a member that may be left out.
    pub fn optional<T: Wire>(&mut self, members: Members<'_>, name: &str) -> Option<T> {
        let json = find(members, name)?;
        self.under(name, json)
    }

    /// Reads a member that has to be there.
    pub fn required<T: Wire>(&mut self, members: Members<'_>, name: &str) -> Option<T> {
        match find(members, name) {
            Some(json) => self.under(name, json),
            None => self.refuse(format!("{name:?} is missing")),
        }
    }

    /// Reads a member that has a value where nothing is said.
    pub fn or<T: Wire>(&mut self, members: Members<'_>, name: &str, default: fn() -> T) -> T {
        self.optional(members, name).unwrap_or_else(default)
    }

    /// Which of these words it is.
    pub fn word(&mut self, json: &Json, known: &[&str]) -> Option<usize> {
        let (index, content) = self.variant(json, known)?;
        match (content, known.get(index)) {
            (Some(_), Some(name)) => self.refuse(format!("write just {name:?}")),
            _ => Some(index),
        }
    }

    /// Which of these it is, a word or an object with one of them as its only key, and what that key holds.
    pub fn variant<'j>(&mut self, json: &'j Json, known: &[&str]) -> Option<(usize, Option<&'j Json>)> {
        let (name, content) = match json {
            Json::Text(name) => (name.as_str(), None),
            // Kubernetes reads an unquoted `off` as YAML 1.1 does.
            Json::Bool(false) if known.contains(&"off") => ("off", None),
            Json::Object(members) => match members.as_slice() {
                [(name, content)] => (name.as_str(), Some(content)),
                _ => return self.refuse(format!("expected exactly one of {}", known.join(", "))),
            },
            _ => {
                let (known, found) = (known.join(", "), wording::kind(json));
                return self.refuse(format!("expected exactly one of {known}, found {found}"));
            }
        };
        if let Some(index) = known.iter().position(|known| *known == name) {
            return Some((index, content));
        }
        // An unknown key of an object is named by the path; an unknown word is the value itself.
        if content.is_some() {
            self.enter(name);
        }
        self.keep(wording::unknown("value", name, known));
        if content.is_some() {
            self.leave();
        }
        None
    }

    /// A word that stands among others with content.
    pub fn bare<T>(&mut self, name: &str, content: Option<&Json>, value: T) -> Option<T> {
        match content {
            None => Some(value),
            Some(_) => self.refuse(format!("write just {name:?}")),
        }
    }

    /// The content of a word that has some.
    pub fn content<T>(
        &mut self,
        name: &str,
        content: Option<&Json>,
        read: fn(&Json, &mut Self) -> Option<T>,
    ) -> Option<T> {
        let Some(content) = content else {
            return self.refuse(format!("{name:?} needs a value: {{{name}: …}}"));
        };
        self.enter(name);
        let value = read(content, self);
        self.leave();
        value
    }
}

fn find<'j>(members: Members<'j>, name: &str) -> Option<&'j Json> {
    members.iter().find(|(key, _)| key == name).map(|(_, json)| json)
}

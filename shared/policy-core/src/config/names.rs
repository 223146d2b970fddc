//! A path of names, as several filters write one.

use std::fmt;

use serde::de::{Deserializer, Error, SeqAccess, Visitor};

/// Reads names joined by dots, `labels.tier`, or a list of them where a name has dots in it.
///
/// `expected` says in an error what belongs there.
///
/// # Errors
/// For anything that is neither text nor a list of texts.
pub fn names<'de, D: Deserializer<'de>>(
    deserializer: D,
    expected: &'static str,
) -> Result<Vec<String>, D::Error> {
    struct TextOrList(&'static str);
    impl<'de> Visitor<'de> for TextOrList {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Vec<String>, E> {
            Ok(text.split('.').map(str::to_owned).collect())
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<String>, A::Error> {
            let mut names = Vec::new();
            while let Some(name) = items.next_element()? {
                names.push(name);
            }
            Ok(names)
        }
    }
    deserializer.deserialize_any(TextOrList(expected))
}

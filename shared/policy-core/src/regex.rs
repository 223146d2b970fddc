//! Regular expressions over bytes. One match takes time linear in the text; replacing all matches may take its square.
//!
//! Header values are bytes, and a filter's size is its swap latency, so this is `regex-lite` (linear time, small) with
//! each byte shown to it as the character of the same number. A pattern is ASCII; other bytes are written `\xNN`.

use std::borrow::Cow;

use crate::config::Wire;

/// A compiled expression.
#[derive(Debug, Clone, Wire)]
#[serde(try_from = "String")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(with = "String"))]
pub struct Regex(regex_lite::Regex);

impl Regex {
    /// Compiles a pattern in the syntax of `regex-lite` (Perl-like, without look-around and back references).
    ///
    /// # Errors
    /// Says what is wrong with the pattern.
    pub fn new(pattern: &str) -> Result<Self, String> {
        Self::build(pattern, pattern)
    }

    /// Compiles a pattern that has to match the whole text, as everywhere in Envoy's route matching.
    ///
    /// # Errors
    /// As [`Regex::new`].
    pub fn whole(pattern: &str) -> Result<Self, String> {
        // Checked alone first: `a)|(b` is no expression, although wrapping it would make it one.
        Self::new(pattern)?;
        Self::build(pattern, &format!("^(?:{pattern})$"))
    }

    fn build(pattern: &str, text: &str) -> Result<Self, String> {
        if !pattern.is_ascii() {
            return Err("a regular expression works on bytes: write what is not ASCII as \\xNN".to_owned());
        }
        regex_lite::RegexBuilder::new(text)
            .size_limit(1 << 20)
            .build()
            .map(Self)
            .map_err(|error| format!("not a regular expression: {error}"))
    }

    /// True when the expression matches somewhere in the text.
    #[must_use]
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.0.is_match(&as_text(text))
    }

    /// Replaces every match. In `substitution`, `\1` to `\9` stand for groups, `\0` for the match, `\\` for a
    /// backslash, as in Envoy's `regex_value_rewrite`.
    #[must_use]
    pub fn replace_all(&self, text: &[u8], substitution: &Substitution) -> Vec<u8> {
        let shown = as_text(text);
        let replaced =
            self.0.replace_all(&shown, |groups: &regex_lite::Captures<'_>| substitution.expand(groups));
        as_bytes(&replaced)
    }
}

impl TryFrom<String> for Regex {
    type Error = String;

    fn try_from(pattern: String) -> Result<Self, String> {
        Self::new(&pattern)
    }
}

/// What a match is replaced with.
#[derive(Debug, Clone, Wire)]
#[serde(try_from = "String")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(with = "String"))]
pub struct Substitution(Vec<Piece>);

#[derive(Debug, Clone)]
enum Piece {
    Text(String),
    Group(usize),
}

impl Substitution {
    /// The highest group that is named.
    #[must_use]
    pub fn highest_group(&self) -> usize {
        let groups = self.0.iter().map(|piece| if let Piece::Group(group) = piece { *group } else { 0 });
        groups.max().unwrap_or_default()
    }

    fn expand(&self, groups: &regex_lite::Captures<'_>) -> String {
        let pieces = self.0.iter().map(|piece| match piece {
            Piece::Text(text) => text.as_str(),
            Piece::Group(group) => groups.get(*group).map_or("", |found| found.as_str()),
        });
        pieces.collect()
    }
}

impl TryFrom<String> for Substitution {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let shown = as_text(text.as_bytes());
        let mut rest = shown.chars();
        while let Some(next) = rest.next() {
            if next != '\\' {
                plain.push(next);
                continue;
            }
            match rest.next() {
                Some('\\') => plain.push('\\'),
                Some(digit) if digit.is_ascii_digit() => {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                    pieces.push(Piece::Group(digit.to_digit(10).unwrap_or_default() as usize));
                }
                _ => {
                    return Err(
                        "in a substitution a backslash is followed by a digit or a backslash".to_owned()
                    );
                }
            }
        }
        pieces.push(Piece::Text(plain));
        Ok(Self(pieces))
    }
}

impl Regex {
    /// Checks that the expression has every group the substitution names.
    ///
    /// # Errors
    /// Names the first group that is not there.
    pub fn check(&self, substitution: &Substitution) -> Result<(), String> {
        let groups = self.0.captures_len().saturating_sub(1);
        match substitution.highest_group() {
            highest if highest > groups => {
                Err(format!("\\{highest} is used, but the pattern has {groups} group(s)"))
            }
            _ => Ok(()),
        }
    }
}

fn as_text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => Cow::Borrowed(text),
        _ => Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect()),
    }
}

/// The reverse of [`as_text`]: every character there is below 256.
fn as_bytes(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn rewrite(pattern: &str, substitution: &str, text: &[u8]) -> Vec<u8> {
        let substitution = Substitution::try_from(substitution.to_owned()).unwrap();
        Regex::new(pattern).unwrap().replace_all(text, &substitution)
    }

    #[test]
    fn every_byte_is_a_character_of_its_own() {
        assert!(Regex::whole(r"a.\xffb").unwrap().is_match(b"a\xc3\xffb"));
        assert_eq!(rewrite(r"\xff", "-", b"\xfe\xff\xfe"), b"\xfe-\xfe");
        assert_eq!(rewrite("x", "é", b"x\xff"), "é".bytes().chain([0xff]).collect::<Vec<_>>());
    }

    #[test]
    fn groups_are_written_as_in_envoy() {
        assert_eq!(rewrite(r"^(\w+)-(\w+)$", r"\2.\1\\", b"a-b"), br"b.a\");
        assert_eq!(rewrite(r"o", r"[\0]", b"foo"), b"f[o][o]");
    }

    #[test]
    fn a_whole_match_leaves_nothing_over() {
        let regex = Regex::whole("a|bc").unwrap();
        assert!(regex.is_match(b"bc") && regex.is_match(b"a"));
        assert!(!regex.is_match(b"abc") && !regex.is_match(b"a\n"));
        assert!(Regex::whole("a)|(b").is_err());
    }

    #[test]
    fn wrong_patterns_and_substitutions_are_refused() {
        assert!(Regex::new("(").unwrap_err().starts_with("not a regular expression"));
        assert!(Regex::new("é").unwrap_err().contains("\\xNN"));
        assert!(Regex::new("(a{1000}){1000}").is_err());
        assert!(Substitution::try_from(r"\x".to_owned()).is_err());
        let two = Substitution::try_from(r"\2".to_owned()).unwrap();
        assert!(Regex::new("(a)").unwrap().check(&two).unwrap_err().contains("1 group"));
    }
}

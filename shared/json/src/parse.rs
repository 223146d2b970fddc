//! The reader.

use std::collections::BinaryHeap;

use raw::bytes::plain;

use crate::decimal::append;
use crate::error::{Error, Fault};
use crate::{Decimal, Json};

/// How deep lists and objects may stand in one another.
const MAX_DEPTH: usize = 127;

/// Up to how many members of an object are compared one by one.
const FEW: usize = 32;

pub(crate) fn parse(text: &[u8]) -> Result<Json, Error> {
    let utf8 = match std::str::from_utf8(text) {
        Ok(utf8) => utf8,
        Err(error) => return Err(Error::new(Fault::Syntax("not UTF-8"), text, error.valid_up_to())),
    };
    let mut reader = Reader { text: utf8, at: 0, depth: 0, fault: Fault::Syntax("") };
    reader.whole().ok_or_else(|| Error::new(reader.fault, text, reader.at))
}

struct Reader<'t> {
    text: &'t str,
    /// Always between two characters, and after a fault where it is.
    at: usize,
    depth: usize,
    /// What is wrong, where a function gives nothing. A `Result` with it is twice as large, and copied for each value.
    fault: Fault,
}

impl Reader<'_> {
    fn whole(&mut self) -> Option<Json> {
        let json = self.value()?;
        self.skip_blanks();
        if self.at < self.text.len() { self.fail("trailing characters", "") } else { Some(json) }
    }

    /// The byte at hand, or zero at the end, which is a fault wherever it stands.
    fn byte(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or_default()
    }

    fn step(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    /// Steps over this byte if it is at hand.
    fn takes(&mut self, byte: u8) -> bool {
        let there = self.byte() == byte;
        if there {
            self.step();
        }
        there
    }

    /// The first byte that is no blank.
    fn skip_blanks(&mut self) -> u8 {
        loop {
            match self.byte() {
                b' ' | b'\t' | b'\n' | b'\r' => self.step(),
                byte => return byte,
            }
        }
    }

    /// Says what is wrong with the byte at hand, or else with the end.
    #[cold]
    fn fail<T>(&mut self, byte: &'static str, end: &'static str) -> Option<T> {
        self.fault = Fault::Syntax(if self.at < self.text.len() { byte } else { end });
        None
    }

    fn value(&mut self) -> Option<Json> {
        match self.skip_blanks() {
            b'"' => self.string().map(Json::Text),
            b'{' => self.object(),
            b'[' => self.list(),
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.word("true", Json::Bool(true)),
            b'f' => self.word("false", Json::Bool(false)),
            b'n' => self.word("null", Json::Null),
            _ => self.fail("expected value", "EOF while parsing a value"),
        }
    }

    fn word(&mut self, word: &str, json: Json) -> Option<Json> {
        match word.bytes().all(|byte| self.takes(byte)) {
            true => Some(json),
            false => self.fail("expected true, false or null", "EOF while parsing a value"),
        }
    }

    fn list(&mut self) -> Option<Json> {
        let mut items = Vec::new();
        self.enter()?;
        while self.has_more(items.is_empty(), b']')? {
            items.push(self.value()?);
        }
        self.leave();
        Some(Json::List(items))
    }

    fn object(&mut self) -> Option<Json> {
        let mut members = Vec::new();
        self.enter()?;
        while self.has_more(members.is_empty(), b'}')? {
            if self.byte() != b'"' {
                return self.fail("key must be a string", "EOF while parsing an object");
            }
            let key = self.string()?;
            if self.skip_blanks() != b':' {
                return self.fail("expected `:`", "EOF while parsing an object");
            }
            self.step();
            members.push((key, self.value()?));
        }
        if let Some(key) = twice(&members) {
            self.fault = Fault::Twice(key.to_owned());
            return None;
        }
        self.leave();
        Some(Json::Object(members))
    }

    fn enter(&mut self) -> Option<()> {
        if self.depth >= MAX_DEPTH {
            return self.fail("recursion limit exceeded", "");
        }
        self.depth = self.depth.saturating_add(1);
        self.step();
        Some(())
    }

    fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.step();
    }

    /// True when an item is next, which is then at hand; false when it is the end.
    fn has_more(&mut self, first: bool, end: u8) -> Option<bool> {
        let byte = self.skip_blanks();
        if byte == end {
            return Some(false);
        }
        if first && self.at < self.text.len() {
            return Some(true);
        }
        if first || byte != b',' {
            return match end {
                b']' => self.fail("expected `,` or `]`", "EOF while parsing a list"),
                _ => self.fail("expected `,` or `}`", "EOF while parsing an object"),
            };
        }
        self.step();
        if self.skip_blanks() == end { self.fail("trailing comma", "") } else { Some(true) }
    }

    fn number(&mut self) -> Option<Json> {
        let start = self.at;
        let is_negative = self.takes(b'-');
        let starts_with_zero = self.byte() == b'0';
        let digits = self.at;
        let whole = self.digits()?;
        let end = self.at;
        if starts_with_zero && end.saturating_sub(digits) > 1 {
            self.at = digits.saturating_add(1);
            return self.fail("invalid number", "");
        }
        if self.takes(b'.') {
            self.digits()?;
        }
        if self.takes(b'e') || self.takes(b'E') {
            let _ = self.takes(b'+') || self.takes(b'-');
            self.digits()?;
        }
        let json = match whole.filter(|_| self.at == end) {
            Some(value) if !is_negative => Some(Json::Unsigned(value)),
            Some(value @ 1..) => 0_i64.checked_sub_unsigned(value).map(Json::Signed),
            _ => None,
        };
        json.or_else(|| self.text.get(start..self.at).map(|text| Json::Decimal(Decimal::of(text))))
    }

    /// One digit or more, and their value unless it is too large.
    fn digits(&mut self) -> Option<Option<u64>> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
        if length == 0 {
            return self.fail("invalid number", "EOF while parsing a value");
        }
        self.at = self.at.saturating_add(length);
        let digits = rest.get(..length)?;
        // Nineteen digits always fit, and are what all dates are.
        let plain = |value: u64, digit: &u8| value.wrapping_mul(10).wrapping_add(u64::from(digit & 15));
        Some(match length {
            ..20 => Some(digits.iter().fold(0, plain)),
            _ => digits.iter().try_fold(0, |value, digit| append(value, *digit)),
        })
    }

    fn string(&mut self) -> Option<String> {
        self.step();
        let mut text = self.plain()?.to_owned();
        loop {
            match self.byte() {
                b'"' => {
                    self.step();
                    return Some(text);
                }
                b'\\' => text.push(self.escape()?),
                _ => {
                    let control = "control character (\\u0000-\\u001F) found while parsing a string";
                    return self.fail(control, "EOF while parsing a string");
                }
            }
            text.push_str(self.plain()?);
        }
    }

    /// What stands in a string as it is.
    fn plain(&mut self) -> Option<&str> {
        let rest = self.text.get(self.at..)?;
        let plain = rest.get(..plain(rest.as_bytes()))?;
        self.at = self.at.saturating_add(plain.len());
        Some(plain)
    }

    fn escape(&mut self) -> Option<char> {
        self.step();
        let escaped = match self.byte() {
            byte @ (b'"' | b'\\' | b'/') => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(),
            _ => return self.fail("invalid escape", "EOF while parsing a string"),
        };
        self.step();
        Some(escaped)
    }

    #[cold]
    fn unicode(&mut self) -> Option<char> {
        let mut code = self.hex()?;
        // The first of a pair. Alone, as the second alone, it is no character.
        if code & 0xfc00 == 0xd800 && self.takes(b'\\') && self.byte() == b'u' {
            let second = self.hex()?;
            if second & 0xfc00 == 0xdc00 {
                code = (((code & 0x3ff) << 10) | (second & 0x3ff)).saturating_add(0x1_0000);
            }
        }
        let lone = "lone surrogate in hex escape";
        char::from_u32(code).or_else(|| self.fail(lone, lone))
    }

    /// The four digits behind the `u`.
    fn hex(&mut self) -> Option<u32> {
        self.step();
        let mut code = 0;
        for _ in 0..4 {
            let Some(digit) = char::from(self.byte()).to_digit(16) else {
                return self.fail("invalid escape", "EOF while parsing a string");
            };
            code = (code << 4) | digit;
            self.step();
        }
        Some(code)
    }
}

/// A key that two members have.
fn twice(members: &[(String, Json)]) -> Option<&str> {
    if members.len() > FEW {
        // In order from some size on, or a client could buy seconds of comparing with one header. A heap is a small sort.
        let mut keys: BinaryHeap<&str> = members.iter().map(|(key, _)| key.as_str()).collect();
        let mut last = keys.pop();
        while let Some(key) = keys.pop() {
            if last.replace(key) == Some(key) {
                return last;
            }
        }
        return None;
    }
    let mut seen = 0_u64;
    for (index, (key, _)) in members.iter().enumerate() {
        // Keys that differ in this bit need no comparing, and most do.
        let bit = 1_u64.wrapping_shl(key.len() as u32 ^ u32::from(*key.as_bytes().last().unwrap_or(&0)));
        if seen & bit != 0 && members.iter().take(index).any(|(other, _)| other == key) {
            return Some(key);
        }
        seen |= bit;
    }
    None
}

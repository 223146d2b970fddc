//! One raw read of a header map, scanned in place.
//!
//! The buffer is the one `proxy_get_header_map_pairs` returns (proxy-wasm ABI 0.2.1): a little-endian `u32` count, then
//! for each pair the two `u32` lengths, then for each pair the name, a NUL, the value, a NUL. The names come in lower
//! case from Envoy. No header is copied: the index holds offsets.

use crate::bytes::same;

/// A parsed header map. Names and values borrow from the one buffer the host filled.
#[derive(Default)]
pub struct Snapshot {
    raw: Vec<u8>,
    fields: Vec<Field>,
}

struct Field {
    name: Span,
    value: Span,
}

#[derive(Clone, Copy)]
struct Span {
    start: u32,
    end: u32,
}

impl Span {
    fn len(self) -> usize {
        self.end.saturating_sub(self.start) as usize
    }
}

impl Snapshot {
    /// Reads the host's buffer. `None` when it does not follow the ABI.
    #[must_use]
    #[inline(never)]
    pub fn parse(raw: Vec<u8>) -> Option<Self> {
        if raw.is_empty() {
            return Some(Self::default());
        }
        let (count, rest) = raw.split_first_chunk::<4>()?;
        let count = usize::try_from(u32::from_le_bytes(*count)).ok()?;
        let (sizes, _) = rest.get(..count.checked_mul(8)?)?.as_chunks::<8>();
        let mut at = u32::try_from(count.checked_mul(8)?.checked_add(4)?).ok()?;
        let mut fields = Vec::with_capacity(count);
        for &[a, b, c, d, e, f, g, h] in sizes {
            let name = Span { start: at, end: at.checked_add(u32::from_le_bytes([a, b, c, d]))? };
            let start = name.end.checked_add(1)?;
            let value = Span { start, end: start.checked_add(u32::from_le_bytes([e, f, g, h]))? };
            at = value.end.checked_add(1)?;
            fields.push(Field { name, value });
        }
        // Each part begins behind the one before: where the last fits, all do.
        if usize::try_from(at).ok()? > raw.len() {
            return None;
        }
        Some(Self { raw, fields })
    }

    /// Builds the same buffer from pairs: what a test, or the tool, has instead of a host.
    #[must_use]
    pub fn from_pairs<N: AsRef<[u8]>, V: AsRef<[u8]>>(pairs: &[(N, V)]) -> Self {
        Self::parse(encode(pairs)).unwrap_or_default()
    }

    /// All fields in the order of the message.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(|field| (self.slice(field.name), self.slice(field.value)))
    }

    /// All values of one name (in lower case), in the order of the message.
    #[must_use]
    pub fn values<'a>(&'a self, name: &'a [u8]) -> Values<'a> {
        Values { of: self, name, rest: &self.fields }
    }

    /// The first value of one name (in lower case).
    #[must_use]
    #[inline(never)]
    pub fn first(&self, name: &[u8]) -> Option<&[u8]> {
        self.fields.iter().find(|field| self.is_named(field, name)).map(|field| self.slice(field.value))
    }

    fn is_named(&self, field: &Field, name: &[u8]) -> bool {
        field.name.len() == name.len() && same(self.slice(field.name), name)
    }

    fn slice(&self, span: Span) -> &[u8] {
        self.raw.get(span.start as usize..span.end as usize).unwrap_or_default()
    }
}

/// The values of one name.
pub struct Values<'a> {
    of: &'a Snapshot,
    name: &'a [u8],
    rest: &'a [Field],
}

impl<'a> Iterator for Values<'a> {
    type Item = &'a [u8];

    #[inline(never)]
    fn next(&mut self) -> Option<&'a [u8]> {
        while let Some((field, rest)) = self.rest.split_first() {
            self.rest = rest;
            if self.of.is_named(field, self.name) {
                return Some(self.of.slice(field.value));
            }
        }
        None
    }
}

/// Writes pairs in the form that [`Snapshot::parse`] reads and that `proxy_send_local_response` takes.
#[must_use]
pub fn encode<N: AsRef<[u8]>, V: AsRef<[u8]>>(pairs: &[(N, V)]) -> Vec<u8> {
    let mut out = Vec::new();
    let size = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
    out.extend_from_slice(&u32::try_from(pairs.len()).unwrap_or(u32::MAX).to_le_bytes());
    for (name, value) in pairs {
        out.extend_from_slice(&size(name.as_ref()));
        out.extend_from_slice(&size(value.as_ref()));
    }
    for (name, value) in pairs {
        out.extend_from_slice(name.as_ref());
        out.push(0);
        out.extend_from_slice(value.as_ref());
        out.push(0);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn what_is_encoded_is_read_back() {
        let pairs: [(&[u8], &[u8]); 4] = [(b":path", b"/"), (b"a", b""), (b"b", &[0, 255, 10]), (b"a", b"2")];
        let snapshot = Snapshot::from_pairs(&pairs);
        assert_eq!(snapshot.iter().collect::<Vec<_>>(), pairs);
        assert_eq!(snapshot.values(b"a").collect::<Vec<_>>(), [b"".as_slice(), b"2"]);
        assert_eq!(
            (snapshot.first(b"a"), snapshot.first(b"b")),
            (Some(b"".as_slice()), Some(&[0, 255, 10][..]))
        );
        assert_eq!(
            (snapshot.first(b""), snapshot.first(b":pat"), snapshot.values(b"c").next()),
            (None, None, None)
        );
    }

    #[test]
    fn an_empty_buffer_is_an_empty_map() {
        assert_eq!(Snapshot::parse(Vec::new()).unwrap().iter().count(), 0);
    }

    #[test]
    fn a_buffer_that_lies_is_refused() {
        let good = encode(&[("name", "value")]);
        for end in 1..good.len() {
            assert!(Snapshot::parse(good[..end].to_vec()).is_none(), "cut at {end}");
        }
        let mut huge = good.clone();
        huge[0..4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(Snapshot::parse(huge).is_none());
        let mut long = good;
        long[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(Snapshot::parse(long).is_none());
    }
}

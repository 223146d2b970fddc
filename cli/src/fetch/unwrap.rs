//! Taking a module out of what it was sent in: gzip and tar, one around the other, until it is WebAssembly.

use std::io::Read as _;

use flate2::read::MultiGzDecoder;

use crate::module::is_wasm;

/// More than this is nobody's way to send a module.
const MOST_WRAPPINGS: usize = 16;

/// The module; the bytes as they came when there is none in them, for whoever asked to complain.
pub(super) fn unwrap(origin: Vec<u8>, most: u64) -> Result<Vec<u8>, String> {
    if is_wasm(&origin) {
        return Ok(origin);
    }
    let mut inner = peel(&origin, most)?;
    for _ in 0..MOST_WRAPPINGS {
        match inner {
            Some(bytes) if is_wasm(&bytes) => return Ok(bytes),
            Some(bytes) => inner = peel(&bytes, most)?,
            None => break,
        }
    }
    Ok(origin)
}

/// What is inside; nothing when this is no wrapping, or a broken one.
fn peel(bytes: &[u8], most: u64) -> Result<Option<Vec<u8>>, String> {
    if bytes.starts_with(&[0x1f, 0x8b]) {
        return bounded(MultiGzDecoder::new(bytes), most);
    }
    if bytes.get(257..262) != Some(b"ustar") {
        return Ok(None);
    }
    let mut archive = tar::Archive::new(bytes);
    let Ok(mut entries) = archive.entries() else { return Ok(None) };
    let Some(Ok(entry)) = entries.next() else { return Ok(None) };
    let size = entry.size();
    let inside = bounded(entry, most)?;
    Ok(inside.filter(|inside| u64::try_from(inside.len()) == Ok(size)))
}

fn bounded(reader: impl std::io::Read, most: u64) -> Result<Option<Vec<u8>>, String> {
    let mut inside = Vec::new();
    if reader.take(most.saturating_add(1)).read_to_end(&mut inside).is_err() {
        return Ok(None);
    }
    if u64::try_from(inside.len()).unwrap_or(u64::MAX) > most {
        return Err(format!("the unpacked module exceeds the limit of {most} bytes"));
    }
    Ok(Some(inside))
}

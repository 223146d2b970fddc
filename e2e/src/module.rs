//! Modules that differ in their bytes and in nothing else.

/// The same module with a custom section at its end, which every runtime ignores: other bytes, another digest.
#[must_use]
pub fn variant(module: &[u8], number: u8) -> Vec<u8> {
    let name = b"variant";
    let content = [&[7_u8], name.as_slice(), &[number]].concat();
    let mut bytes = module.to_vec();
    // Section 0 is a custom one; its length fits in one byte.
    bytes.extend([0, u8::try_from(content.len()).unwrap_or_default()]);
    bytes.extend(content);
    bytes
}

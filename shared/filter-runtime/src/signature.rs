//! Argument and result of Envoy's foreign function `verify_signature`, in the few bytes of Protocol Buffers they need.

use policy_core::Signature;

const VARINT: u64 = 0;
const BYTES: u64 = 2;

/// `VerifySignatureArguments`: 1 hash function, 2 public key, 3 signature, 4 text.
pub(crate) fn argument(signature: &Signature<'_>) -> Vec<u8> {
    let Signature { hash, public_key, signature, text } = *signature;
    let mut out = Vec::new();
    for (field, bytes) in (1_u8..).zip([hash.as_bytes(), public_key, signature, text]) {
        out.push(field.wrapping_shl(3) | BYTES.to_le_bytes()[0]);
        push_varint(&mut out, bytes.len());
        out.extend_from_slice(bytes);
    }
    out
}

/// The field `result` (1) of `VerifySignatureResult`; absent, it is false. `None` for what is no such message.
pub(crate) fn verdict(mut message: &[u8]) -> Option<bool> {
    let mut right = false;
    while !message.is_empty() {
        let tag = take_varint(&mut message)?;
        let (field, kind) = (tag >> 3, tag & 7);
        let value = take_varint(&mut message)?;
        match kind {
            VARINT if field == 1 => right = value != 0,
            VARINT => {}
            BYTES => message = message.get(usize::try_from(value).ok()?..)?,
            _ => return None,
        }
    }
    Some(right)
}

fn push_varint(out: &mut Vec<u8>, mut value: usize) {
    while value > 0x7f {
        out.push(0x80 | value.to_le_bytes()[0] & 0x7f);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

//! The little DER (X.690) that hosts want keys and signatures in.

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;

/// `rsaEncryption` with its parameters, NULL (RFC 3279, 2.3.1).
const RSA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";

/// `id-ecPublicKey` (RFC 5480, 2.1.1); a curve follows.
const EC: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01";

/// `secp256r1`.
pub(crate) const P256: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";

/// `secp384r1`.
pub(crate) const P384: &[u8] = b"\x06\x05\x2b\x81\x04\x00\x22";

/// `secp521r1`.
pub(crate) const P521: &[u8] = b"\x06\x05\x2b\x81\x04\x00\x23";

/// A `SubjectPublicKeyInfo` with an `RSAPublicKey` of this modulus and exponent, big-endian.
pub(crate) fn rsa_key(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let key = element(SEQUENCE, &[&integer(modulus), &integer(exponent)]);
    public_key(&[RSA], &[&key])
}

/// A `SubjectPublicKeyInfo` with an uncompressed point.
pub(crate) fn ec_key(curve: &[u8], point: &[u8]) -> Vec<u8> {
    public_key(&[EC, curve], &[point])
}

/// An `Ecdsa-Sig-Value` (RFC 3279, 2.2.3).
pub(crate) fn ecdsa_signature(r: &[u8], s: &[u8]) -> Vec<u8> {
    element(SEQUENCE, &[&integer(r), &integer(s)])
}

/// The bytes of a number, without leading zeros.
pub(crate) fn trim(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

fn public_key(algorithm: &[&[u8]], key: &[&[u8]]) -> Vec<u8> {
    // A bit string begins with the number of bits that its last byte lacks.
    let bits: Vec<&[u8]> = std::iter::once(&[0][..]).chain(key.iter().copied()).collect();
    element(SEQUENCE, &[&element(SEQUENCE, algorithm), &element(BIT_STRING, &bits)])
}

/// A number from 0: shortest form, and a zero byte before a set top bit, which would be a sign.
fn integer(number: &[u8]) -> Vec<u8> {
    let number = trim(number);
    let sign: &[u8] = if number.first().is_none_or(|byte| *byte >= 0x80) { &[0] } else { &[] };
    element(INTEGER, &[sign, number])
}

fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let bytes = length.to_be_bytes();
    let bytes = trim(&bytes);
    let mut element = Vec::with_capacity(length.saturating_add(8));
    element.push(tag);
    match bytes {
        [] => element.push(0),
        [short @ ..0x80] => element.push(*short),
        long => {
            element.push(0x80 | u8::try_from(long.len()).unwrap_or(u8::MAX));
            element.extend_from_slice(long);
        }
    }
    parts.iter().for_each(|part| element.extend_from_slice(part));
    element
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn numbers_are_as_short_as_their_sign_allows() {
        for (number, der) in [
            (&b""[..], &b"\x02\x01\x00"[..]),
            (b"\x00\x00", b"\x02\x01\x00"),
            (b"\x00\x7f", b"\x02\x01\x7f"),
            (b"\x80", b"\x02\x02\x00\x80"),
            (b"\x01\x00\x01", b"\x02\x03\x01\x00\x01"),
        ] {
            assert_eq!(integer(number), der);
        }
    }

    #[test]
    fn lengths_take_as_many_bytes_as_they_need() {
        for (length, head) in [
            (0, &b"\x30\x00"[..]),
            (127, b"\x30\x7f"),
            (128, b"\x30\x81\x80"),
            (255, b"\x30\x81\xff"),
            (256, b"\x30\x82\x01\x00"),
        ] {
            let der = element(SEQUENCE, &[&vec![7; length]]);
            assert_eq!((&der[..head.len()], der.len()), (head, head.len() + length));
        }
    }
}

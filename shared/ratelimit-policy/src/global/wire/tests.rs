//! Messages by hand, so that what is written is not checked against itself.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

fn entry(key: &str, value: &str) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

#[test]
fn a_request_is_written_as_the_protocol_has_it() {
    let one = vec![vec![entry("k", "")]];
    for (hits, expected) in [
        (1, &b"\0\0\0\0\x0c\x0a\x01d\x12\x07\x0a\x05\x0a\x01k\x12\0"[..]),
        (2, b"\0\0\0\0\x0e\x0a\x01d\x12\x07\x0a\x05\x0a\x01k\x12\0\x18\x02"),
        (300, b"\0\0\0\0\x0f\x0a\x01d\x12\x07\x0a\x05\x0a\x01k\x12\0\x18\xac\x02"),
    ] {
        assert_eq!(request("d", &one, hits).unwrap(), expected, "{hits}");
    }
    let two = vec![vec![entry("a", "1"), entry("b", "2")], vec![entry("none", "none")]];
    let expected = b"\0\0\0\0\x27\x0a\x01d\x12\x10\x0a\x06\x0a\x01a\x12\x011\x0a\x06\x0a\x01b\x12\x012\x12\x0e\x0a\x0c\x0a\x04none\x12\x04none";
    let written = request("d", &two, 0).unwrap();
    assert_eq!(written[5..], expected[5..]);
    assert_eq!(written[4] as usize, written.len() - 5);
}

#[test]
fn long_texts_have_long_lengths() {
    let written = request("d", &[vec![entry("k", &"v".repeat(300))]], 1).unwrap();
    assert!(written.windows(3).any(|window| window == b"\x12\xac\x02"));
    assert!(request("d", &[vec![entry("k", &"v".repeat(LARGEST_REQUEST))]], 1).is_none());
    assert!(request("d", &[], 1).is_none());
}

#[test]
fn one_whole_frame_is_read() {
    assert_eq!(unframed(b"\0\0\0\0\x02ab"), Some(&b"ab"[..]));
    assert_eq!(unframed(b"\0\0\0\0\0"), Some(&b""[..]));
    for bad in [
        &b""[..],
        b"\0\0\0\0",
        b"\x01\0\0\0\x02ab",
        b"\0\0\0\0\x03ab",
        b"\0\0\0\0\x01ab",
        b"\0\xff\xff\xff\xffab",
        b"\0\0\0\0\x01a\0\0\0\0\x01b",
    ] {
        assert_eq!(unframed(bad), None, "{bad:?}");
    }
}

/// A field of bytes.
fn of(number: u8, content: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, content.len() as u8], content].concat()
}

#[test]
fn an_answer_is_read_with_its_statuses_and_headers() {
    let message = [
        &b"\x08\x02"[..],
        // 3 of `current_limit`, 0 left, 2.5 s.
        &of(2, b"\x08\x02\x12\x02\x08\x03\x18\x00\x22\x08\x08\x02\x10\x80\xca\xb5\xee\x01"),
        &of(2, b"\x08\x01\x18\x05"),
        &of(3, b"\x0a\x11x-ratelimit-limit\x12\x013"),
        &of(3, b"\x0a\x01A\x1a\x03b\x0d\x0a"),
        &of(3, b"\x0a\x04host\x12\x01b"),
        &of(3, b"\x0a\x03a b\x12\x01b"),
        &of(4, b"\x0a\x01c\x12\x01d"),
        // Fields of later versions: bytes, a fixed 64, a fixed 32, a number.
        &of(5, b"raw"),
        b"\x31\0\0\0\0\0\0\0\0\x3d\0\0\0\0\x40\x07",
    ]
    .concat();
    let answer = response(&message).unwrap();
    assert!(answer.over);
    let statuses: Vec<_> = answer
        .statuses
        .iter()
        .map(|status| (status.over, status.known, status.remaining, status.reset))
        .collect();
    assert_eq!(statuses, [(true, true, 0, Some(3)), (false, false, 5, None)]);
    let shown = |headers: &[(HeaderName, HeaderValue)]| -> Vec<String> {
        headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
            .collect()
    };
    assert_eq!(shown(&answer.response_headers), ["x-ratelimit-limit: 3", "a: b%0D%0A"]);
    assert_eq!(shown(&answer.request_headers), ["c: d"]);
}

#[test]
fn an_answer_that_is_none_is_not_read() {
    for bad in [
        &b""[..],
        b"\x08\x00",
        b"\x08\x03",
        b"\x08",
        b"\x08\x01\x12",
        b"\x08\x01\x12\x05a",
        b"\x08\x01\x0b",
        b"\x08\x01\x00\x01",
        b"\x08\x01\x12\x01\x08",
        b"\x08\x01\x1a\x02\x0a\x05",
        b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    ] {
        assert_eq!(response(bad), None, "{bad:?}");
    }
    assert_eq!(response(b"\x08\x01"), Some(Response::default()));
}

#[test]
fn a_duration_is_in_whole_seconds_never_early() {
    for (message, expected) in [
        (&b""[..], 0),
        (b"\x08\x05", 5),
        (b"\x10\x01", 1),
        (b"\x08\x05\x10\x01", 6),
        (b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 0),
        (b"\x08\x01\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 1),
    ] {
        assert_eq!(seconds(message), Some(expected), "{message:?}");
    }
}

#[test]
fn an_answer_holds_so_many_members_and_no_more() {
    let many =
        [b"\x08\x01".to_vec(), of(2, b"\x08\x01").repeat(500), of(3, b"\x0a\x01a").repeat(500)].concat();
    let answer = response(&many).unwrap();
    assert_eq!((answer.statuses.len(), answer.response_headers.len()), (MAX_MEMBERS, MAX_MEMBERS));
}

#[cfg(not(target_arch = "wasm32"))]
proptest::proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
        let _ = (unframed(&bytes), response(&bytes), seconds(&bytes));
    }

    /// What is written can be read: by the field's rules, which both messages share.
    #[test]
    fn a_number_is_read_as_it_was_written(number: u64) {
        let mut message = vec![8];
        varint(&mut message, number);
        let read = Fields(&message).map(|field| match field { Some((1, Value::Number(number))) => number, _ => panic!() });
        proptest::prop_assert_eq!(read.collect::<Vec<_>>(), [number]);
    }
}

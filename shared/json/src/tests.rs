#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

#[cfg(not(target_arch = "wasm32"))]
mod oracle;

fn read(text: &str) -> Result<Json, String> {
    Json::parse(text.as_bytes()).map_err(|error| error.to_string())
}

fn text(text: &str) -> Json {
    Json::Text(text.to_owned())
}

#[test]
fn what_is_written_is_what_was_read() {
    for text in [
        r#"{"a":[1,-2,1.5,true,null,"x\"\\\u0001\u007fé"],"b":{},"c":[]}"#,
        "[0,-0,0.0,1e3,1E+03,-1.50e-7,18446744073709551615,18446744073709551616,1e999999999]",
        "[-1,-9223372036854775808,-9223372036854775809]",
        r#""""#,
        "false",
    ] {
        assert_eq!(read(text).unwrap().to_string(), text);
    }
}

#[test]
fn a_number_is_of_the_kind_that_holds_it() {
    let decimal = |text| Json::Decimal(Decimal::of(text));
    for (text, expected) in [
        ("0", Json::Unsigned(0)),
        ("18446744073709551615", Json::Unsigned(u64::MAX)),
        ("-1", Json::Signed(-1)),
        ("-9223372036854775808", Json::Signed(i64::MIN)),
        ("-0", decimal("-0")),
        ("1.0", decimal("1.0")),
        ("1e2", decimal("1e2")),
        ("18446744073709551616", decimal("18446744073709551616")),
        ("-9223372036854775809", decimal("-9223372036854775809")),
    ] {
        assert_eq!(read(text).unwrap(), expected);
    }
}

#[test]
fn a_number_is_scaled_exactly_and_rounded_down() {
    for (text, digits, expected) in [
        ("12", 3, Some(12_000)),
        ("12.3456", 3, Some(12_345)),
        ("1.001", 3, Some(1001)),
        ("0.9999", 3, Some(999)),
        ("0.0009", 3, Some(0)),
        ("1.5", 0, Some(1)),
        ("1e3", 0, Some(1000)),
        ("1.25E+1", 1, Some(125)),
        ("125e-2", 1, Some(12)),
        ("125e-9", 1, Some(0)),
        ("0.00000000000000000000000000000000001e35", 0, Some(1)),
        ("100000000000000000000000000000000000e-35", 0, Some(1)),
        ("-0", 3, Some(0)),
        ("-0.000e9", 3, Some(0)),
        ("0e999999999999999999999999", 3, Some(0)),
        ("1e-999999999999999999999999", 3, Some(0)),
        ("1e999999999999999999999999", 3, None),
        ("0.1e9223372036854775807", 3, None),
        ("18446744073709551615.9", 0, Some(u64::MAX)),
        ("18446744073709551616.0", 0, None),
        ("18446744073709551615", 0, Some(u64::MAX)),
        ("18446744073709551615", 1, None),
        ("1", 20, None),
        ("0", 19, Some(0)),
        ("-1", 3, None),
        ("-0.0001", 3, None),
        ("-1e-999999999999", 3, None),
        ("true", 3, None),
        ("\"12\"", 3, None),
    ] {
        assert_eq!(read(text).unwrap().scaled(digits), expected, "{text} {digits}");
    }
}

#[test]
fn a_string_is_what_its_escapes_say() {
    for (json, expected) in [
        (r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
        (r#""\u0041\u00e9\u20AC\ud83d\ude00\uDBFF\uDFFF\u0000""#, "Aé€😀\u{10ffff}\0"),
        ("\"eight, é and more\\nthan eight\u{7f}\u{2028}\"", "eight, é and more\nthan eight\u{7f}\u{2028}"),
        ("\"\"", ""),
    ] {
        assert_eq!(read(json).unwrap(), text(expected));
    }
}

#[test]
fn blanks_stand_between_all_and_nowhere_else() {
    let json = read("\r\n\t {\n\"a\" :\t[ 1 ,\r2 ] , \"b\":{ } } \n").unwrap();
    assert_eq!(json.to_string(), r#"{"a":[1,2],"b":{}}"#);
    for bad in ["\u{a0}1", "\u{b}1", "1\u{c}", "- 1", "1 .5", "1e 5", "nu ll", "\u{feff}{}", "[1]\0", "\0"] {
        assert!(read(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn each_mistake_is_named_with_its_place() {
    for (text, expected) in [
        ("", "EOF while parsing a value at line 1 column 1"),
        ("\n ", "EOF while parsing a value at line 2 column 1"),
        ("nul", "EOF while parsing a value at line 1 column 3"),
        ("nulL", "expected true, false or null at line 1 column 4"),
        ("TRUE", "expected value at line 1 column 1"),
        ("'a'", "expected value at line 1 column 1"),
        ("// a\n1", "expected value at line 1 column 1"),
        ("[1,\n2,\n/**/]", "expected value at line 3 column 1"),
        ("{}\n{}", "trailing characters at line 2 column 1"),
        ("[", "EOF while parsing a list at line 1 column 1"),
        ("[1", "EOF while parsing a list at line 1 column 2"),
        ("[1 2]", "expected `,` or `]` at line 1 column 4"),
        ("[1,]", "trailing comma at line 1 column 4"),
        ("[,1]", "expected value at line 1 column 2"),
        ("[1,,2]", "expected value at line 1 column 4"),
        ("]", "expected value at line 1 column 1"),
        ("[1}", "expected `,` or `]` at line 1 column 3"),
        ("{\"a\"", "EOF while parsing an object at line 1 column 4"),
        ("{\"a\" 1}", "expected `:` at line 1 column 6"),
        ("{\"a\":1 \"b\":2}", "expected `,` or `}` at line 1 column 8"),
        ("{\"a\":1,}", "trailing comma at line 1 column 8"),
        ("{a:1}", "key must be a string at line 1 column 2"),
        ("{\"a\":}", "expected value at line 1 column 6"),
        ("{\"a\":1,\n \"a\":2}", "the key \"a\" is given twice at line 2 column 7"),
        ("{\"\\u0061\\n\":1,\"a\\n\":{}}", "the key \"a\\n\" is given twice at line 1 column 23"),
        ("01", "invalid number at line 1 column 2"),
        ("-", "EOF while parsing a value at line 1 column 1"),
        ("-a", "invalid number at line 1 column 2"),
        ("-01", "invalid number at line 1 column 3"),
        ("1.", "EOF while parsing a value at line 1 column 2"),
        ("[1.]", "invalid number at line 1 column 4"),
        ("1.e1", "invalid number at line 1 column 3"),
        ("1e+", "EOF while parsing a value at line 1 column 3"),
        ("1e+-1", "invalid number at line 1 column 4"),
        (".5", "expected value at line 1 column 1"),
        ("+1", "expected value at line 1 column 1"),
        ("0x1", "trailing characters at line 1 column 2"),
        ("1.5.5", "trailing characters at line 1 column 4"),
        ("NaN", "expected value at line 1 column 1"),
        ("\"a", "EOF while parsing a string at line 1 column 2"),
        ("\"a\\", "EOF while parsing a string at line 1 column 3"),
        ("\"\\x41\"", "invalid escape at line 1 column 3"),
        ("\"\\u00g0\"", "invalid escape at line 1 column 6"),
        ("\"\\u+123\"", "invalid escape at line 1 column 4"),
        ("\"\\u00", "EOF while parsing a string at line 1 column 5"),
        ("\"a\nb\"", "control character (\\u0000-\\u001F) found while parsing a string at line 1 column 3"),
        ("\"\0\"", "control character (\\u0000-\\u001F) found while parsing a string at line 1 column 2"),
        ("\"\\ud800\"", "lone surrogate in hex escape at line 1 column 8"),
        ("\"\\udc00\\ud800\"", "lone surrogate in hex escape at line 1 column 8"),
        ("\"\\ud800\\u0041\"", "lone surrogate in hex escape at line 1 column 14"),
        ("\"\\ud800\\n\"", "lone surrogate in hex escape at line 1 column 9"),
    ] {
        assert_eq!(read(text).unwrap_err(), expected, "{text:?}");
    }
}

#[test]
fn what_is_not_utf8_is_refused() {
    for bad in
        [&b"\"\xff\""[..], b"\"\xc0\x80\"", b"\"\xed\xa0\x80\"", b"\"\xe2\x82\"", b"\"\xf4\x90\x80\x80\""]
    {
        assert_eq!(Json::parse(bad).unwrap_err().to_string(), "not UTF-8 at line 1 column 2");
    }
}

#[test]
fn only_so_many_levels_are_read() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let nested = |levels| format!("{}0{}", open.repeat(levels), close.repeat(levels));
        assert!(read(&nested(127)).is_ok());
        assert!(read(&nested(128)).unwrap_err().starts_with("recursion limit exceeded at line 1 column"));
    }
    // Side by side is not nested.
    assert!(read(&format!("[{}[]]", "[[]],{\"a\":{}},".repeat(200))).is_ok());
}

#[test]
fn a_key_given_twice_is_found_among_few_and_among_many() {
    for keys in [2, 31, 32, 33, 34, 400, 10_000] {
        let members: Vec<String> = (0..keys).map(|key| format!("\"k{key}\":0")).collect();
        assert!(read(&format!("{{{}}}", members.join(","))).is_ok());
        for twice in [0, keys / 2, keys - 1] {
            let text = format!("{{{},\"k{twice}\":0}}", members.join(","));
            let error = Json::parse(text.as_bytes()).unwrap_err();
            assert!(error.is_duplicate(), "{keys} {twice}");
            let expected = format!("the key \"k{twice}\" is given twice at line 1 column {}", text.len());
            assert_eq!(error.to_string(), expected);
        }
    }
}

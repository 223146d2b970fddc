//! Any bytes as JSON: what we take `serde_json` takes, and what is written is read as what it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use policy_core::json::Json;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    match (Json::parse(data), serde_json::from_slice::<Value>(data)) {
        (Ok(ours), Ok(theirs)) => {
            compare(&ours, &theirs);
            assert_eq!(Json::parse(ours.to_string().as_bytes()), Ok(ours));
        }
        (Ok(ours), Err(theirs)) => assert!(theirs.to_string().contains("out of range"), "{theirs}: {ours}"),
        // They take the last of two members with one name.
        (Err(ours), Ok(_)) => assert!(ours.is_duplicate(), "{ours}"),
        (Err(_), Err(_)) => {}
    }
});

fn compare(ours: &Json, theirs: &Value) {
    match (ours, theirs) {
        (Json::Null, Value::Null) => {}
        (Json::Bool(ours), Value::Bool(theirs)) => assert_eq!(ours, theirs),
        (Json::Unsigned(ours), Value::Number(theirs)) => assert_eq!(Some(*ours), theirs.as_u64()),
        (Json::Signed(ours), Value::Number(theirs)) => assert_eq!(Some(*ours), theirs.as_i64()),
        (Json::Decimal(_), Value::Number(theirs)) => {
            assert!(theirs.is_f64());
            // Whatever the exponent, it is said in no time.
            let _ = ours.scaled(9);
        }
        (Json::Text(ours), Value::String(theirs)) => assert_eq!(ours, theirs),
        (Json::List(ours), Value::Array(theirs)) => {
            assert_eq!(ours.len(), theirs.len());
            ours.iter().zip(theirs).for_each(|(ours, theirs)| compare(ours, theirs));
        }
        (Json::Object(ours), Value::Object(theirs)) => {
            assert_eq!(ours.len(), theirs.len());
            ours.iter().for_each(|(key, value)| compare(value, &theirs[key]));
        }
        _ => panic!("{ours:?}, not {theirs:?}"),
    }
}

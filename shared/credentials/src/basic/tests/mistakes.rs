//! Configurations that are refused.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

#[test]
fn each_mistake_is_named_and_no_hash_is() {
    let salted = "abcdefghijklmnopqrstuu";
    for (lines, expected) in [
        (&[][..], "basic.users: give at least one line"),
        (&["hunter2"], "basic.users[0]: line 1: expected name:hash"),
        (&[BOB, "ann:hunter2"], "basic.users[1]: line 1: expected a bcrypt hash or {SHA}"),
        (&["ann:$apr1$x$hunter2"], "htpasswd -nB name"),
        (&["ann:$2x$04$hunter2"], "expected a bcrypt hash"),
        (&["ann:$2y$03$hunter2"], "a bcrypt cost goes from 4 to 14"),
        (&["ann:$2y$15$hunter2"], "a bcrypt cost goes from 4 to 14"),
        (&["ann:$2y$4$hunter2"], "not a whole bcrypt hash"),
        (&["ann:$2y$+4$hunter2"], "not a whole bcrypt hash"),
        (&["ann:$2y$10$hunter2"], "not a whole bcrypt hash"),
        (&[&format!("ann:$2y$10${salted}hunter2")], "not a whole bcrypt hash"),
        (&[&format!("ann:$2y$10${salted}{}!", "a".repeat(30))], "not a whole bcrypt hash"),
        (&["ann:{SHA}hunter2"], "not the base64 of 20 bytes"),
        (&[":{SHA}87u9ZqY9S/F0eUBXjsPQEDUw4h0="], "a user name has 1 to 256"),
        (&[ANN, ANN_NEXT, ANN], "basic.users[2]: line 1: this user has 2 passwords already"),
    ] {
        let error = compile(lines).err().unwrap();
        assert!(error.contains(expected), "{lines:?}: {error}");
        assert!(!error.contains("hunter2") && !error.contains(salted), "{error}");
    }
    for (json, expected) in [
        (r#"{"users":[{"env":"BAD_LINE"}]}"#, "basic.users[0]: line 2: expected name:hash"),
        (r#"{"users":[{"env":"COMMENT"}]}"#, "basic.users: give at least one line"),
        (r#"{"users":[{"env":"GONE"}]}"#, "basic.users[0].env: the environment variable"),
        (r#"{"users":["BOB"],"realm":"ü"}"#, "basic.realm: "),
        (r#"{"users":["BOB"],"forwardUserHeader":":path"}"#, "basic.forwardUserHeader: "),
        (r#"{"users":["BOB"],"forwardUserHeader":"Authorization"}"#, "name another header"),
        (r#"{"user":["BOB"]}"#, "did you mean"),
    ] {
        let error = compile_json(&json.replace("BOB", BOB)).err().unwrap();
        assert!(error.contains(expected), "{json}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

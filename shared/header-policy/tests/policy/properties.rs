//! What holds for any bytes.

use policy_core::table::Table;
use proptest::collection::vec;
use proptest::prelude::*;

use super::support::{compile, run};

fn token() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9-]{0,11}"
}

fn message() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    vec((token(), vec(any::<u8>(), 0..40)), 0..12)
}

fn table(message: &[(String, Vec<u8>)], first: &[(&str, &[u8])]) -> Table {
    let own = first.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.to_vec()));
    let rest = message.iter().map(|(name, value)| (name.clone().into_bytes(), value.clone()));
    Table { headers: own.chain(rest).collect(), ..Table::default() }
}

const EVERYTHING: &str = r#"{"rules":[
    {"name":"a","match":{"headers":[{"name":"a","regex":"[^x]*"}]},"request":{"set":[{"name":"x-a","value":"%REQ(a)%"}]},
     "response":{"set":[{"name":"x-a","value":"%REQ(a)%%RESP(b)%"}],"copy":[{"from":"b","to":"c"}]}},
    {"name":"b","request":{"rename":[{"from":"b","to":"d"}],"remove":["e*","*f"]},"response":{"add":[{"name":"x-b","value":"%RESP(a):3%"}]}}],
    "requestId":{"echo":true},"toFilterState":[{"header":"a","key":"a","rewrite":{"pattern":".","substitution":"\\0\\0"}}],
    "securityHeaders":{"preset":"owasp","mode":"merge","contentSecurityPolicy":{"directives":{"script-src":["'self'","nonce"]},"mode":"merge"}},
    "cookies":{"secure":true,"httpOnly":true,"sameSite":"Strict","path":"/"},"failureMode":"allow"}"#;

proptest! {
    #[test]
    fn no_bytes_trap_and_nothing_we_write_holds_a_control_byte(
        request in message(), response in message(), path in vec(any::<u8>(), 0..30), host in vec(any::<u8>(), 0..30),
        html in any::<bool>(), cookie in vec(any::<u8>(), 0..60),
    ) {
        let policy = compile(EVERYTHING);
        let request = table(&request, &[(":path", &path), (":authority", &host)]);
        let kind: &[u8] = if html { b"text/html" } else { b"image/png" };
        let response = table(&response, &[("content-type", kind), ("set-cookie", &cookie)]);
        let outcome = run(&policy, &request, &response);
        for (before, after) in [(&request.headers, &outcome.upstream), (&response.headers, &outcome.client)] {
            for pair in after.iter().filter(|pair| !before.contains(pair)) {
                let clean = pair.1.iter().all(|byte| *byte == b'\t' || (*byte >= 0x20 && *byte != 0x7f));
                prop_assert!(clean, "{:?}", pair);
            }
        }
    }

    #[test]
    fn a_config_of_any_text_is_read_or_refused(text in ".{0,80}") {
        use policy_core::Plugin;
        let _ = header_policy::HeaderPlugin::from_json(text.as_bytes(), &|_| None);
        let in_value = serde_json::json!({"rules": [{"request": {"set": [{"name": "a", "value": text}]}}]});
        let _ = header_policy::HeaderPlugin::from_json(in_value.to_string().as_bytes(), &|_| None);
        let in_regex = serde_json::json!({"rules": [{"match": {"paths": [{"regex": text}]}, "request": {"remove": ["a"]}}]});
        let _ = header_policy::HeaderPlugin::from_json(in_regex.to_string().as_bytes(), &|_| None);
    }

    #[test]
    fn a_rule_set_that_does_not_match_changes_nothing(request in message(), response in message()) {
        let policy = compile(r#"{"rules":[{"match":{"methods":["PATCH"]},"request":{"remove":["a*"]},"response":{"remove":["a*"]}}]}"#);
        let request = table(&request, &[(":method", b"GET")]);
        let response = table(&response, &[]);
        let outcome = run(&policy, &request, &response);
        prop_assert_eq!(outcome.upstream, request.headers);
        prop_assert_eq!(outcome.client, response.headers);
    }
}

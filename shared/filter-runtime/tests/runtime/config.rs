//! What a refused configuration says in Envoy's log.

use auth_policy::AuthPlugin;
use filter_runtime::export::callbacks;
use header_policy::HeaderPlugin;
use testkit::Proxy;

use crate::asker::AskerPlugin;

#[test]
fn a_refusal_is_logged_with_path_and_reason() {
    let Err(refused) = Proxy::start::<HeaderPlugin>(r#"{"rules":[{"reqest":{}}]}"#) else {
        panic!("accepted")
    };
    assert_eq!(
        refused.0,
        "tollgate.header: configuration refused: rules[0].reqest: unknown field \"reqest\", did you mean \"request\"? \
         (allowed: name, match, enforcement, percent, percentBy, request, response)"
    );
}

#[test]
fn no_configuration_at_all_is_a_filter_that_does_nothing() {
    let mut proxy = Proxy::start::<HeaderPlugin>("").unwrap();
    let answer = proxy.request(&[("a", "1")]).send();
    assert_eq!(answer.upstream("a"), ["1"]);
    assert!(answer.request_calls.is_empty() && answer.response_calls.is_empty());
}

#[test]
fn counters_are_defined_once_per_configuration() {
    let mut proxy = Proxy::start::<HeaderPlugin>(
        r#"{"rules":[{"name":"a","enforcement":"shadow","request":{"remove":["x"]}}]}"#,
    )
    .unwrap();
    for _ in 0..3 {
        let answer = proxy.request(&[("x", "1")]).send();
        assert_eq!(answer.upstream("x"), ["1"], "shadow changes nothing");
        assert!(!answer.request_calls.contains(&"define_metric"));
    }
    let shadow = "wasm_filter.header.tag.shadow;.component.a.tollgate_requests".to_owned();
    assert_eq!(proxy.counters(), [(shadow, 3)]);
}

#[test]
fn a_module_exports_the_callbacks_that_its_plugin_needs() {
    let list = |bytes: [u8; 256]| {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        text.split_whitespace()
            .map(|name| name.strip_prefix("proxy_on_").unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let always = ["context_create", "delete", "configure", "request_headers"];
    for (list, more) in [
        (list(callbacks::<HeaderPlugin>()), ["response_headers"].as_slice()),
        (list(callbacks::<AuthPlugin>()), &["tick", "http_call_response"]),
        (list(callbacks::<AskerPlugin<false>>()), &["http_call_response"]),
        (list(callbacks::<AskerPlugin<true>>()), &["response_headers", "tick", "http_call_response"]),
    ] {
        assert_eq!(list, [always.as_slice(), more].concat());
    }
}

const PARTNERS: &str = r#"{"providers":[{"name":"partners","apiKey":{"from":[{"header":"x-api-key"}],
    "keys":[{"id":"acme","key":{"env":"NAME"}}]}}],"rules":[{"name":"all","require":{"anyOf":["partners"]}}]}"#;

fn with_key_of(variable: &str) -> Result<Proxy, String> {
    Proxy::start::<AuthPlugin>(&PARTNERS.replace("NAME", variable)).map_err(|refused| refused.0)
}

#[test]
fn a_secret_is_the_whole_value_of_its_variable() {
    let mut proxy = with_key_of("TESTKIT_SECRET").unwrap();
    for (key, passes) in [("hunter=2", true), ("hunter", false), ("another", false)] {
        let answer = proxy.request(&[(":path", "/"), (":method", "GET"), ("x-api-key", key)]).send();
        assert_eq!(answer.reply.is_none(), passes, "{key}");
    }
}

#[test]
fn a_variable_that_is_not_there_and_an_empty_one_are_refused() {
    for (variable, reason) in [
        ("TESTKIT", "\"TESTKIT\" is not set"),
        ("TESTKIT_SECRET=hunter", "is not set"),
        ("EMPTY", "must not be empty"),
    ] {
        let refused = with_key_of(variable).err().unwrap();
        assert!(refused.contains(reason), "{refused}");
    }
    for function in ["environ_sizes_get", "environ_get"] {
        let mut proxy = Proxy::unconfigured::<AuthPlugin>();
        proxy.fail(function);
        let refused = proxy.configure(&PARTNERS.replace("NAME", "TESTKIT_SECRET")).err().unwrap();
        assert!(refused.0.contains("is not set"), "{}", refused.0);
    }
}

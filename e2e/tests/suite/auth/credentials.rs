//! API keys and passwords.

use std::time::{Duration, Instant};

use e2e::{Fields, Request};

use crate::support::{Filter, case_of};

const CONFIG: &str = r#"
    providers:
    - name: partners
      apiKey:
        from: [{header: x-api-key}, {query: api_key}, {cookie: key}]
        keys: [{id: acme, sha256: "d131ee2a6e585626aa1537c6309966e7cc52101c597078a46fe2f1d106e4abda", labels: {tier: gold}}, {id: beta, key: {env: BETA_KEY}}]
        hideCredential: true
        forwardIdHeader: x-client-id
    - name: staff
      basic: {realm: staff, users: ["ann:$2y$10$abcdefghijklmnopqrstuubrTNAbjAEPHxLKapLkx1MsD8zcv7YXW", "bob:{SHA}oHryCTyM4ObJvET53dSBiRe/fXQ="]}
    rules:
    - {name: gold, match: {paths: [{prefix: /gold}]}, require: {anyOf: [partners]}, authorize: {labels: {tier: [gold]}}}
    - {name: both, match: {paths: [{prefix: /both}]}, require: {allOf: [partners, staff]}}
    - {name: all, require: {anyOf: [partners, staff]}}
    identity: {header: x-tollgate-identity}
"#;

const ACME: &str = "acme-key-in-the-clear";
const BETA: &str = "beta-key-in-the-clear";

fn basic(user_and_password: &str) -> String {
    use ct_codecs::Encoder as _;
    format!("Basic {}", ct_codecs::Base64::encode_to_string(user_and_password).unwrap())
}

fn check(what: &str, request: Request, status: u16, id: Option<&str>) {
    let case = case_of(Filter::Auth, CONFIG, &request);
    assert_eq!(case.got.status, status, "{what}: {:?}", case.got);
    let identity = case.saw("x-tollgate-identity");
    let identity: Option<serde_json::Value> = identity.map(|text| serde_json::from_str(&text).unwrap());
    assert_eq!(identity.as_ref().and_then(|identity| identity["id"].as_str()), id, "{what}");
}

#[test]
fn keys_are_taken_from_each_place() {
    let get = Request::get;
    check("header", get("/").header("x-api-key", ACME), 200, Some("acme"));
    check("query", get(&format!("/?api_key={BETA}")), 200, Some("beta"));
    check("cookie", get("/").header("cookie", format!("a=b; key={ACME}")), 200, Some("acme"));
    check("the same twice", get(&format!("/?api_key={BETA}")).header("x-api-key", BETA), 200, Some("beta"));
    check("none", get("/"), 401, None);
    check("unknown", get("/").header("x-api-key", "nobody"), 401, None);
    check("empty", get("/").header("x-api-key", ""), 401, None);
    check(
        "the digest itself",
        get("/").header("x-api-key", "d131ee2a6e585626aa1537c6309966e7cc52101c597078a46fe2f1d106e4abda"),
        401,
        None,
    );
}

#[test]
fn credentials_that_disagree_are_refused() {
    let get = Request::get;
    check("two headers", get("/").header("x-api-key", ACME).header("x-api-key", BETA), 401, None);
    check("header and query", get(&format!("/?api_key={BETA}")).header("x-api-key", ACME), 401, None);
    check("good and bad", get(&format!("/?api_key={BETA}")).header("x-api-key", "x"), 401, None);
    check("two parameters", get(&format!("/?api_key={BETA}&api_key=x")), 401, None);
    check("two cookies", get("/").header("cookie", format!("key={ACME}; key={BETA}")), 401, None);
    let ann = basic("ann:ann-password");
    check(
        "two Authorizations",
        get("/").header("authorization", &ann).header("authorization", &ann),
        401,
        None,
    );
    check("a joined one", get("/").header("authorization", format!("{ann}, {ann}")), 401, None);
    check(
        "a bad password beside a good key",
        get("/").header("x-api-key", ACME).header("authorization", basic("ann:x")),
        401,
        None,
    );
}

#[test]
fn passwords_are_checked_by_their_hashes() {
    let get = |text: &str| Request::get("/").header("authorization", basic(text));
    check("bcrypt", get("ann:ann-password"), 200, Some("ann"));
    check("SHA-1", get("bob:bob-password"), 200, Some("bob"));
    for wrong in
        ["ann:bob-password", "ann:", "ann", ":ann-password", "eve:ann-password", "ann:ann-password\0", ""]
    {
        check(wrong, get(wrong), 401, None);
    }
    check("not base64", Request::get("/").header("authorization", "Basic !!!"), 401, None);
    check("another scheme", Request::get("/").header("authorization", "Digest x"), 401, None);
}

#[test]
fn labels_and_combinations_decide() {
    let get = Request::get;
    check("gold", get("/gold").header("x-api-key", ACME), 200, Some("acme"));
    check("not gold", get("/gold").header("x-api-key", BETA), 403, None);
    let both = get("/both").header("x-api-key", ACME).header("authorization", basic("bob:bob-password"));
    let case = case_of(Filter::Auth, CONFIG, &both);
    assert_eq!(case.got.status, 200, "{:?}", case.got);
    drop(case);
    check("one of two", get("/both").header("x-api-key", ACME), 401, None);
}

#[test]
fn a_key_is_hidden_and_its_id_told() {
    let request = Request::get(&format!("/a?b=1&api_key={ACME}&c=%20"))
        .header("x-api-key", ACME)
        .header("cookie", format!("a=b; key={ACME}; c=d"))
        .header("x-client-id", "spoofed")
        .header("X_Client_Id", "spoofed");
    let case = case_of(Filter::Auth, CONFIG, &request);
    let saw = case.saw.clone().unwrap();
    assert_eq!(saw.path, "/a?b=1&c=%20");
    assert_eq!(saw.headers.get("x-client-id").as_deref(), Some("acme"));
    assert_eq!(saw.headers.get("cookie").as_deref(), Some("a=b; c=d"));
    assert!(!saw.headers.has("x_client_id"));
    let Fields(all) = &saw.headers;
    assert!(!all.iter().any(|(_, value)| value.windows(ACME.len()).any(|window| window == ACME.as_bytes())));
}

#[test]
fn a_slow_password_is_checked_once() {
    let request = Request::get("/").header("authorization", basic("ann:ann-password"));
    let timed = || {
        let began = Instant::now();
        let case = case_of(Filter::Auth, CONFIG, &request);
        assert_eq!(case.got.status, 200, "{:?}", case.got);
        began.elapsed()
    };
    timed();
    let next = (0..5).map(|_| timed()).min().unwrap();
    // One check by bcrypt takes the module longer than this by far.
    assert!(next < Duration::from_millis(30), "{next:?}");
}

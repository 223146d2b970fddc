//! What reaches the client: a configuration and the application's headers in, headers out.

mod exchanges;
mod modes;
mod refusals;

use policy_core::time::Timestamp;
use policy_core::{Attribute, Exchange, HeaderName, Host, Snapshot, Source, Write, config};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{Remembered, Security};

/// A host whose random bytes are all the same.
struct Dice(u8);

impl Host for Dice {
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        buffer.fill(self.0);
    }
}

/// A message of an application.
struct Message {
    headers: Vec<(&'static str, Vec<u8>)>,
    tls: bool,
}

impl Source for Message {
    fn headers(&self) -> Snapshot {
        Snapshot::from_pairs(&self.headers)
    }

    fn attribute(&self, attribute: Attribute) -> Option<Vec<u8>> {
        (self.tls && attribute == Attribute::TlsVersion).then(|| b"TLSv1.3".to_vec())
    }

    fn filter_state(&self, _: &str) -> Option<Vec<u8>> {
        None
    }
}

fn message(headers: &[(&'static str, &str)]) -> Message {
    let headers = headers.iter().map(|(name, value)| (*name, value.as_bytes().to_vec())).collect();
    Message { headers, tls: true }
}

fn compile(json: &str) -> Result<Security, String> {
    let compiled = config::parse(json.as_bytes()).and_then(Security::compile);
    compiled.map_err(|error| error.under("securityHeaders").to_string())
}

/// The headers of a response after the policy, and the number of writes it took.
fn respond(json: &str, remembered: Option<&Remembered>, message: &Message) -> (Vec<String>, usize) {
    let mut exchange = Exchange::new(message);
    compile(json).unwrap().on_response(remembered, &mut exchange, &Dice(0));
    let mut names: Vec<String> = Vec::new();
    for name in exchange.headers.names() {
        let name = String::from_utf8_lossy(name).into_owned();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut lines = Vec::new();
    for name in names {
        for value in exchange.headers.values(&HeaderName::parse(&name).unwrap()) {
            lines.push(format!("{name}: {}", String::from_utf8_lossy(value)));
        }
    }
    let writes = exchange.headers.writes().filter(|write| !matches!(write, Write::Remove(_))).count();
    (lines, writes)
}

/// Checks a table of (configuration of one header, what the application says, what the client gets).
fn check(header: &'static str, cases: &[(&str, &[&str], &[&str])]) {
    for (json, app, expected) in cases {
        let pairs: Vec<(&'static str, &str)> = app.iter().map(|value| (header, *value)).collect();
        let (lines, writes) = respond(json, None, &message(&pairs));
        let expected: Vec<String> = expected.iter().map(|value| format!("{header}: {value}")).collect();
        assert_eq!(lines, expected, "{json} {app:?}");
        let unchanged =
            app == &expected.iter().map(|line| line.split_once(": ").unwrap().1).collect::<Vec<_>>();
        assert_eq!(writes == 0, unchanged, "{json} {app:?}: {writes} writes");
    }
}

#[test]
fn the_preset_gives_what_owasp_proposes() {
    let (lines, _) = respond(r#"{"preset":"owasp"}"#, None, &message(&[("content-type", "text/html")]));
    assert_eq!(
        lines,
        [
            "content-type: text/html",
            "strict-transport-security: max-age=31536000; includeSubDomains",
            "x-frame-options: DENY",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "cross-origin-opener-policy: same-origin",
            "cross-origin-embedder-policy: require-corp",
            "cross-origin-resource-policy: same-origin",
            "x-permitted-cross-domain-policies: none",
            "x-dns-prefetch-control: off",
            "permissions-policy: accelerometer=(), autoplay=(), camera=(), clipboard-read=(), clipboard-write=(), \
             cross-origin-isolated=(), display-capture=(), encrypted-media=(), fullscreen=(), gamepad=(), \
             geolocation=(), gyroscope=(), hid=(), idle-detection=(), interest-cohort=(), keyboard-map=(), \
             magnetometer=(), microphone=(), midi=(), payment=(), picture-in-picture=(), \
             publickey-credentials-get=(), screen-wake-lock=(), serial=(), sync-xhr=(self), unload=(), usb=(), \
             web-share=(), xr-spatial-tracking=()",
            "content-security-policy: default-src 'self'; form-action 'self'; base-uri 'self'; object-src 'none'; \
             frame-ancestors 'none'; upgrade-insecure-requests",
        ]
    );
}

#[test]
fn every_mode_of_the_preset_leaves_each_header_once() {
    let (expected, _) = respond(r#"{"preset":"owasp"}"#, None, &message(&[("content-type", "text/html")]));
    let names: Vec<&str> = expected.iter().skip(1).map(|line| line.split_once(": ").unwrap().0).collect();
    for json in [r#"{"preset":"owasp","mode":"override"}"#, r#"{"preset":"owasp","mode":"merge"}"#] {
        let mut app = message(&[("content-type", "text/html")]);
        for name in HEADERS.iter().filter(|name| names.contains(*name) && **name != "content-security-policy")
        {
            app.headers.extend([(*name, b"nonsense".to_vec()), (*name, vec![0, 255])]);
        }
        let (mut lines, _) = respond(json, None, &app);
        lines.sort_unstable();
        let mut expected = expected.clone();
        expected.sort_unstable();
        assert_eq!(lines, expected, "{json}");
    }
}

/// All headers of the preset.
const HEADERS: [&str; 11] = [
    "strict-transport-security",
    "x-frame-options",
    "x-content-type-options",
    "referrer-policy",
    "cross-origin-opener-policy",
    "cross-origin-embedder-policy",
    "cross-origin-resource-policy",
    "x-permitted-cross-domain-policies",
    "x-dns-prefetch-control",
    "permissions-policy",
    "content-security-policy",
];

#[test]
fn any_bytes_of_an_application_are_read_in_every_mode() {
    for mode in ["ifAbsent", "override", "merge"] {
        let security = compile(&format!(r#"{{"preset":"owasp","mode":"{mode}"}}"#)).unwrap();
        for byte in 0..=255_u8 {
            for value in [
                vec![byte],
                vec![b'a', b'=', byte, b';', byte],
                b"max-age=".iter().copied().chain([byte]).collect(),
            ] {
                let mut app = message(&[("content-type", "text/html")]);
                app.headers.extend(HEADERS.map(|name| (name, value.clone())));
                let mut exchange = Exchange::new(&app);
                security.on_response(None, &mut exchange, &Dice(0));
                for write in exchange.headers.writes() {
                    if let Write::Replace(_, value) | Write::Add(_, value) = write {
                        assert!(!value.as_bytes().iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n')));
                    }
                }
            }
        }
    }
}

//! Any bytes as the answer of a rate limit service: nothing panics, and nothing comes out that a filter may not write.
#![no_main]

use libfuzzer_sys::fuzz_target;
use policy_core::callout::Answer;
use policy_core::header::is_protected;
use policy_core::{HeaderName, HeaderValue, Snapshot};
use ratelimit_policy::global::{Response, wire};

// A message, and the body that it may stand in.
fuzz_target!(|data: &[u8]| {
    if let Some(response) = wire::response(data) {
        check(&response);
    }
    if let Some(message) = wire::unframed(data) {
        assert_eq!(message.len() + 5, data.len());
    }
    let trailers = Snapshot::from_pairs(&[("grpc-status", "0")]);
    let answer = Answer { status: 200, body: data.to_vec(), trailers, ..Answer::default() };
    if let Ok(response) = Response::read(Ok(answer)) {
        check(&response);
    }
    // What goes out can be read by whoever reads frames.
    let text = String::from_utf8_lossy(data).into_owned();
    let entry = ("key".to_owned(), text.clone());
    if let Some(body) = wire::request(&text, &[vec![entry.clone(), entry]], data.len() as u64) {
        assert!(wire::unframed(&body).is_some());
    }
});

fn check(response: &Response) {
    assert!(response.statuses.len() <= 64);
    for headers in [&response.response_headers, &response.request_headers] {
        assert!(headers.len() <= 64);
        headers.iter().for_each(check_header);
    }
    // Each is a number or none, whatever the service said.
    let _ = (response.remaining(), response.reset());
}

fn check_header((name, value): &(HeaderName, HeaderValue)) {
    assert!(!is_protected(name.as_bytes()), "{name}");
    assert!(!value.as_bytes().iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
}

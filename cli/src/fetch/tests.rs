//! Each rule of istio-agent once, against servers that are as bad as they may be.

#![allow(clippy::arithmetic_side_effects, reason = "what overflows in a test fails it")]

mod files;
mod images;
mod supply;

use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::oci::testing::{Server, access};

pub(super) const MODULE: &[u8] = b"\0asm\x01\0\0\0";
/// Little enough that a bomb is small.
pub(super) const FEW: u64 = 64 << 10;

/// The agent's rules in less time.
pub(super) fn limits() -> Limits {
    Limits {
        whole: Duration::from_secs(20),
        attempt: Duration::from_secs(10),
        pause: Duration::from_millis(1),
        most: FEW,
        ..Limits::default()
    }
}

pub(super) fn fetcher() -> Fetcher {
    Fetcher::with(None, limits(), access())
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        builder.append_data(&mut header, name, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

/// What came of a url of the server.
pub(super) async fn get(server: &Server, rest: &str, sha256: Option<&str>) -> Result<Vec<u8>, String> {
    let url = rest.replace("HOST", &server.address.to_string());
    let wanted = Wanted { sha256: sha256.map(str::to_owned), ..Wanted::once(&url) };
    let got = fetcher().get(&wanted).await;
    got.map(|module| module.bytes).map_err(|error| error.replace(&server.address.to_string(), "HOST"))
}

#[test]
fn a_url_without_a_scheme_is_an_image() {
    for (url, full) in
        [("r.io/x:1", "oci://r.io/x:1"), ("https://a/b", "https://a/b"), ("file:///x", "file:///x")]
    {
        assert_eq!(with_scheme(url), full);
    }
}

#[test]
fn what_is_there_stands_unless_always_or_latest() {
    use PullPolicy::{Always, IfNotPresent, Unspecified};
    for (url, policy, stands) in [
        ("oci://r/x:1", Unspecified, true),
        ("oci://r/x", Unspecified, true),
        ("oci://r/x:latest", Unspecified, false),
        ("oci://r/x:latest", IfNotPresent, true),
        ("oci://r/x:1", Always, false),
        ("https://r/x", IfNotPresent, false),
    ] {
        assert_eq!(if_not_present(url, policy), stands, "{url} {policy:?}");
    }
}

//! Pushing, pulling and inspecting, against registries that are made up.

#![allow(clippy::arithmetic_side_effects, reason = "what overflows in a test fails it")]

use std::sync::Mutex;

use serde_json::Value;

use super::credentials::Source;
use super::image::Image;
use super::name::Name;
use super::registry::{Access, Registry, Right};
use super::testing::{Answer, Seen, Server, access};
use super::*;

/// A registry that takes whatever it is sent, and lets in who shows this.
async fn open_to(authorization: Option<&'static str>, challenge: &'static str) -> Server {
    let held: Mutex<std::collections::BTreeMap<String, Vec<u8>>> = Mutex::default();
    Server::start(move |seen, _| {
        if authorization.is_some() && seen.authorization.as_deref() != authorization {
            return Answer::new(401, "").with("www-authenticate", challenge);
        }
        let mut held = held.lock().unwrap();
        match (seen.method.as_str(), seen.path.as_str()) {
            ("GET", "/v2/") => Answer::new(200, "{}"),
            ("POST", "/v2/a/b/blobs/uploads/") => Answer::new(202, "").with("location", "/upload/1?state=x"),
            ("PUT", path) if path.starts_with("/upload/1?state=x&digest=sha256%3A") => {
                let digest = path.rsplit("%3A").next().unwrap();
                held.insert(format!("/v2/a/b/blobs/sha256:{digest}"), seen.body.clone());
                Answer::new(201, "")
            }
            ("PUT", path) if path.starts_with("/v2/a/b/manifests/") => {
                held.insert(path.to_owned(), seen.body.clone());
                Answer::new(201, "").with("docker-content-digest", manifest::digest(&seen.body))
            }
            (_, path) => held.get(path).map_or_else(
                || Answer::new(404, ""),
                |bytes| Answer::new(200, bytes.clone()).with("content-type", manifest::OCI_MANIFEST),
            ),
        }
    })
    .await
}

fn logged_in(server: &Server) -> Access {
    // "ann:pw"
    let text = format!(r#"{{"auths": {{"{}": {{"auth": "YW5uOnB3"}}}}}}"#, server.address);
    Access { credentials: Source::Text(text), guard_realm: false, ..access() }
}

async fn round_trip(server: &Server, access: &Access) -> Result<Vec<u8>, String> {
    let module = b"\0asm\x01\0\0\0";
    let packed = pack::pack(module)?;
    let name = Name::parse(&format!("oci://{}/a/b:1", server.address))?;
    let registry = Registry::open(&name, access, Right::Push).await?;
    assert!(registry.put_blob(&packed.layer).await?);
    assert!(!registry.put_blob(&packed.layer).await?);
    registry.put_blob(&packed.config).await?;
    registry.put_manifest("1", &packed.manifest).await?;
    let registry = Registry::open(&name, access, Right::Pull).await?;
    let image = Image::find(&registry, &name).await?;
    assert_eq!(image.digest, packed.digest);
    image.module(&registry).await
}

#[tokio::test]
async fn what_is_pushed_is_found_again() {
    let server = open_to(None, "").await;
    assert_eq!(round_trip(&server, &access()).await.unwrap(), b"\0asm\x01\0\0\0");
}

#[tokio::test]
async fn a_password_is_shown_where_it_is_asked_for() {
    let server = open_to(Some("Basic YW5uOnB3"), "Basic realm=\"x\"").await;
    assert_eq!(round_trip(&server, &logged_in(&server)).await.unwrap(), b"\0asm\x01\0\0\0");
    let error = round_trip(&server, &access()).await.unwrap_err();
    assert!(error.contains("401 Unauthorized"), "{error}");
}

#[tokio::test]
async fn a_token_is_got_for_the_password_and_for_the_right_that_is_needed() {
    let tokens = Server::start(|_, _| Answer::new(200, r#"{"access_token": "T"}"#)).await;
    let challenge = format!("Bearer realm=\"http://{}/token\",service=\"reg\"", tokens.address);
    let server = open_to(Some("Bearer T"), Box::leak(challenge.into_boxed_str())).await;
    assert_eq!(round_trip(&server, &logged_in(&server)).await.unwrap(), b"\0asm\x01\0\0\0");
    let asked: Vec<Seen> = tokens.seen();
    assert_eq!(asked[0].path, "/token?scope=repository%3Aa%2Fb%3Apush%2Cpull&service=reg");
    assert_eq!(asked[1].path, "/token?scope=repository%3Aa%2Fb%3Apull&service=reg");
    assert_eq!(asked[0].authorization.as_deref(), Some("Basic YW5uOnB3"));

    let text = format!(r#"{{"auths": {{"{}": {{"identitytoken": "R&R"}}}}}}"#, server.address);
    let access = Access { credentials: Source::Text(text), ..logged_in(&server) };
    let name = Name::parse(&format!("oci://{}/a/b:1", server.address)).unwrap();
    Registry::open(&name, &access, Right::Pull).await.unwrap();
    let last = tokens.seen().pop().unwrap();
    assert_eq!((last.method.as_str(), last.authorization), ("POST", None));
    let body = String::from_utf8(last.body).unwrap();
    assert!(body.contains("grant_type=refresh_token") && body.ends_with("refresh_token=R%26R"), "{body}");
}

#[tokio::test]
async fn a_realm_that_the_agent_would_not_ask_is_not_asked() {
    let tokens = Server::start(|_, _| Answer::new(200, r#"{"token": "T"}"#)).await;
    for realm in [
        format!("http://{}/token", tokens.address),
        "http://169.254.169.254/latest".to_owned(),
        "file:///etc/passwd".to_owned(),
        "nonsense".to_owned(),
    ] {
        let challenge = format!("Bearer realm=\"{realm}\"");
        let server = open_to(Some("Bearer T"), Box::leak(challenge.into_boxed_str())).await;
        let error = round_trip(&server, &access()).await.unwrap_err();
        assert_eq!(error, format!("rejected unsafe bearer realm: {realm}"));
    }
    assert_eq!(tokens.seen().len(), 0);
    // Credentials do not go to a realm elsewhere in the clear, whoever asks.
    let server = open_to(Some("Bearer T"), "Bearer realm=\"http://tokens.example.com/\"").await;
    let error = round_trip(&server, &logged_in(&server)).await.unwrap_err();
    assert!(error.contains("tokens.example.com speaks plain HTTP"), "{error}");
}

#[tokio::test]
async fn tokens_that_are_none_are_refused() {
    for body in ["", "{}", r#"{"token": ""}"#, r#"{"token": "a\nb"}"#, r#"{"token": 7}"#] {
        let tokens = Server::start(move |_, _| Answer::new(200, body)).await;
        let challenge = format!("Bearer realm=\"http://{}/token\"", tokens.address);
        let server = open_to(Some("Bearer T"), Box::leak(challenge.into_boxed_str())).await;
        let error = round_trip(&server, &logged_in(&server)).await.unwrap_err();
        assert!(error.ends_with("no token in bearer response"), "{body}: {error}");
    }
}

#[tokio::test]
async fn what_lets_us_in_does_not_go_to_where_an_upload_is_sent() {
    let elsewhere = Server::start(|_, _| Answer::new(201, "")).await;
    let place = format!("http://localhost:{}/bucket?signature=secret", elsewhere.address.port());
    let server = Server::start(move |seen, _| match seen.method.as_str() {
        _ if seen.authorization.is_none() => Answer::new(401, "").with("www-authenticate", "Basic"),
        "GET" => Answer::new(200, ""),
        "HEAD" => Answer::new(404, ""),
        _ => Answer::new(202, "").with("location", place.clone()),
    });
    let server = server.await;
    let name = Name::parse(&format!("{}/a/b:1", server.address)).unwrap();
    let registry = Registry::open(&name, &logged_in(&server), Right::Push).await.unwrap();
    assert!(registry.put_blob(b"x").await.unwrap());
    let put = elsewhere.seen().pop().unwrap();
    assert_eq!((put.authorization, put.body.as_slice()), (None, b"x".as_slice()));
    assert!(put.path.starts_with("/bucket?signature=secret&digest=sha256%3A"), "{}", put.path);
}

fn push_args(what: &[&str], to: Option<&str>) -> PushArgs {
    let what = what.iter().map(|text| (*text).to_owned()).collect();
    PushArgs { what, to: to.map(str::to_owned), plain_http: false, dry_run: true }
}

/// A module that Envoy would take.
fn module() -> Vec<u8> {
    let export = |name: &str| [&[u8::try_from(name.len()).unwrap()], name.as_bytes(), &[0, 0]].concat();
    let exports = [export("proxy_abi_version_0_2_1"), export("proxy_on_request_headers")].concat();
    let mut bytes = b"\0asm\x01\0\0\0".to_vec();
    // One type, one function of it, two exports of that, its body.
    bytes.extend([
        1,
        4,
        1,
        0x60,
        0,
        0,
        3,
        2,
        1,
        0,
        7,
        u8::try_from(exports.len().saturating_add(1)).unwrap(),
        2,
    ]);
    bytes.extend(exports);
    bytes.extend([10, 4, 1, 2, 0, 0x0b]);
    bytes
}

#[test]
fn a_dry_run_tells_the_reference_and_needs_no_network() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x-filter.wasm");
    std::fs::write(&file, module()).unwrap();
    let (file, digest) = (file.to_str().unwrap(), digest(&module()).unwrap());
    for (args, expected) in [
        (push_args(&[file], None), digest.clone()),
        (push_args(&[file, "oci://r.invalid/a/b:1"], None), format!("oci://r.invalid/a/b:1@{digest}")),
        (push_args(&[file, "oci://r.invalid/b"], None), format!("oci://r.invalid/b@{digest}")),
        (push_args(&[file], Some("oci://r.invalid/p:7")), format!("oci://r.invalid/p/x-filter:7@{digest}")),
    ] {
        let mut out = Vec::new();
        push::push(&args, &mut out, &mut Reporter::new(io::sink())).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), format!("{expected}\n"));
    }
}

#[test]
fn what_is_not_worth_pushing_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("good.wasm"), module()).unwrap();
    std::fs::write(path("empty.wasm"), b"\0asm\x01\0\0\0").unwrap();
    std::fs::write(path("text.wasm"), b"hello").unwrap();
    let (good, bare, text) = (path("good.wasm"), path("empty.wasm"), path("text.wasm"));
    let (good, bare, text) = (good.as_str(), bare.as_str(), text.as_str());
    for (what, to, usage, expected) in [
        (vec![good], Some("https://r/x"), true, "is no image"),
        (vec![good, "oci://R"], None, true, "could not parse reference"),
        (vec![good, good, "oci://r.io/x"], None, true, "give one file"),
        (vec![good, "oci://r.io/x"], Some("oci://r.io/x"), true, "with --to only files are given"),
        (vec!["/no/such"], None, true, "cannot be read"),
        (vec![bare], None, false, "is no proxy-wasm module"),
        (vec![text], None, false, "is not a WebAssembly module"),
    ] {
        let done = push::push(&push_args(&what, to), &mut io::sink(), &mut Reporter::new(io::sink()));
        let (is_usage, error) = match done {
            Err(Trouble::Usage(error)) => (true, error),
            Err(Trouble::Failed(error)) => (false, error),
            Ok(_) => panic!("{what:?}"),
        };
        assert!(is_usage == usage && error.contains(expected), "{what:?}: {error}");
    }
}

#[test]
fn a_file_is_described() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.wasm");
    let what = file.to_str().unwrap().to_owned();
    for (bytes, fine) in [(module(), true), (b"\0asm\x01\0\0\0".to_vec(), false)] {
        std::fs::write(&file, &bytes).unwrap();
        for format in [Format::Json, Format::Text] {
            let mut out = Vec::new();
            let args = InspectArgs { what: what.clone(), format, plain_http: false };
            assert_eq!(inspect::inspect(&args, &mut out).unwrap(), fine);
            let out = String::from_utf8(out).unwrap();
            assert!(out.contains(&digest(&bytes).unwrap()), "{out}");
            if format == Format::Json {
                let json: Value = serde_json::from_str(&out).unwrap();
                assert_eq!(json["envoyAccepts"], fine);
                assert_eq!(json["moduleBytes"], bytes.len());
            }
        }
    }
}

#[test]
fn a_file_that_is_not_there_is_not_asked_of_a_registry() {
    for what in ["nope.wasm", "./nope", "/nope", "dist/nope.wasm"] {
        let args = InspectArgs { what: what.to_owned(), format: Format::Text, plain_http: false };
        let error = inspect::inspect(&args, &mut Vec::new()).unwrap_err();
        let Trouble::Usage(message) = error else { panic!("{what}") };
        assert!(message.starts_with(&format!("{what}: no such file")), "{message}");
    }
}

//! Modules from web servers.

use super::*;
use crate::oci::testing::Answer;

/// Asks a server whose nth answer is the nth of these, and its last ever after. Returns what came of it, and how often
/// it was asked.
async fn check(answers: Vec<Answer>, sha256: Option<&str>) -> (Result<Vec<u8>, String>, usize) {
    let server = Server::start(move |_, nth| answers[nth.min(answers.len().saturating_sub(1))].clone()).await;
    let got = get(&server, "http://HOST/x.wasm", sha256).await;
    (got, server.seen().len())
}

fn fine() -> Answer {
    Answer::new(200, MODULE)
}

#[tokio::test]
async fn passing_trouble_is_waited_out_and_lasting_trouble_is_not() {
    for (statuses, asked, expected) in [
        (vec![200], 1, None),
        (vec![503, 500, 502, 504, 200], 5, None),
        (vec![500, 200], 2, None),
        (vec![404, 200], 1, Some((1, 404))),
        (vec![401, 200], 1, Some((1, 401))),
        (vec![429, 200], 1, Some((1, 429))),
        (vec![204, 200], 1, Some((1, 204))),
        (vec![501, 200], 1, Some((1, 501))),
        (vec![505, 200], 1, Some((1, 505))),
        (vec![511, 200], 1, Some((1, 511))),
        (vec![503, 404, 200], 2, Some((2, 404))),
        (vec![503], 5, Some((5, 503))),
    ] {
        let answers =
            statuses.iter().map(|status| if *status == 200 { fine() } else { Answer::new(*status, "") });
        let (got, times) = check(answers.collect(), None).await;
        let expected = match expected {
            None => Ok(MODULE.to_vec()),
            Some((attempts, status)) => Err(format!(
                "wasm module download failed after {attempts} attempts, last error: \
                 wasm module download request failed: status code {status}"
            )),
        };
        assert_eq!((got, times), (expected, asked), "{statuses:?}");
    }
}

#[tokio::test]
async fn wrappings_are_taken_off_and_what_is_left_must_be_a_module() {
    let archive = tar(&[("any.name", MODULE), ("other", b"x")]);
    for body in [MODULE.to_vec(), gzip(MODULE), gzip(&gzip(MODULE)), archive.clone(), gzip(&archive)] {
        assert_eq!(check(vec![Answer::new(200, body)], None).await.0, Ok(MODULE.to_vec()));
    }
    let mut nested = MODULE.to_vec();
    for _ in 0..40 {
        nested = gzip(&nested);
    }
    let cut = gzip(&archive);
    for body in [
        b"".to_vec(),
        b"\0asm".to_vec(),
        b"<html>not found</html>".to_vec(),
        gzip(b"hello"),
        cut[..cut.len() / 2].to_vec(),
        tar(&[("first", b"hello"), ("x.wasm", MODULE)]),
        tar(&[]),
        nested,
    ] {
        let (got, times) = check(vec![Answer::new(200, body)], None).await;
        assert_eq!(got, Err("fetched Wasm binary from http://HOST/x.wasm is invalid".to_owned()));
        assert_eq!(times, 1);
    }
}

#[tokio::test]
async fn the_checksum_is_that_of_the_unwrapped_module() {
    let (packed, module) = (gzip(MODULE), sha256(MODULE));
    let got = check(vec![Answer::new(200, packed.clone())], Some(&module)).await.0;
    assert_eq!(got, Ok(MODULE.to_vec()));
    let other = sha256(&packed);
    let expected = format!(
        "module downloaded from http://HOST/x.wasm has checksum {module}, which does not match: {other}"
    );
    assert_eq!(check(vec![Answer::new(200, packed)], Some(&other)).await.0, Err(expected));
}

#[tokio::test]
async fn what_is_too_long_is_not_read_to_its_end() {
    let mut long = MODULE.to_vec();
    long.resize(usize::try_from(FEW).unwrap() + 1, 0);
    let error = check(vec![Answer::new(200, long.clone())], None).await.0.unwrap_err();
    assert_eq!(error, format!("the answer is longer than {FEW} bytes"));
    for bomb in [gzip(&long), tar(&[("x", &long)]), gzip(&tar(&[("x", &long)]))] {
        // An archive that is too long by itself is noticed before it is opened.
        let error = check(vec![Answer::new(200, bomb)], None).await.0.unwrap_err();
        assert!(error.ends_with(&format!(" {FEW} bytes")), "{error}");
    }
    long.truncate(usize::try_from(FEW).unwrap());
    assert_eq!(check(vec![Answer::new(200, gzip(&long))], None).await.0, Ok(long));
}

#[tokio::test]
async fn redirects_are_followed_and_not_for_ever() {
    let server = Server::start(|seen, _| match seen.path.as_str() {
        "/x.wasm" => Answer::new(302, "").with("location", "/y.wasm"),
        "/loop" => Answer::new(302, "").with("location", "/loop"),
        _ => fine(),
    });
    let server = server.await;
    assert_eq!(get(&server, "http://HOST/x.wasm", None).await, Ok(MODULE.to_vec()));
    let error = get(&server, "http://HOST/loop", None).await.unwrap_err();
    assert!(error.starts_with("wasm module download failed after 5 attempts"), "{error}");
}

#[tokio::test]
async fn who_is_slow_is_given_up() {
    let slow = || fine().after(Duration::from_secs(60));
    let server = Server::start(move |_, _| slow()).await;
    let url = format!("http://{}/x.wasm", server.address);
    let with = |limits| Fetcher::with(None, limits, access());
    let attempt = Duration::from_millis(50);
    let error = with(Limits { attempt, ..limits() }).get(&Wanted::once(&url)).await.unwrap_err();
    assert!(error.starts_with("wasm module download failed after 5 attempts, last error: Get"), "{error}");
    let error = with(Limits { whole: attempt, ..limits() }).get(&Wanted::once(&url)).await.unwrap_err();
    assert!(error.contains("context deadline exceeded"), "{error}");
}

#[tokio::test]
async fn nobody_there_is_passing_trouble() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = fetcher().get(&Wanted::once(&format!("http://{free}/x"))).await.unwrap_err();
    assert!(error.starts_with("wasm module download failed after 5 attempts, last error: Get"), "{error}");
    for url in ["ftp://a/b", "https://", "http://[", "://", "oci://", "oci://A/b:1"] {
        assert!(fetcher().get(&Wanted::once(url)).await.is_err(), "{url}");
    }
}

#[tokio::test]
async fn a_file_is_taken_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.wasm");
    std::fs::write(&file, "not even wasm").unwrap();
    let wanted =
        Wanted { sha256: Some("0".repeat(64)), ..Wanted::once(&format!("file://{}", file.display())) };
    assert_eq!(fetcher().get(&wanted).await.unwrap().bytes, b"not even wasm");
}

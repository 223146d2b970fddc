//! The shipped demonstration does what its curl lines are there to show, beside the header filter's.

use ct_codecs::{Base64, Encoder as _};
use e2e::mesh::Setup;
use e2e::{LocalEnvoy, Mesh, Request};

use crate::support::MACHINE;

const HEADER: &str = include_str!("../../../../manifests/base/header-filter.yaml");
const AUTH: &str = include_str!("../../../../manifests/base/auth-filter.yaml");

/// The requests that a manifest's curl lines would make.
fn tries(manifest: &str) -> Vec<Request> {
    let lines = manifest.lines().map(str::trim).filter(|line| line.starts_with("curl "));
    lines.map(request).collect()
}

fn request(line: &str) -> Request {
    let mut request = Request::get("/").host("127.0.0.1:8080");
    // Every other piece stood in quotes.
    let words = line.split('\'').enumerate().flat_map(|(index, piece)| {
        if index % 2 == 1 { vec![piece] } else { piece.split_whitespace().collect() }
    });
    let mut words = words.skip(1);
    while let Some(word) = words.next() {
        match word {
            "-i" => {}
            "-X" => request.method = words.next().unwrap().to_owned(),
            "-u" => {
                let user = Base64::encode_to_string(words.next().unwrap()).unwrap();
                request = request.header("authorization", format!("Basic {user}"));
            }
            "-H" => {
                let (name, value) = words.next().unwrap().split_once(": ").unwrap();
                match name {
                    "host" => request.authority = value.to_owned(),
                    _ => request = request.header(name, value),
                }
            }
            url => request.path = url.strip_prefix("http://127.0.0.1:8080").unwrap().to_owned(),
        }
    }
    request
}

#[tokio::test]
async fn every_line_to_try_is_answered_as_it_should_be() {
    let _machine = MACHINE.read().await;
    let mesh = LocalEnvoy::start(&format!("{HEADER}---\n{AUTH}"), Setup::default()).await.unwrap();
    let statuses = async |manifest: &str| {
        let mut statuses = Vec::new();
        for request in tries(manifest) {
            let answer = e2e::send(mesh.address(), &request).await.unwrap();
            assert!(answer.headers.has("x-content-type-options"), "{request:?}: {answer:?}");
            statuses.push(answer.status);
        }
        statuses
    };
    assert_eq!(statuses(AUTH).await, [401, 200, 200, 200, 403]);
    assert_eq!(statuses(HEADER).await, [200; 5], "the header filter's own are not disturbed");
}

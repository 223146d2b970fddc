//! What the cases of rate limits share.

use std::net::SocketAddr;
use std::time::Duration;

use e2e::mesh::Setup;
use e2e::{Client, Limitador, LocalEnvoy, Mesh as _, Request, Response, plugin, raw};
use serde_json::Value;

use crate::support::PATIENCE;

/// A mesh with one worker and a filter of this configuration.
pub(crate) async fn mesh(config: &str) -> LocalEnvoy {
    mesh_of(1, &plugin::ratelimit_filter(config)).await
}

/// A mesh with so many workers.
pub(crate) async fn mesh_of(workers: u32, manifests: &str) -> LocalEnvoy {
    let setup = Setup { workers, ..Setup::default() };
    LocalEnvoy::start(manifests, setup).await.unwrap_or_else(|error| panic!("{error}\n{manifests}"))
}

/// A configuration of one limit that a service counts: by a header, with this failure mode and timeout.
pub(crate) fn global(failure_mode: &str, timeout: &str) -> String {
    let (host, port) = plugin::LIMITADOR;
    format!(
        "limits: [{{name: shared, scope: global, key: [{{header: x-user}}, {{value: checkout}}]}}]\n\
         global: {{cluster: 'outbound|{port}||{host}', domain: tollgate, timeout: {timeout}, failureMode: {failure_mode}}}\n"
    )
}

/// A service that counts the limit of [`global`].
pub(crate) async fn service(requests: u64, seconds: u64) -> Limitador {
    Limitador::start(&limit(requests, seconds)).await.unwrap()
}

/// The limit of [`global`], for the service.
pub(crate) fn limit(requests: u64, seconds: u64) -> String {
    format!(
        "- namespace: tollgate\n  name: shared\n  max_value: {requests}\n  seconds: {seconds}\n  \
         conditions: [\"size(descriptors) > 0 && descriptors[0]['value'] == 'checkout'\"]\n  \
         variables: [\"descriptors[0]['header.x-user']\"]\n"
    )
}

/// The filter of [`global`] in front of a service, or of what stands before it.
pub(crate) fn asking(config: &str, service: SocketAddr) -> String {
    format!("{}{}", plugin::ratelimit_filter(config), plugin::rate_limit_service(service))
}

/// A request of a user.
pub(crate) fn user(name: &str) -> Request {
    Request::get("/api").header("x-user", name)
}

pub(crate) async fn send(address: SocketAddr, request: &Request) -> Response {
    e2e::send(address, request).await.unwrap_or_else(|error| panic!("{request:?}: {error}"))
}

/// The statuses of so many requests, one after the other on one connection, or on the next when Envoy closes it.
pub(crate) async fn statuses(address: SocketAddr, request: &Request, count: usize) -> Vec<u16> {
    let mut client = Client::connect(address, request.protocol).await.unwrap();
    let mut statuses = Vec::with_capacity(count);
    for _ in 0..count {
        if !client.is_open().await {
            client = Client::connect(address, request.protocol).await.unwrap();
        }
        statuses.push(client.send(request).await.unwrap().status);
    }
    statuses
}

/// How many of so many requests pass. The others must be refused by a limit.
pub(crate) async fn passed(address: SocketAddr, request: &Request, count: usize) -> usize {
    let statuses = statuses(address, request, count).await;
    assert!(statuses.iter().all(|status| matches!(status, 200 | 429)), "{request:?}: {statuses:?}");
    statuses.iter().filter(|status| **status == 200).count()
}

/// Asks until it is answered so.
pub(crate) async fn until(address: SocketAddr, what: &str, request: &Request, status: u16) {
    let answered = async || (send(address, request).await.status == status).then_some(());
    e2e::eventually(what, PATIENCE, answered).await.unwrap();
}

/// What a refusal says: it must be a problem, and name the limit's policies.
pub(crate) fn problem(response: &Response) -> Value {
    assert_eq!(
        response.headers.get("content-type").as_deref(),
        Some("application/problem+json"),
        "{response:?}"
    );
    serde_json::from_slice(&response.body).unwrap_or_else(|error| panic!("{error}: {response:?}"))
}

/// A refusal by a rate: the policies that it names, and the seconds until it is worth trying again.
pub(crate) fn refused(response: &Response) -> (Vec<String>, u64) {
    assert_eq!(response.status, 429, "{response:?}");
    let problem = problem(response);
    assert_eq!(problem["type"], "https://iana.org/assignments/http-problem-types#quota-exceeded");
    assert_eq!((&problem["status"], &problem["reason"]), (&Value::from(429), &Value::from("quota_exceeded")));
    let policies = serde_json::from_value(problem["violated-policies"].clone()).unwrap();
    let seconds = response.headers.get("retry-after").unwrap_or_else(|| panic!("{response:?}"));
    (policies, seconds.parse().unwrap_or_else(|_| panic!("{response:?}")))
}

/// A parameter of the only member of a structured field, such as `r` of `"a";r=2;t=1`.
pub(crate) fn parameter(response: &Response, field: &str, name: &str) -> Option<u64> {
    let value = response.headers.get(field)?;
    value.split(';').find_map(|part| part.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
}

/// A request of which the upstream waits for one more byte, if it gets there: a refusal is answered at once.
pub(crate) async fn begin(address: SocketAddr, user: &str) -> raw::RawClient {
    let mut client = raw::RawClient::connect(address).await.unwrap();
    let head = format!("POST /held HTTP/1.1\r\nhost: a\r\nx-user: {user}\r\ncontent-length: 2\r\n\r\na");
    client.write(head.as_bytes()).await.unwrap();
    client
}

/// A request that is under way.
pub(crate) async fn hold(address: SocketAddr, user: &str) -> raw::RawClient {
    let mut client = begin(address, user).await;
    let early = tokio::time::timeout(Duration::from_millis(20), client.answer("POST")).await;
    assert!(early.is_err(), "not under way: {early:?}");
    client
}

/// Lets a request that was held open come to its end.
pub(crate) async fn release(mut held: raw::RawClient) -> u16 {
    held.write(b"b").await.unwrap();
    held.answer("POST").await.unwrap().unwrap().status
}

//! What a filter may call comes from ServiceEntries, and changes live.

use e2e::mesh::Setup;
use e2e::mint::Key;
use e2e::{KeyServer, LocalEnvoy, Mesh, MeshError, plugin};

use super::world::{CORP, ISSUER, World, good, manifests};
use crate::support::MACHINE;

#[tokio::test]
async fn a_service_that_moves_is_followed() {
    let _machine = MACHINE.read().await;
    let (old, new) = (Key::new("old", "ES256").unwrap(), Key::new("new", "ES256").unwrap());
    let mut world = World::start(CORP, &[&old], Setup::default()).await;
    world.until("the first keys", &good(&old), 200).await;
    let elsewhere = KeyServer::start(ISSUER, &[&new]).await.unwrap();
    let applied = world.mesh.apply(&manifests(CORP, &elsewhere)).await.unwrap();
    assert_eq!(applied.changed, ["the clusters"]);
    world.until("keys from elsewhere", &good(&new), 200).await;
    assert!(!elsewhere.calls("/keys").is_empty());
}

#[tokio::test]
async fn a_service_that_appears_later_is_found() {
    let _machine = MACHINE.read().await;
    let key = Key::new("es", "ES256").unwrap();
    let server = KeyServer::start(ISSUER, &[&key]).await.unwrap();
    let mesh = LocalEnvoy::start(&plugin::auth_filter(CORP), Setup::default()).await.unwrap();
    let answer = e2e::send(mesh.address(), &good(&key)).await.unwrap();
    assert_eq!((answer.status, answer.headers.has("retry-after")), (503, true), "{answer:?}");
    let mut world = World { mesh, server };
    let manifests = manifests(CORP, &world.server);
    world.mesh.apply(&manifests).await.unwrap();
    world.until("the first keys", &good(&key), 200).await;
}

#[tokio::test]
async fn clusters_that_envoy_refuses_change_nothing() {
    let _machine = MACHINE.read().await;
    let key = Key::new("es", "ES256").unwrap();
    let mut world = World::start(CORP, &[&key], Setup::default()).await;
    world.until("the first keys", &good(&key), 200).await;
    let rule = "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: tls}\n\
                spec: {host: idp.example.com, trafficPolicy: {tls: {mode: SIMPLE, caCertificates: /no/such/file}}}\n";
    let broken = format!("{}{rule}", manifests(CORP, &world.server));
    let error = world.mesh.apply(&broken).await.unwrap_err();
    let MeshError::Refused(refused) = &error else { panic!("{error}") };
    assert_eq!(refused[0].plugin, "the clusters", "{error}");
    assert!(refused[0].reasons.iter().any(|reason| reason.contains("/no/such/file")), "{error}");
    assert_eq!(world.send(&good(&key)).await.status, 200);
    let fine = manifests(CORP, &world.server);
    assert!(world.mesh.apply(&fine).await.unwrap().changed.is_empty());
    let fetched = world.server.calls("/keys").len();
    world.fetched(fetched + 1).await;
}

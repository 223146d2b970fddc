//! Rules change under load and what is broken is refused while the old rules go on serving. `churn` has the numbers.

use e2e::load::Load;
use e2e::mesh::Setup;
use e2e::{Client, LocalEnvoy, Mesh, MeshError, Protocol, Request, Response, local, plugin};
use tollgate::module::Modules;

use crate::support::{MACHINE, PATIENCE, canary};

fn rules(version: usize) -> String {
    let config = format!("rules: [{{response: {{set: [{{name: x-version, value: \"{version}\"}}]}}}}]");
    plugin::header_filter(&config)
}

fn fine(response: &Response) -> bool {
    response.status == 200 && response.headers.has("x-version")
}

/// Makes a change and waits until the answers show it.
async fn swap(mesh: &mut LocalEnvoy, manifest: &str, version: usize) {
    mesh.apply(manifest).await.unwrap();
    let address = mesh.address();
    let shown = e2e::eventually("the new rules in an answer", PATIENCE, async || {
        let response = e2e::send(address, &Request::get("/")).await.ok()?;
        (response.headers.get("x-version") == Some(version.to_string())).then_some(())
    });
    shown.await.unwrap();
}

#[tokio::test]
async fn a_broken_config_is_refused_by_the_module_and_the_old_rules_go_on() {
    let _machine = MACHINE.read().await;
    // Unchecked: this is about the module's own refusal, not the tool's.
    let setup = Setup { checked: false, ..Setup::default() };
    let mut mesh = LocalEnvoy::start(&rules(1), setup).await.unwrap();
    let load = Load::start(mesh.address(), &Request::get("/"), 2, fine);
    let broken = plugin::header_filter("rules: [{response: {sett: [{name: x-version, value: \"2\"}]}}]");
    let error = mesh.apply(&broken).await.unwrap_err();
    let MeshError::Refused(refused) = &error else { panic!("{error}") };
    assert_eq!(refused[0].plugin, "test.header-filter");
    assert!(refused[0].reasons.iter().any(|reason| reason.contains("rules[0].response.sett")), "{error}");
    assert!(mesh.log().contains("unknown field \"sett\""), "{}", mesh.log());
    let response = e2e::send(mesh.address(), &Request::get("/")).await.unwrap();
    assert_eq!(response.headers.get("x-version").as_deref(), Some("1"));
    swap(&mut mesh, &rules(3), 3).await;
    let tally = load.stop().await;
    assert!(tally.failures.is_empty() && tally.fine > 0, "{tally:?}");
    canary(&mesh, "a refused config").await;
}

#[tokio::test]
async fn plugins_come_go_and_change_places_without_a_failed_request() {
    let _machine = MACHINE.read().await;
    let named = |name: &str, priority: u32| {
        let config = format!("rules: [{{request: {{add: [{{name: x-order, value: {name}}}]}}}}]");
        let text = plugin::wasm_plugin(name, "oci://x/header-filter:1", &config);
        text.replace("priority: 100", &format!("priority: {priority}"))
    };
    let mut mesh = LocalEnvoy::start(&named("a", 9), Setup::default()).await.unwrap();
    let load = Load::start(mesh.address(), &Request::get("/"), 2, |response| response.status == 200);
    for (plugins, order) in [
        (vec![named("a", 9), named("b", 8)], "a | b"),
        (vec![named("a", 7), named("b", 8)], "b | a"),
        (vec![named("b", 8), named("a", 7), named("c", 9)], "c | b | a"),
        (vec![named("c", 9)], "c"),
        (vec![named("a", 1)], "a"),
    ] {
        mesh.apply(&plugins.join("---\n")).await.unwrap();
        let saw = e2e::Fields(canary(&mesh, order).await.headers);
        assert_eq!(saw.get("x-order").as_deref(), Some(order));
    }
    let tally = load.stop().await;
    assert!(tally.failures.is_empty() && tally.fine > 0, "{tally:?}");
}

#[tokio::test]
async fn a_new_plugin_that_envoy_refuses_changes_nothing() {
    let _machine = MACHINE.read().await;
    let folder = tempfile::tempdir().unwrap();
    let good = local::dist().join("header-filter.wasm");
    std::fs::copy(good, folder.path().join("header-filter.wasm"))
        .expect("dist/header-filter.wasm: run `make e2e`");
    // A module that is WebAssembly and nothing else.
    std::fs::write(folder.path().join("empty.wasm"), b"\0asm\x01\0\0\0").unwrap();
    let modules = Modules::new(folder.path());
    let mut mesh = LocalEnvoy::start_with(&rules(1), Setup::default(), modules).await.unwrap();
    let load = Load::start(mesh.address(), &Request::get("/"), 2, fine);
    let both = format!("{}---\n{}", rules(1), plugin::wasm_plugin("empty", "oci://x/empty:1", ""));
    for _ in 0..2 {
        let error = mesh.apply(&both).await.unwrap_err();
        assert!(
            matches!(&error, MeshError::Refused(refused) if refused[0].plugin == "test.empty"),
            "{error}"
        );
    }
    swap(&mut mesh, &rules(2), 2).await;
    let tally = load.stop().await;
    assert!(tally.failures.is_empty() && tally.fine > 0, "{tally:?}");
}

#[tokio::test]
async fn a_request_that_is_under_way_ends_with_the_rules_it_began_with() {
    let _machine = MACHINE.read().await;
    let mut mesh = LocalEnvoy::start(&rules(1), Setup::default()).await.unwrap();
    // The request is with the upstream, which waits for the rest of the body.
    let mut open = e2e::raw::RawClient::connect(mesh.address()).await.unwrap();
    open.write(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\na").await.unwrap();
    let mut other = Client::connect(mesh.address(), Protocol::Http1).await.unwrap();
    assert_eq!(other.send(&Request::get("/")).await.unwrap().headers.get("x-version").as_deref(), Some("1"));
    swap(&mut mesh, &rules(2), 2).await;
    // A connection that stays open gets the new rules with its next request.
    assert_eq!(other.send(&Request::get("/")).await.unwrap().headers.get("x-version").as_deref(), Some("2"));
    open.write(b"b").await.unwrap();
    let answer = open.answer("POST").await.unwrap().unwrap();
    assert_eq!((answer.status, answer.headers.get("x-version").as_deref()), (200, Some("1")));
}

//! Answers of Envoy 1.40, as it gave them, and what is made of them.

use std::sync::{Arc, Mutex};

use clap::Parser as _;
use serde_json::{Value, json};

use super::judge::State;
use super::name::Name;
use super::*;
use crate::args::{Args as Line, Command};

const DIGEST: &str = "e09c1cd7fa500e7a93befc32ccb9dec4415c5d4b0aa052d3f154ed223b76c267";
const RBAC: &str = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC";
const WASM: &str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";

fn resource(name: &str) -> String {
    format!("extensions.istio.io/trafficextension/shop.{name}~istio-translated-wasmplugin")
}

fn wasm(name: &str) -> Value {
    let configuration =
        r#"{"providers":[{"name":"corp","jwt":{"jwksUri":"https://a/k"}},{"name":"inline","jwt":{}}]}"#;
    json!({"@type": WASM, "config": {
        "name": format!("shop.{name}~istio-translated-wasmplugin"),
        "vm_config": {"code": {"local": {"filename": format!("/var/lib/istio/data/00/{DIGEST}.wasm")}}},
        "configuration": {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": configuration},
        "failure_policy": "FAIL_RELOAD",
    }})
}

/// A configuration that was delivered.
fn delivered(name: &str, version: &str, config: &Value) -> Value {
    json!({
        "version_info": version,
        "last_updated": "2026-11-21T16:07:11.454Z",
        "ecds_filter": {
            "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
            "name": resource(name),
            "typed_config": config,
        },
    })
}

/// A listener with these plugins before the router.
fn listener(state: &str, name: &str, plugins: &[&str]) -> Value {
    let filter =
        |name: &&str| json!({"name": resource(name), "config_discovery": {"type_urls": [WASM, RBAC]}});
    let mut filters: Vec<Value> = plugins.iter().map(filter).collect();
    filters
        .push(json!({"name": "istio.ext", "config_discovery": {"type_urls": ["type.googleapis.com/other"]}}));
    filters.push(json!({"name": "envoy.filters.http.router", "typed_config": {"@type": "type.googleapis.com/x.Router"}}));
    let manager = json!({"name": "hcm", "typed_config": {"@type": "x", "http_filters": filters}});
    json!({"name": name, state: {"listener": {"name": name, "filter_chains": [{"filters": [manager]}]}}})
}

/// The counters of a plugin whose last version was taken or not.
fn counters(name: &str, taken: u64, rejected: u64, version: &str) -> String {
    let prefix = format!("extension_config_discovery.http_filter.{}", resource(name));
    format!(
        "{prefix}.version_text: \"{version}\"\n{prefix}.update_success: {taken}\n{prefix}.update_rejected: {rejected}\n"
    )
}

fn judged(configs: &[Value], stats: &str) -> Status {
    let server = json!({
        "version": "9e5580933739775e8bce696a57a2e1bc99368f23/1.40.0/Clean/RELEASE/BoringSSL",
        "state": "LIVE", "node": {"id": "sidecar~web"},
    });
    let part = |field: &str, is_one: fn(&Value) -> bool| json!({field: configs.iter().filter(|config| is_one(config)).collect::<Vec<_>>()});
    let whole = json!({"configs": [
        {"@type": "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump", "bootstrap": {}},
        part("ecds_filters", |config| config.get("ecds_filter").is_some()),
        part("static_listeners", |config| config.get("listener").is_some()),
        part("dynamic_listeners", |config| config.get("ecds_filter").or(config.get("listener")).is_none()),
    ]});
    judge::judge(&server, &dump::read(&whole), &Stats::parse(stats))
}

fn shown(status: &Status) -> String {
    #[derive(Clone, Default)]
    struct Said(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Said {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let said = Said::default();
    show::text(status, &mut Reporter::new(said.clone()));
    let bytes = said.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn what_became_of_a_plugin_is_told_by_type_version_and_counters() {
    let deny = json!({"@type": RBAC, "rules": {}, "rules_stat_prefix": "wasm-default-deny"});
    let allow = json!({"@type": RBAC, "rules_stat_prefix": "wasm-default-allow"});
    let good = wasm("a");
    for (config, version, stats, state, serves) in [
        (Some(&good), "1", counters("a", 1, 0, "1"), State::Loaded, Some("1")),
        // Refused once, and mended since.
        (Some(&good), "3", counters("a", 2, 1, "3"), State::Loaded, Some("3")),
        (Some(&good), "2", counters("a", 1, 1, "1"), State::Refused, Some("1")),
        (Some(&good), "1", counters("a", 0, 1, ""), State::RefusedWithNothingBefore, None),
        // The dump and the counters are not of one moment.
        (Some(&good), "2", counters("a", 1, 0, "1"), State::Loaded, Some("2")),
        (Some(&deny), "2", counters("a", 2, 0, "2"), State::DenyAll, Some("2")),
        (Some(&allow), "2", counters("a", 2, 0, "2"), State::AllowAll, Some("2")),
        // Istio keeps these counters only where it is told to.
        (Some(&good), "1", String::new(), State::Loaded, Some("1")),
        (None, "", String::new(), State::Warming, None),
    ] {
        let mut configs = vec![listener("active_state", "main", &["a"])];
        configs.extend(config.map(|config| delivered("a", version, config)));
        let status = judged(&configs, &stats);
        let plugin = &status.plugins[0];
        assert_eq!((plugin.state, plugin.version.as_deref()), (state, serves), "{version} {stats}");
        assert_eq!(status.serving(), state == State::Loaded, "{version} {stats}");
        assert_eq!(status.notes.is_empty(), !stats.is_empty() || config.is_none(), "{:?}", status.notes);
    }
}

/// Two plugins in two listeners, one of them refused, and a listener that was refused as well.
fn troubled() -> Status {
    let stats = format!(
        "{}{}wasm.shop.auth~istio-translated-wasmplugin.vm_reload_success: 2\n\
         wasm.shop.auth~istio-translated-wasmplugin.vm_reload_failure: 0\nwasm.wasm_vm_count: 8\n\
         wasmcustom.wasm_filter.auth.component.corp.tollgate_keys: 3\n\
         wasmcustom.wasm_filter.auth.component.corp.tollgate_key_age_seconds: 42\n",
        counters("auth", 1, 1, "1"),
        counters("head", 5, 0, "5"),
    );
    let refused = json!({"name": "broken", "error_state": {"details": "no such filter", "last_update_attempt": "2026-11-21T16:07:12Z"}});
    let configs = [
        delivered("auth", "9", &wasm("auth")),
        delivered("head", "5", &wasm("head")),
        listener("active_state", "main", &["head", "auth"]),
        listener("active_state", "other", &["head", "auth"]),
        refused,
    ];
    let mut status = judged(&configs, &stats);
    judge::explain(
        &mut status,
        Some(
            "[error] wasm log: tollgate.auth: configuration refused: nope: unknown field\n\
        [warning] rejected: Unable to create Wasm plugin shop.auth~istio-translated-wasmplugin\n",
        ),
    );
    status.agent = judge::agent(
        "istio_agent_wasm_cache_entries 1\nistio_agent_other 5\n\
        istio_agent_wasm_remote_fetch_count{result=\"success\"} 2\n",
    );
    status
}

#[test]
fn the_whole_is_written_for_people() {
    let expected = format!(
        "Envoy 1.40.0 (LIVE), node sidecar~web, 8 Wasm VMs
shop.head: loaded
    serves          version 5 since 2026-11-21T16:07:11.454Z
    module          /var/lib/istio/data/00/{DIGEST}.wasm
    failure policy  FAIL_RELOAD
    configurations  5 taken, 0 refused
    keys of corp    3, fetched 42 s ago
    resource        extensions.istio.io/trafficextension/shop.head~istio-translated-wasmplugin (WasmPlugin, Istio 1.30 and later)
shop.auth: REFUSED: what was there before goes on serving
    reason          tollgate.auth: configuration refused: nope: unknown field
    refused         version 9 since 2026-11-21T16:07:11.454Z
    serves          version 1
    module          /var/lib/istio/data/00/{DIGEST}.wasm (of what was refused)
    failure policy  FAIL_RELOAD (of what was refused)
    configurations  1 taken, 1 refused
    after a trap    2 reloads, 0 failed
    keys of corp    3, fetched 42 s ago
    resource        extensions.istio.io/trafficextension/shop.auth~istio-translated-wasmplugin (WasmPlugin, Istio 1.30 and later)
chain of main, other: shop.head > shop.auth
listener broken: REFUSED on 2026-11-21T16:07:12Z: no such filter
istio-agent: wasm_cache_entries 1
istio-agent: wasm_remote_fetch_count{{result=\"success\"}} 2
"
    );
    assert_eq!(shown(&troubled()), expected);
}

#[test]
fn the_whole_is_written_for_programs() {
    let status = troubled();
    assert!(!status.serving());
    let json = show::json(&status);
    assert_eq!((&json["serving"], &json["plugins"][1]["state"]), (&json!(false), &json!("refused")));
    assert_eq!(json["plugins"][1]["module"]["digestInName"], DIGEST);
    assert_eq!(json["plugins"][1]["keys"], json!([{"provider": "corp", "count": 3, "ageSeconds": 42}]));
    assert_eq!(
        json["chains"],
        json!([{"listeners": ["main", "other"], "plugins": ["shop.head", "shop.auth"]}])
    );
}

#[test]
fn plugins_are_found_wherever_they_stand() {
    let inline = json!({"listener": {"name": "static", "filter_chains": [{"filters": [
        {"name": "net", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.network.wasm.v3.Wasm", "config": {}}},
        {"name": "hcm", "typed_config": {"http_filters": [{"name": "own", "typed_config": wasm("own")}]}},
    ]}]}});
    let status = judged(
        &[inline, listener("warming_state", "new", &["late"]), listener("active_state", "none", &[])],
        "",
    );
    let found: Vec<(&str, State)> =
        status.plugins.iter().map(|plugin| (plugin.name.as_str(), plugin.state)).collect();
    assert_eq!(found, [("net", State::Loaded), ("own", State::Loaded), ("shop.late", State::Warming)]);
    assert_eq!(status.plugins[0].failure_policy.as_deref(), Some("FAIL_CLOSED"), "Envoy's default");
    assert_eq!(shown(&judged(&[], "")).lines().nth(1), Some("no listener has a Wasm plugin"));
}

#[test]
fn both_of_istios_names_are_read() {
    for (resource, short, kind) in [
        (
            "extensions.istio.io/trafficextension/shop.jwt~istio-translated-wasmplugin",
            "shop.jwt",
            "WasmPlugin, Istio 1.30 and later",
        ),
        ("extensions.istio.io/trafficextension/shop.jwt", "shop.jwt", "TrafficExtension"),
        ("extensions.istio.io/wasmplugin/shop.jwt", "shop.jwt", "WasmPlugin, Istio 1.29 and earlier"),
        ("tollgate.shop.jwt", "tollgate.shop.jwt", "no plugin of Istio's"),
    ] {
        assert_eq!(Name::of(resource), Name { short, kind });
    }
}

#[test]
fn the_log_gives_the_reason_of_the_last_refusal_of_this_plugin() {
    let refusal = |module: &str, why: &str, plugin: &str| {
        format!(
            "2026-11-21T16:07:11Z\terror\tenvoy wasm external/x.cc:1157\twasm log: tollgate.{module}: configuration refused: {why}\tthread=22\n\
                 noise\n2026-11-21T16:07:11Z\twarning\tenvoy config\trejected: Unable to create Wasm plugin {plugin}\tthread=22\n"
        )
    };
    let log = [
        refusal("auth", "old", "a"),
        refusal("auth", "new", "a"),
        refusal("auth", "y", "a-b"),
        refusal("header", "other", "b"),
        refusal("x", "z", "ab"),
    ]
    .concat();
    assert_eq!(log::reason(&log, "a").as_deref(), Some("tollgate.auth: configuration refused: new"));
    assert_eq!(log::reason(&log, "c"), None);
    let trap = "[x] Function: proxy_on_configure failed: Uncaught RuntimeError: unreachable\n\
                [x] wasm log: tollgate.x: configuration accepted\nUnable to create Wasm plugin c\n";
    assert_eq!(
        log::reason(trap, "c").as_deref(),
        Some("proxy_on_configure failed: Uncaught RuntimeError: unreachable")
    );
    assert_eq!(
        log::reason("Unable to create Wasm plugin c", "c").as_deref(),
        Some("Unable to create Wasm plugin c")
    );
}

#[test]
fn ages_alone_are_no_news() {
    let stats = |age: u32| {
        format!(
            "{}wasmcustom.wasm_filter.auth.component.corp.tollgate_keys: 1\n\
                 wasmcustom.wasm_filter.auth.component.corp.tollgate_key_age_seconds: {age}\n",
            counters("a", 1, 0, "1")
        )
    };
    let configs = [listener("active_state", "main", &["a"]), delivered("a", "1", &wasm("a"))];
    let (one, other) = (judged(&configs, &stats(1)), judged(&configs, &stats(2)));
    assert!(one != other && one.without_ages() == other.without_ages());
}

#[tokio::test]
async fn who_cannot_be_asked_is_named() {
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    // Answers everything, and in JSON.
    let echo = crate::echo::Echo::start().await.unwrap();
    let other = echo.address().to_string();
    for (arguments, expected) in [
        (vec!["--admin", other.as_str()], "/server_info: this is not the answer of an Envoy"),
        (vec!["--admin", nobody.as_str()], "Envoy's admin interface, /server_info: "),
        (vec!["--admin", "https://x/y"], "https://x/y: write http://<host>:<port>"),
        (vec!["--admin", "no-port"], "no-port: "),
    ] {
        let line = [vec!["tollgate", "status"], arguments].concat();
        let Command::Status(args) = Line::try_parse_from(line).unwrap().command else { panic!() };
        let error = look(&args, &mut Reporter::new(std::io::sink())).await.unwrap_err();
        assert!(error.starts_with(expected), "{error}");
    }
}

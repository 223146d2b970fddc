//! The listener: one HTTP port, the plugins in order, everything to the echo.

use serde_json::{Value, json};

use super::bootstrap::{config_source, socket_address};
use super::run_dir::RunDir;
use super::settings::{Settings, Tls};
use super::translate::{Extension, RBAC, WASM};

const MANAGER: &str =
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

/// Which chains the listeners carry.
#[derive(Debug, Clone, Copy)]
pub struct Chain<'e> {
    /// The plugins that serve.
    pub serving: &'e [Extension],
    /// The plugins that shall serve next, when some of them are new. They are tried on a listener without a port
    /// first: a listener that is given a plugin which Envoy refuses would answer 500 from then on.
    pub trial: Option<&'e [Extension]>,
}

/// The file that delivers the listeners.
#[must_use]
pub fn listeners(chain: Chain<'_>, run_dir: &RunDir, settings: &Settings, version: &str) -> Value {
    let mut listeners = vec![listener("main", Some(settings.port), chain.serving, run_dir, settings)];
    if let Some(trial) = chain.trial {
        listeners.push(listener("trial", None, trial, run_dir, settings));
    }
    json!({"version_info": version, "resources": listeners})
}

fn listener(
    name: &str,
    port: Option<u16>,
    plugins: &[Extension],
    run_dir: &RunDir,
    settings: &Settings,
) -> Value {
    let mut filters: Vec<Value> = plugins.iter().map(|plugin| filter(plugin, run_dir)).collect();
    filters.push(json!({
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
    }));
    let mut chain = json!({"filters": [{
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {
            "@type": MANAGER,
            "stat_prefix": name,
            "codec_type": "AUTO",
            // This is the edge: the client's address is the connection's, not what a header says.
            "use_remote_address": true,
            // Envoy's own would be there before any plugin runs, and hide what a filter's `requestId` does.
            "generate_request_id": false,
            "normalize_path": settings.normalize_path,
            "upgrade_configs": [{"upgrade_type": "websocket"}],
            "route_config": routes(),
            "http_filters": filters,
            "access_log": [access_log(run_dir)],
        },
    }]});
    if let (Some(tls), Some(chain)) = (&settings.tls, chain.as_object_mut()) {
        chain.insert("transport_socket".to_owned(), transport(tls));
    }
    json!({
        "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
        "name": name,
        // A listener without a port still needs an address of its own.
        "address": socket_address(&settings.address.to_string(), port.unwrap_or(1)),
        "bind_to_port": port.is_some(),
        "filter_chains": [chain],
    })
}

fn transport(tls: &Tls) -> Value {
    let certificate = json!({
        "certificate_chain": {"filename": tls.certificate},
        "private_key": {"filename": tls.key},
    });
    let mut common = json!({"alpn_protocols": ["h2", "http/1.1"], "tls_certificates": [certificate]});
    if let (Some(authorities), Some(common)) = (&tls.client_authorities, common.as_object_mut()) {
        common.insert("validation_context".to_owned(), json!({"trusted_ca": {"filename": authorities}}));
    }
    json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": common,
        },
    })
}

fn filter(plugin: &Extension, run_dir: &RunDir) -> Value {
    // Istio too lets a listener wait for its plugins for ever.
    let source = config_source(&run_dir.ecds(plugin), "0s");
    json!({"name": plugin.name, "config_discovery": {"config_source": source, "type_urls": [WASM, RBAC]}})
}

fn routes() -> Value {
    json!({
        "name": "echo",
        "virtual_hosts": [{
            "name": "echo",
            "domains": ["*"],
            "routes": [{"name": "echo", "match": {"prefix": "/"}, "route": {"cluster": "echo", "timeout": "0s"}}],
        }],
    })
}

fn access_log(run_dir: &RunDir) -> Value {
    let format = "%START_TIME% %PROTOCOL% %REQ(:METHOD)% %REQ(:AUTHORITY)% %PATH(NQ)% \
                  %RESPONSE_CODE% %RESPONSE_CODE_DETAILS% flags=%RESPONSE_FLAGS% ms=%DURATION%\n";
    json!({
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": run_dir.access_log(),
            "log_format": {"text_format_source": {"inline_string": format}},
        },
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn plugin(name: &str) -> Extension {
        Extension { name: format!("r/{name}"), plugin: name.to_owned(), config: json!({}) }
    }

    fn filter_names(listener: &Value) -> Vec<&str> {
        let manager = &listener["filter_chains"][0]["filters"][0]["typed_config"];
        manager["http_filters"]
            .as_array()
            .unwrap()
            .iter()
            .map(|filter| filter["name"].as_str().unwrap())
            .collect()
    }

    #[test]
    fn plugins_stand_before_the_router_in_order() {
        let run_dir = RunDir::at(Path::new("/run/x"));
        let settings = Settings::new("envoy");
        let plugins = [plugin("shop.a"), plugin("shop.b")];
        let chain = Chain { serving: &plugins, trial: None };
        let delivered = listeners(chain, &run_dir, &settings, "1");
        assert_eq!(delivered["resources"].as_array().unwrap().len(), 1);
        let main = &delivered["resources"][0];
        assert_eq!(filter_names(main), ["r/shop.a", "r/shop.b", "envoy.filters.http.router"]);
        let manager = &main["filter_chains"][0]["filters"][0]["typed_config"];
        assert_eq!(manager["generate_request_id"], false);
        assert_eq!(
            manager["http_filters"][0]["config_discovery"],
            json!({
                "config_source": {
                    "path_config_source": {
                        "path": "/run/x/ecds/shop.a/ecds.json",
                        "watched_directory": {"path": "/run/x/ecds/shop.a"},
                    },
                    "initial_fetch_timeout": "0s",
                    "resource_api_version": "V3",
                },
                "type_urls": [WASM, RBAC],
            })
        );
    }

    #[test]
    fn a_trial_has_no_port() {
        let run_dir = RunDir::at(Path::new("/run/x"));
        let settings = Settings::new("envoy");
        let (old, new) = ([plugin("a")], [plugin("b"), plugin("a")]);
        let delivered = listeners(Chain { serving: &old, trial: Some(&new) }, &run_dir, &settings, "2");
        let [main, trial] = delivered["resources"].as_array().unwrap().as_slice() else {
            panic!("{delivered}")
        };
        assert_eq!(filter_names(main), ["r/a", "envoy.filters.http.router"]);
        assert_eq!(filter_names(trial), ["r/b", "r/a", "envoy.filters.http.router"]);
        assert_eq!(trial["bind_to_port"], false);
    }
}

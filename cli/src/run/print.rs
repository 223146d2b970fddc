//! `--print-config`: what Envoy would be given, without giving it.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Map, Value};

use crate::envoy::{
    Chain, Extension, RunDir, Settings, bootstrap, clusters, extension, listeners, or_fallback,
};
use crate::plan::Plan;

/// All files as one JSON object, by name. The run directory and the echo's port are made up.
pub(super) fn everything(plan: &Plan, settings: &Settings) -> String {
    let run_dir = RunDir::at(settings.run_dir.as_deref().unwrap_or(Path::new("/run/tollgate")));
    let upstream = SocketAddr::from(([127, 0, 0, 1], 9));
    let extensions: Vec<Extension> = plan
        .plugins
        .iter()
        .map(|planned| {
            let module = planned.module.as_ref().map(|module| run_dir.module(module)).unwrap_or_default();
            or_fallback(planned, extension(&planned.plugin, &module, plan.naming))
        })
        .collect();
    let mut files = Map::new();
    let mut add = |file: &Path, content: Value| files.insert(file.to_string_lossy().into_owned(), content);
    add(&run_dir.bootstrap(), bootstrap(&run_dir, upstream, &settings.node));
    add(&run_dir.cds(), clusters(&plan.clusters, "1"));
    let chain = Chain { serving: &extensions, trial: None };
    add(&run_dir.lds(), listeners(chain, &run_dir, settings, "1"));
    for extension in &extensions {
        add(&run_dir.ecds(extension), extension.response("1"));
    }
    serde_json::to_string_pretty(&Value::Object(files)).unwrap_or_default()
}

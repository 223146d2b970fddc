//! An Envoy in a container, with the modules and its configuration beside the compose file.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::output::File;
use super::{Args, envoy, yaml};
use crate::environment::of_the_host;
use crate::module::Module;
use crate::plan::Plan;

const IMAGE: &str = "envoyproxy/envoy:v1.40.0";
/// In the container.
const MODULES: &str = "/etc/tollgate/modules";
const CONFIG: &str = "/etc/tollgate/envoy.yaml";

/// The compose file, Envoy's configuration and the modules. The directory can be moved: nothing in it points outside.
pub(super) fn files(plan: &Plan, args: &Args, directory: &Path) -> Result<Vec<File>, String> {
    if directory.is_file() {
        return Err(format!("{} is a file: for compose -o names a directory", directory.display()));
    }
    let inside = |module: &Module| PathBuf::from(MODULES).join(file_name(module));
    let config = envoy::config(plan, args, inside)?;
    let mut files = vec![
        File {
            name: "compose.yaml".to_owned(),
            content: yaml::text(&yaml::node(compose(plan, args))).into_bytes(),
        },
        File { name: "envoy.yaml".to_owned(), content: config.into_bytes() },
    ];
    // None is missing: nothing is fetched for this, and `config` would have said so.
    for module in plan.plugins.iter().filter_map(|planned| planned.module.as_ref().ok()) {
        let name = format!("modules/{}", file_name(module));
        if !files.iter().any(|file| file.name == name) {
            files.push(File { name, content: module.bytes.clone() });
        }
    }
    Ok(files)
}

/// By digest, so that a new module is a new file, as Envoy wants it.
fn file_name(module: &Module) -> String {
    format!("{}.wasm", module.digest)
}

fn compose(plan: &Plan, args: &Args) -> Value {
    let mut variables: Vec<&str> = Vec::new();
    for variable in plan.plugins.iter().flat_map(|planned| of_the_host(&planned.plugin)) {
        if !variables.contains(&variable) {
            variables.push(variable);
        }
    }
    let port = args.port;
    let mut service = json!({
        "image": IMAGE,
        "command": ["--config-path", CONFIG],
        "ports": [format!("127.0.0.1:{port}:{port}"), format!("127.0.0.1:{0}:{0}", envoy::ADMIN)],
        "volumes": [format!("./envoy.yaml:{CONFIG}:ro"), format!("./modules:{MODULES}:ro")],
    });
    if let (Some(fields), false) = (service.as_object_mut(), variables.is_empty()) {
        // By name only: the values are those of whoever starts it.
        fields.insert("environment".to_owned(), json!(variables));
    }
    json!({"services": {"envoy": service}})
}

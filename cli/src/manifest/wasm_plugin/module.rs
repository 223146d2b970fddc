//! What concerns the module: a WasmPlugin has it in `spec`, a TrafficExtension in `spec.wasm`.

use super::super::reader::{Field, Reader};
use super::super::yaml::{Node, Value};
use super::{EnvVar, FailStrategy, PluginType, PullPolicy, environment};
use crate::fault::Code;

pub(super) const FIELDS: [&str; 10] = [
    "url",
    "sha256",
    "imagePullPolicy",
    "imagePullSecret",
    "verificationKey",
    "pluginConfig",
    "pluginName",
    "failStrategy",
    "vmConfig",
    "type",
];

/// The longest secret's and plugin's name that the API server takes, in bytes.
const LONGEST_SECRET: usize = 253;
const LONGEST_NAME: usize = 256;

/// The part of [`Spec`](super::Spec) that is read here; the same words.
pub(super) struct Module {
    pub(super) url: String,
    pub(super) sha256: Option<String>,
    pub(super) image_pull_policy: PullPolicy,
    pub(super) image_pull_secret: Option<String>,
    pub(super) plugin_config: Option<Node>,
    pub(super) plugin_name: Option<String>,
    pub(super) fail_strategy: FailStrategy,
    pub(super) env: Vec<EnvVar>,
    pub(super) plugin_type: PluginType,
}

/// `None` when there is no url at all.
pub(super) fn read(reader: &mut Reader<'_>, of: &Field<'_>) -> Option<Module> {
    let strategies = [
        ("FAIL_CLOSE", FailStrategy::Close),
        ("FAIL_OPEN", FailStrategy::Open),
        ("FAIL_RELOAD", FailStrategy::Reload),
    ];
    let policies = [
        ("UNSPECIFIED_POLICY", PullPolicy::Unspecified),
        ("IfNotPresent", PullPolicy::IfNotPresent),
        ("Always", PullPolicy::Always),
    ];
    let types = [
        ("HTTP", PluginType::Http),
        ("NETWORK", PluginType::Network),
        ("UNSPECIFIED_PLUGIN_TYPE", PluginType::Http),
    ];
    let url = reader.required(of, "url", "give oci://, https://, http:// or file:// plus a path");
    let url = url.and_then(|url| url_of(reader, &url));
    let sha256 = sha256(reader, of);
    let image_pull_policy = reader.word(of, "imagePullPolicy", &policies).unwrap_or(PullPolicy::Unspecified);
    let image_pull_secret = secret(reader, of);
    reader.optional_text(of, "verificationKey");
    let plugin_config = plugin_config(reader, of);
    let plugin_name = named(reader, of, "pluginName", LONGEST_NAME);
    let fail_strategy = reader.word(of, "failStrategy", &strategies).unwrap_or(FailStrategy::Close);
    let env = environment::read(reader, of);
    let plugin_type = reader.word(of, "type", &types).unwrap_or(PluginType::Http);
    Some(Module {
        url: url?,
        sha256,
        image_pull_policy,
        image_pull_secret,
        plugin_config,
        plugin_name,
        fail_strategy,
        env,
        plugin_type,
    })
}

fn url_of(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<String> {
    let url = reader.text(field)?;
    if url.is_empty() {
        let message = "is required: give oci://, https://, http:// or file:// plus a path";
        reader.fault(Code::Required, &field.path, message);
        return None;
    }
    if let Some(message) = url_fault(&url) {
        reader.fault(Code::Url, &field.path, message);
    }
    Some(url)
}

/// What is wrong with a url, as Go's parser and Istio's rules see it.
fn url_fault(url: &str) -> Option<String> {
    if url.contains(|c: char| c.is_control() || c == ' ') {
        return Some("has a blank or a control character in it".to_owned());
    }
    if url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("file:")) {
        let path = url.strip_prefix("file://");
        let good = path.is_some_and(|path| path.starts_with('/') && !path.ends_with('/'));
        let message = "file URLs need exactly file:///absolute/path (istiod cuts the literal \"file://\")";
        return (!good).then(|| message.to_owned());
    }
    match url.split_once("://") {
        Some(("oci" | "http" | "https", rest)) if rest.is_empty() || rest.starts_with('/') => {
            Some("names no module".to_owned())
        }
        Some(("oci" | "http" | "https", _)) => None,
        Some((scheme, _)) if is_scheme(scheme) => {
            Some(format!("scheme {scheme:?} is not supported; use one of http, https, file, oci"))
        }
        _ => port_without_scheme(url),
    }
}

/// A registry's port before the first slash makes a scheme of its name.
fn port_without_scheme(url: &str) -> Option<String> {
    let (host, _) = url.split('/').next().filter(|_| url.contains('/'))?.split_once(':')?;
    Some(if is_scheme(host) {
        format!("{host:?} is read as a URL scheme; write oci://{url}")
    } else {
        format!(
            "the API server accepts this, but istiod drops it (\"first path segment in URL cannot contain colon\"); \
             write oci://{url}"
        )
    })
}

/// RFC 3986, 3.1.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

fn sha256(reader: &mut Reader<'_>, of: &Field<'_>) -> Option<String> {
    let digest = reader.optional_text(of, "sha256").filter(|digest| !digest.is_empty())?;
    if !crate::module::is_sha256(&digest) {
        let message = "must be 64 lower-case hex digits without a \"sha256:\" prefix";
        reader.fault(Code::Digest, &of.child("sha256"), message);
    }
    Some(digest)
}

fn secret(reader: &mut Reader<'_>, of: &Field<'_>) -> Option<String> {
    let name = named(reader, of, "imagePullSecret", LONGEST_SECRET)?;
    if name.contains('/') {
        let message = "must be a plain Secret name in the plugin's own namespace";
        reader.fault(Code::CrossNamespace, &of.child("imagePullSecret"), message);
    }
    Some(name)
}

fn named(reader: &mut Reader<'_>, of: &Field<'_>, key: &str, longest: usize) -> Option<String> {
    let name = reader.optional_text(of, key)?;
    if name.is_empty() || name.len() > longest {
        reader.fault(Code::OutOfRange, &of.child(key), format!("must have 1 to {longest} bytes"));
    }
    Some(name)
}

fn plugin_config(reader: &mut Reader<'_>, of: &Field<'_>) -> Option<Node> {
    let field = reader.optional(of, "pluginConfig")?;
    if !matches!(field.node.value, Value::Map(_)) {
        let found = field.node.kind();
        let message = format!("must be an object, found {found}; Istio turns it into JSON itself");
        reader.fault(Code::WrongType, &field.path, message);
        return None;
    }
    Some(field.node.clone())
}

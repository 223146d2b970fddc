//! Where the module comes from: what the url pins, and what of the other fields then counts.

use std::net::IpAddr;

use super::module_field;
use crate::fault::{Code, Fault};
use crate::manifest::{PullPolicy, WasmPlugin};
use crate::oci::manifest::is_sha256;
use crate::oci::name::Name;

/// A url taken apart.
struct Reference<'u> {
    scheme: &'u str,
    /// Host and port.
    host: &'u str,
    tag: Option<&'u str>,
    /// After `@`, `sha256:` included.
    digest: Option<&'u str>,
    has_scheme: bool,
}

impl<'u> Reference<'u> {
    fn of(url: &'u str) -> Self {
        let (scheme, rest, has_scheme) =
            url.split_once("://").map_or(("oci", url, false), |(scheme, rest)| (scheme, rest, true));
        let (name, digest) = rest.split_once('@').map_or((rest, None), |(name, digest)| (name, Some(digest)));
        let (path, last) = name.rsplit_once('/').unwrap_or(("", name));
        let tag = last.split_once(':').map(|(_, tag)| tag);
        let host = path.split('/').next().unwrap_or_default();
        Self { scheme, host, tag, digest, has_scheme }
    }

    fn is_image(&self) -> bool {
        self.scheme == "oci"
    }

    fn is_web(&self) -> bool {
        matches!(self.scheme, "http" | "https")
    }
}

pub(super) fn check(plugin: &WasmPlugin) -> Vec<Fault> {
    let reference = Reference::of(&plugin.spec.url);
    let mut found = Vec::new();
    let mut say = |code: Code, field: &str, message: String| {
        found.push(plugin.fault(&plugin.module_path(field), message).coded(code));
    };
    let authority = plugin.spec.url.split_once("://").map_or("", |(_, rest)| rest).split('/').next();
    if reference.scheme != "file"
        && authority.is_some_and(|authority| authority.contains('@') && !authority.contains("@sha256:"))
    {
        let message = "has credentials in it, readable by anyone who may get the object; Istio takes those of an imagePullSecret for oci://";
        say(Code::SecretInClear, "url", message.to_owned());
        return found;
    }
    if !reference.has_scheme {
        say(Code::SchemeMissing, "url", "has no scheme; Istio assumes oci://".to_owned());
    }
    if !reference.scheme.eq_ignore_ascii_case("file") && is_localhost(reference.host) {
        let message = "localhost is the proxy pod itself; use a registry name the pod can resolve, e.g. kind-registry:5000";
        say(Code::LocalhostUrl, "url", message.to_owned());
    } else if reference.scheme != "file" {
        address(plugin, &reference, &mut say);
    }
    digests(plugin, &reference, &mut say);
    pull_policy(plugin, &reference, &mut say);
    ignored(plugin, &reference, &mut say);
    found
}

type Say<'s> = dyn FnMut(Code, &str, String) + 's;

/// Names and addresses that mean the pod itself.
fn is_localhost(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    if let Ok(address) = name.parse::<IpAddr>() {
        return address.is_loopback() || address.is_unspecified();
    }
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// What istio-agent could not make a request of.
fn address(plugin: &WasmPlugin, reference: &Reference<'_>, say: &mut Say<'_>) {
    let port = reference.host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map(|(_, port)| port);
    if let Some(port) = port.filter(|port| !port.parse::<u16>().is_ok_and(|port| port > 0)) {
        say(Code::Url, "url", format!("{port:?} is no port: 1 to 65535"));
    } else if let (true, Err(message)) =
        (reference.is_image() && reference.digest.is_none_or(is_sha256), Name::parse(&plugin.spec.url))
    {
        say(Code::Url, "url", message);
    }
}

fn digests(plugin: &WasmPlugin, reference: &Reference<'_>, say: &mut Say<'_>) {
    let sha256 = plugin.spec.sha256.as_deref();
    if let Some(digest) = reference.digest.filter(|_| reference.is_image()) {
        let hex = digest.strip_prefix("sha256:").unwrap_or_default();
        if !is_sha256(digest) {
            let message = "the digest after @ must be sha256: and 64 lower-case hex digits";
            say(Code::Digest, "url", message.to_owned());
        } else if let Some(sha256) = sha256.filter(|sha256| *sha256 != hex) {
            let message =
                format!("sha256 ({sha256}) and the digest in url ({hex}) differ; the fetch will always fail");
            say(Code::DigestMismatch, "sha256", message);
        }
        return;
    }
    if sha256.is_some() {
        return;
    }
    if reference.is_web() {
        let message = "what lies there may change unseen; pin it with sha256, the hash of the unpacked .wasm";
        say(Code::MutableTag, "url", message.to_owned());
    }
    if reference.is_image() {
        let code = "pods started at different times run different code; pin a digest";
        let message = match reference.tag {
            Some("latest") => format!("mutable tag: {code}"),
            Some(tag) => format!(
                "the tag {tag} can be moved; pin the digest: …:{tag}@sha256:<digest that push prints>"
            ),
            None => format!("no tag: {code}; and, unlike \":latest\", it is treated as IfNotPresent"),
        };
        say(Code::MutableTag, "url", message);
    }
}

fn pull_policy(plugin: &WasmPlugin, reference: &Reference<'_>, say: &mut Say<'_>) {
    if plugin.spec.image_pull_policy != PullPolicy::Always || reference.scheme == "file" {
        return;
    }
    if reference.digest.is_some() || plugin.spec.sha256.is_some() {
        let message = "imagePullPolicy Always has no effect: the module is pinned by digest";
        say(Code::IgnoredField, "imagePullPolicy", message.to_owned());
    } else if reference.tag.is_some_and(|tag| tag != "latest") {
        let message = "a new push becomes visible only after this object changes; bump an annotation or, better, \
                       change the tag";
        say(Code::FixedTag, "imagePullPolicy", message.to_owned());
    }
}

fn ignored(plugin: &WasmPlugin, reference: &Reference<'_>, say: &mut Say<'_>) {
    let spec = &plugin.spec;
    if reference.scheme == "file" {
        for (field, given) in [
            ("sha256", spec.sha256.is_some()),
            ("imagePullPolicy", spec.image_pull_policy != PullPolicy::Unspecified),
            ("imagePullSecret", spec.image_pull_secret.is_some()),
        ] {
            if given {
                say(Code::IgnoredField, field, format!("{field} is ignored for file:// modules"));
            }
        }
    }
    if reference.is_web() && spec.image_pull_secret.is_some() {
        let message = "not used for http(s), but if the Secret is missing the fetch still fails; remove it";
        say(Code::IgnoredField, "imagePullSecret", message.to_owned());
    }
    if module_field(plugin, "verificationKey").is_some() {
        let message = "accepted but ignored by Istio; nothing is verified";
        say(Code::IgnoredField, "verificationKey", message.to_owned());
    }
}

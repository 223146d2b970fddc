//! Headers that tell a client what runs behind the proxy.

use policy_core::{ConfigError, Headers};

use super::config::{Defaults, LeakingConfig, Preset};
use crate::name::Removal;

/// OWASP's list (`headers_remove.json`), in order. `server` is on it, but Envoy writes that one after all filters.
const OWASP: [&str; 56] = [
    "$wsep",
    "host-header",
    "k-proxy-request",
    "liferay-portal",
    "oraclecommercecloud-version",
    "pega-host",
    "powered-by",
    "product",
    "server",
    "sourcemap",
    "x-atmosphere-error",
    "x-atmosphere-first-request",
    "x-atmosphere-tracking-id",
    "x-beserver",
    "x-calculatedbetarget",
    "x-cf-powered-by",
    "x-cms",
    "x-cocoon-version",
    "x-content-encoded-by",
    "x-diaginfo",
    "x-dtagentid",
    "x-dthealthcheck",
    "x-dtinjectedservlet",
    "x-envoy-attempt-count",
    "x-envoy-external-address",
    "x-envoy-internal",
    "x-envoy-original-dst-host",
    "x-envoy-upstream-service-time",
    "x-feserver",
    "x-framework",
    "x-generated-by",
    "x-generator",
    "x-jitsi-release",
    "x-joomla-version",
    "x-kubernetes-pf-flowschema-ui",
    "x-kubernetes-pf-flowschema-uid",
    "x-kubernetes-pf-prioritylevel-uid",
    "x-mod-pagespeed",
    "x-nextjs-cache",
    "x-nextjs-matched-path",
    "x-nextjs-page",
    "x-nextjs-redirect",
    "x-old-content-length",
    "x-oneagent-js-injection",
    "x-owa-version",
    "x-page-speed",
    "x-php-version",
    "x-redirect-by",
    "x-ruxit-js-agent",
    "x-server-powered-by",
    "x-sourcefiles",
    "x-sourcemap",
    "x-turbo-charged-by",
    "x-umbraco-version",
    "x-varnish-backend",
    "x-varnish-server",
];

/// Families of which OWASP lists several members, and whose other members tell as much.
const OWASP_FAMILIES: [&str; 4] = ["x-aspnet", "x-b3-", "x-litespeed-", "x-powered-"];

/// Which headers are taken off.
#[derive(Debug)]
pub(super) struct Leaking {
    owasp: bool,
    extra: Vec<Removal>,
    keep: Vec<Removal>,
}

impl Leaking {
    pub(super) fn compile(
        config: Option<LeakingConfig>,
        defaults: Defaults,
    ) -> Result<Option<Self>, ConfigError> {
        let Some(config) = defaults.fill(config) else { return Ok(None) };
        let owasp = config.preset.map_or(defaults.owasp, |preset| preset == Preset::Owasp);
        let leaking = Self { owasp, extra: config.extra, keep: config.keep };
        match (owasp || !leaking.extra.is_empty(), config.preset) {
            (true, _) => Ok(Some(leaking)),
            (false, Some(_)) => Ok(None),
            (false, None) => {
                Err(ConfigError::at("", "this removes nothing; write preset: owasp, or names under extra"))
            }
        }
    }

    pub(super) fn remove(&self, headers: &mut Headers<'_>) {
        headers.remove_where(|name| {
            let named =
                (self.owasp && is_on_list(name)) || self.extra.iter().any(|removal| removal.accepts(name));
            named && !self.keep.iter().any(|removal| removal.accepts(name))
        });
    }
}

fn is_on_list(name: &[u8]) -> bool {
    OWASP.binary_search_by(|known| known.as_bytes().cmp(name)).is_ok()
        || OWASP_FAMILIES.iter().any(|family| name.starts_with(family.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn the_list_is_in_order_so_that_it_can_be_searched() {
        assert!(OWASP.is_sorted());
        assert!(OWASP.iter().all(|name| is_on_list(name.as_bytes())));
    }

    #[test]
    fn all_of_owasps_names_are_on_the_list_and_no_common_one_is() {
        for name in [
            "x-powered-by",
            "x-powered-by-plesk",
            "x-powered-cms",
            "x-aspnet-version",
            "x-aspnetmvc-version",
            "x-b3-traceid",
            "x-b3-parentspanid",
            "x-b3-sampled",
            "x-b3-spanid",
            "x-litespeed-cache-control",
            "x-litespeed-tag",
            "x-varnish-backend",
            "x-varnish-server",
        ] {
            assert!(is_on_list(name.as_bytes()), "{name}");
        }
        for name in [
            "content-type",
            "set-cookie",
            "etag",
            "x-request-id",
            "x-frame-options",
            "",
            "x-envoy-overloaded",
        ] {
            assert!(!is_on_list(name.as_bytes()), "{name}");
        }
    }
}

//! Every mistake that manifests are known to make, by a name that stays the same.
//!
//! The names stand in the tool's output and in the annotation with which an operator accepts a finding, so a name once
//! given is never given to something else.

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Istio or the filter refuses it, drops it, or it can never do what it says.
    Error,
    /// It is accepted and surprises.
    Warning,
    /// It is worth knowing.
    Hint,
}

impl Level {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Hint => "hint",
        }
    }
}

macro_rules! codes {
    ($($code:ident $name:literal $level:ident $explanation:literal)*) => {
        /// One kind of mistake.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = $explanation] $code,)*
        }

        impl Code {
            /// All of them, errors first.
            pub const ALL: &[Self] = &[$(Self::$code,)*];

            /// The name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$code => $name,)* }
            }

            /// How bad it is.
            #[must_use]
            pub fn level(self) -> Level {
                match self { $(Self::$code => Level::$level,)* }
            }

            /// What it means, in one line.
            #[must_use]
            pub fn explanation(self) -> &'static str {
                match self { $(Self::$code => $explanation,)* }
            }
        }
    };
}

codes! {
    Unreadable "unreadable" Error "the file cannot be read"
    NotYaml "not-yaml" Error "the text is not YAML"
    AmbiguousYaml "ambiguous-yaml" Error "kubectl and others read this YAML differently: doubled or merged keys, tags, numbers in other notations"
    Precision "precision" Error "the number loses digits in Istio, which carries numbers as doubles"
    ApiVersion "api-version" Error "the apiVersion is not the one of this kind"
    Name "name" Error "a name or time in metadata is none that Kubernetes takes"
    GivenTwice "given-twice" Error "two objects have the same kind, namespace and name"
    UnknownField "unknown-field" Error "the API server drops the field without a word"
    Required "required" Error "a field is missing that has to be there"
    WrongType "wrong-type" Error "the value has another type than the field"
    WrongWord "wrong-word" Error "the word is not one of those that the field takes"
    OutOfRange "out-of-range" Error "the value is too long, too large or too small"
    Url "url" Error "Istio does not take this url, or drops it later"
    LocalhostUrl "localhost-url" Error "in a pod, localhost is the pod itself"
    Digest "digest" Error "no SHA-256 as Istio compares it"
    DigestMismatch "digest-mismatch" Error "the two digests differ, or are of the wrong thing: no fetch can succeed"
    SelectorAndTargets "selector-and-targets" Error "selector and targetRefs exclude each other"
    Wildcard "wildcard" Error "labels are compared as they are; there are no wildcards"
    Target "target" Error "this can be no target"
    CrossNamespace "cross-namespace" Error "targets and secrets are those of the object's own namespace"
    NeverRuns "never-runs" Error "the plugin applies to no traffic of what it is aimed at"
    NeverRunsGuess "never-runs-guess" Error "as never-runs, if the Gateway is what its name or labels look like; to be accepted where it is not"
    Port "port" Error "no port, or one given twice"
    Environment "environment" Error "the variable cannot be set like this, or never reaches the plugin"
    WasmOrLua "wasm-or-lua" Error "a TrafficExtension has exactly one of wasm and lua"
    IstioVersion "istio-version" Error "this version of Istio does not know it"
    Config "config" Error "the filter's own code refuses the configuration"
    ModuleMissing "module-missing" Error "the module is not in the directory of modules, or is none"
    ModuleType "module-type" Error "the module has no callbacks for this type of plugin"
    ModuleRefused "module-refused" Error "Envoy cannot load the module: it lacks a function of it, or does not know its ABI"
    Invalid "invalid" Error "the value cannot work"
    SchemeMissing "scheme-missing" Warning "a url without scheme is taken for oci://"
    IgnoredField "ignored-field" Warning "the field has no effect here, or a bad one"
    MutableTag "mutable-tag" Warning "pods that start at different times may run different code"
    PhaseUnset "phase-unset" Warning "without a phase the filter runs after authorization"
    PriorityUnset "priority-unset" Warning "an unset priority sorts below every other, negative ones included"
    PriorityEqual "priority-equal" Warning "which of the two runs first depends on their age"
    EmptySelector "empty-selector" Warning "it selects every workload of the namespace"
    WholeMesh "whole-mesh" Warning "in the root namespace it applies to every proxy of the mesh"
    BothDirections "both-directions" Warning "without match, a sidecar's filter runs on the workload's own calls too"
    ServicePort "service-port" Warning "ports are compared with those bound in the pod"
    SecretInClear "secret-in-clear" Warning "whoever may read the object or a config dump reads the secret"
    FailOpen "fail-open" Warning "a guard that cannot run lets everyone through"
    SharedVm "shared-vm" Warning "a crash of one plugin takes the other with it"
    SameName "same-name" Warning "a WasmPlugin and a TrafficExtension of one name are two filters"
    CalloutUnknown "callout-unknown" Warning "no ServiceEntry makes the cluster that the filter calls"
    CalloutPlaintext "callout-plaintext" Warning "the filter calls https, and nothing adds TLS to its calls"
    GuardOutbound "guard-outbound" Warning "an authenticating filter that sees only the workload's own calls lets everyone in"
    LimitsDiffer "limits-differ" Warning "two plugins have different global limits in one domain, which the service takes for each other's"
    ModuleOther "module-other" Warning "the module in the directory is not the one that is pinned"
    RuleUnreachable "rule-unreachable" Warning "an earlier rule decides every request"
    LabelsWithoutKey "labels-without-key" Warning "only API keys have labels, and the rule asks for none"
    AllowUnknown "allow-unknown" Warning "the annotation tollgate.dev/allow cannot be understood"
    NothingToCheck "nothing-to-check" Warning "there is no WasmPlugin and no TrafficExtension"
    FixedTag "fixed-tag" Hint "a new push under the same tag is not noticed by itself"
    FailStrategyUnset "fail-strategy-unset" Hint "the default refuses requests until the next change of configuration"
    PluginName "plugin-name" Hint "the module has one root and needs no name for it"
    CalloutService "callout-service" Hint "a Service of the cluster is called that is not among these manifests"
    ConfigUnchecked "config-unchecked" Hint "the module is none of Tollgate's, its configuration is not checked"
    AllowUnused "allow-unused" Hint "the annotation tollgate.dev/allow accepts what is not there"
}

impl Code {
    /// Whether a manifest may accept it: an error only when it rests on a guess.
    #[must_use]
    pub fn is_acceptable(self) -> bool {
        self.level() != Level::Error || self == Self::NeverRunsGuess
    }

    /// The code of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_by_its_name_and_no_name_is_given_twice() {
        for code in Code::ALL {
            assert_eq!(Code::named(code.name()), Some(*code), "{code:?}");
            assert!(code.name().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{code:?}");
        }
        assert_eq!(Code::named("nothing"), None);
        assert!(Code::ALL.is_sorted_by_key(|code| code.level()));
    }
}

//! Why a module cannot be trimmed or shipped.

use crate::CALLBACKS_SECTION;

/// What is wrong with a module, told to the person who builds it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are no WebAssembly module.
    #[error("not a WebAssembly module: {0}")]
    Malformed(String),
    /// The module does not say which callbacks it uses.
    #[error(
        "no custom section `{CALLBACKS_SECTION}`: export the filter with `filter_runtime::export_plugin!`, which writes it"
    )]
    NoCallbackList,
    /// The list of callbacks is not a list of `proxy_on_*` names.
    #[error("custom section `{CALLBACKS_SECTION}` holds {0:?}, which is no `proxy_on_*` name")]
    BadCallbackName(String),
    /// The list names callbacks that the filter lacks, or it has no start.
    #[error(
        "the module needs {}, of which it exports none of its own (`tollgate_*`): write it with \
         `filter_runtime::export_plugin!`, and the name as in the proxy-wasm ABI",
        .0.join(", ")
    )]
    MissingCallbacks(Vec<String>),
    /// Functions of the filter call the SDK, whose functions are taken out.
    #[error(
        "functions of the proxy-wasm crate are called by {}: it is used for its types and constants only; \
         host calls are filter-runtime's own (`host/ffi.rs`)",
        .0.join(", ")
    )]
    CallsTheSdk(Vec<String>),
    /// The module imports what Envoy does not offer, or what a filter has no business with.
    #[error(
        "imports outside the allow-list: {}. Find the dependency that needs them \
         (files, sockets, threads) and do without, or extend `ALLOWED_WASI` with a reason",
        .0.join(", ")
    )]
    ForeignImports(Vec<String>),
}

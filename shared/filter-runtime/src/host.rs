//! Host calls that return a status instead of panicking (proxy-wasm ABI 0.2.1).
//!
//! Every function here is one crossing into Envoy. Those that return bytes cost about a microsecond, because the host
//! calls back into this module's allocator; the others about a tenth of that.

#[allow(unsafe_code, reason = "the one place where memory is shared with the host")]
mod ffi;

use std::time::Duration;

use policy_core::snapshot::encode;
use policy_core::{Callout, Stored};
use proxy_wasm::types::{BufferType, LogLevel, MapType, MetricType, StreamType};

/// A host call that did not return `Ok`. The number is the ABI's `proxy_status_t`; 2 means "not in this phase".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Failed(pub(crate) u32);

/// The result of a host call.
pub(crate) type Result<T> = std::result::Result<T, Failed>;

/// Writes a line to Envoy's log.
pub(crate) fn log(level: LogLevel, message: &str) {
    // There is nowhere to report a log that cannot be written.
    let _ = ffi::log(level as u32, message.as_bytes());
}

/// Envoy's level for the `wasm` logger: 0 (trace) to 5 (critical).
pub(crate) fn log_level() -> Result<u32> {
    ffi::log_level()
}

/// Wall-clock time in nanoseconds since the Unix epoch, in steps of a microsecond.
pub(crate) fn current_time() -> Result<u64> {
    ffi::current_time()
}

/// Fills the buffer from the host's cryptographic source.
pub(crate) fn fill_random(buffer: &mut [u8]) -> Result<()> {
    ffi::fill_random(buffer)
}

/// A variable of the module's environment. Asked of the host itself: the C library's way brings an allocator along.
pub(crate) fn variable(name: &str) -> Option<String> {
    let text = ffi::environment().ok()?;
    let variables = text.split(|byte| *byte == 0);
    let mut variables = variables.filter_map(|variable| str::from_utf8(variable).ok()?.split_once('='));
    variables.find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
}

/// The whole `pluginConfig` as text. Empty when there is none.
pub(crate) fn plugin_configuration() -> Result<Vec<u8>> {
    ffi::buffer(BufferType::PluginConfiguration as u32, usize::MAX)
}

/// All pairs of a header map in the form of [`policy_core::Snapshot::parse`].
pub(crate) fn header_pairs(map: MapType) -> Result<Vec<u8>> {
    ffi::header_pairs(map as u32)
}

/// Gives a header one value, in place of all it had.
pub(crate) fn replace_header(map: MapType, name: &[u8], value: &[u8]) -> Result<()> {
    ffi::replace_header(map as u32, name, value)
}

/// Gives a header one more value.
pub(crate) fn add_header(map: MapType, name: &[u8], value: &[u8]) -> Result<()> {
    ffi::add_header(map as u32, name, value)
}

/// Removes a header; one that is absent is no failure.
pub(crate) fn remove_header(map: MapType, name: &[u8]) -> Result<()> {
    ffi::remove_header(map as u32, name)
}

/// A property by its path, joined with NUL. `None` when there is no such thing now.
pub(crate) fn property(path: &str) -> Option<Vec<u8>> {
    ffi::property(path.as_bytes()).ok()
}

/// Stores filter state `wasm.<key>` on the stream.
pub(crate) fn set_filter_state(key: &str, value: &[u8]) -> Result<()> {
    ffi::set_property(key.as_bytes(), value)
}

/// An answer of the proxy. `headers` is an encoded map.
pub(crate) fn send_local_reply(
    status: u32,
    details: &str,
    body: &[u8],
    headers: &[u8],
    grpc: u32,
) -> Result<()> {
    ffi::send_local_response(status, details.as_bytes(), body, headers, grpc)
}

/// Makes a counter and returns its id. Each call adds an id to the VM, even for a known name: once per configuration.
pub(crate) fn define_counter(name: &str) -> Result<u32> {
    ffi::define_metric(MetricType::Counter as u32, name.as_bytes())
}

/// Adds to a counter.
pub(crate) fn increment(counter: u32, by: i64) -> Result<()> {
    ffi::increment_metric(counter, by)
}

/// Makes a gauge and returns its id; as [`define_counter`].
pub(crate) fn define_gauge(name: &str) -> Result<u32> {
    ffi::define_metric(MetricType::Gauge as u32, name.as_bytes())
}

/// Sets a gauge.
pub(crate) fn record(gauge: u32, value: u64) -> Result<()> {
    ffi::record_metric(gauge, value)
}

/// An entry of the data that all VMs of one `vm_id` share, and its version.
pub(crate) fn shared_data(key: &str) -> Result<Stored> {
    ffi::shared_data(key.as_bytes()).map(|(value, version)| Stored { value, version })
}

/// Writes such an entry if it still has this version; 0 stands for any.
pub(crate) fn set_shared_data(key: &str, value: &[u8], version: u32) -> Result<()> {
    ffi::set_shared_data(key.as_bytes(), value, version)
}

/// A function that Envoy has beyond the ABI.
pub(crate) fn call_foreign_function(name: &str, argument: &[u8]) -> Result<Vec<u8>> {
    ffi::call_foreign_function(name.as_bytes(), argument)
}

/// Sets the root context's timer, from the root or from one of its streams; 0 stops it. Starts its period anew.
pub(crate) fn set_tick_period(milliseconds: u32) -> Result<()> {
    ffi::set_tick_period(milliseconds)
}

/// Makes the calls that follow in this callback those of another context.
pub(crate) fn set_effective_context(context: u32) -> Result<()> {
    ffi::set_effective_context(context)
}

/// Resumes a paused request. From here on its headers are out of reach; Envoy acts when the callback has returned.
pub(crate) fn continue_request() -> Result<()> {
    ffi::continue_stream(StreamType::HttpRequest as u32)
}

/// The body of the answer to a call.
pub(crate) fn call_body(size: usize) -> Result<Vec<u8>> {
    ffi::buffer(BufferType::HttpCallResponseBody as u32, size)
}

/// Sends a request and returns the token of its answer. `None` when it was not sent.
pub(crate) fn http_call(callout: &Callout) -> Option<u32> {
    let mut headers = vec![
        (":method", callout.method.as_bytes()),
        (":path", callout.path.as_bytes()),
        (":authority", callout.authority.as_bytes()),
    ];
    headers.extend(callout.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
    // Envoy reads the milliseconds as a signed number, and none as "for ever".
    let longest = Duration::from_millis(i32::MAX.unsigned_abs().into());
    let timeout = callout.timeout.clamp(Duration::from_millis(1), longest).as_millis();
    let timeout = u32::try_from(timeout).ok()?;
    ffi::http_call(callout.cluster.as_bytes(), &encode(&headers), &callout.body, timeout).ok()
}

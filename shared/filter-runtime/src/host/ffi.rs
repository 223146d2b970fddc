//! The imports themselves. Statuses are plain numbers: the SDK declares them as an enum that lacks values which the
//! host does return, which is undefined behaviour.
//!
//! Memory that the host returns was taken from this module's `proxy_on_memory_allocate` with exactly the returned
//! size, so a `Vec` of that capacity may own it.

use std::ptr;

use super::{Failed, Result};

#[cfg_attr(target_arch = "wasm32", link(wasm_import_module = "env"))]
unsafe extern "C" {
    fn proxy_log(level: u32, message: *const u8, size: usize) -> u32;
    fn proxy_get_log_level(level: *mut u32) -> u32;
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
    fn proxy_get_buffer_bytes(
        kind: u32,
        start: usize,
        max: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_replace_header_map_value(
        map: u32,
        k: *const u8,
        k_size: usize,
        v: *const u8,
        v_size: usize,
    ) -> u32;
    fn proxy_add_header_map_value(map: u32, k: *const u8, k_size: usize, v: *const u8, v_size: usize) -> u32;
    fn proxy_remove_header_map_value(map: u32, key: *const u8, size: usize) -> u32;
    fn proxy_get_property(path: *const u8, path_size: usize, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_set_property(path: *const u8, path_size: usize, value: *const u8, size: usize) -> u32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_size: usize,
        body: *const u8,
        body_size: usize,
        headers: *const u8,
        headers_size: usize,
        grpc_status: i32,
    ) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, size: usize, id: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, offset: i64) -> u32;
    fn proxy_record_metric(id: u32, value: u64) -> u32;
    fn proxy_get_shared_data(
        key: *const u8,
        key_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
        version: *mut u32,
    ) -> u32;
    fn proxy_set_shared_data(
        key: *const u8,
        key_size: usize,
        value: *const u8,
        size: usize,
        version: u32,
    ) -> u32;
    fn proxy_call_foreign_function(
        name: *const u8,
        name_size: usize,
        argument: *const u8,
        argument_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_http_call(
        cluster: *const u8,
        cluster_size: usize,
        headers: *const u8,
        headers_size: usize,
        body: *const u8,
        body_size: usize,
        trailers: *const u8,
        trailers_size: usize,
        timeout: u32,
        token: *mut u32,
    ) -> u32;
    fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
    fn proxy_set_effective_context(context: u32) -> u32;
    fn proxy_continue_stream(stream: u32) -> u32;
}

#[cfg_attr(target_arch = "wasm32", link(wasm_import_module = "wasi_snapshot_preview1"))]
unsafe extern "C" {
    fn random_get(buffer: *mut u8, size: usize) -> u32;
    fn environ_sizes_get(count: *mut usize, size: *mut usize) -> u32;
    fn environ_get(variables: *mut *mut u8, text: *mut u8) -> u32;
}

/// A map of no pairs: their number.
const NO_TRAILERS: [u8; 4] = [0; 4];

fn done(status: u32) -> Result<()> {
    if status == 0 { Ok(()) } else { Err(Failed(status)) }
}

/// Takes over a buffer that the host filled during `call`.
fn returned(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Result<Vec<u8>> {
    let mut data: *mut u8 = ptr::null_mut();
    let mut size: usize = 0;
    done(call(&raw mut data, &raw mut size))?;
    if data.is_null() {
        return Ok(Vec::new());
    }
    // SAFETY: the host allocated `size` bytes with this module's allocator, filled them, and keeps no pointer.
    Ok(unsafe { Vec::from_raw_parts(data, size, size) })
}

pub(super) fn log(level: u32, message: &[u8]) -> Result<()> {
    // SAFETY: as for every import below, the host reads the slices during the call only.
    done(unsafe { proxy_log(level, message.as_ptr(), message.len()) })
}

pub(super) fn log_level() -> Result<u32> {
    let mut level = 0;
    // SAFETY: `level` outlives the call.
    done(unsafe { proxy_get_log_level(&raw mut level) })?;
    Ok(level)
}

pub(super) fn current_time() -> Result<u64> {
    let mut time = 0;
    // SAFETY: `time` outlives the call.
    done(unsafe { proxy_get_current_time_nanoseconds(&raw mut time) })?;
    Ok(time)
}

pub(super) fn fill_random(buffer: &mut [u8]) -> Result<()> {
    // SAFETY: the host writes within the buffer.
    done(unsafe { random_get(buffer.as_mut_ptr(), buffer.len()) })
}

pub(super) fn environment() -> Result<Vec<u8>> {
    let (mut count, mut size) = (0, 0);
    // SAFETY: both outlive the call.
    done(unsafe { environ_sizes_get(&raw mut count, &raw mut size) })?;
    let (mut variables, mut text) = (vec![ptr::null_mut(); count], vec![0; size]);
    // SAFETY: the host writes as much as it just said, and the pointers it leaves are dropped.
    done(unsafe { environ_get(variables.as_mut_ptr(), text.as_mut_ptr()) })?;
    Ok(text)
}

pub(super) fn buffer(kind: u32, max: usize) -> Result<Vec<u8>> {
    // SAFETY: see `returned`.
    returned(|data, size| unsafe { proxy_get_buffer_bytes(kind, 0, max, data, size) })
}

pub(super) fn header_pairs(map: u32) -> Result<Vec<u8>> {
    // SAFETY: see `returned`.
    returned(|data, size| unsafe { proxy_get_header_map_pairs(map, data, size) })
}

pub(super) fn replace_header(map: u32, name: &[u8], value: &[u8]) -> Result<()> {
    // SAFETY: read during the call only.
    done(unsafe {
        proxy_replace_header_map_value(map, name.as_ptr(), name.len(), value.as_ptr(), value.len())
    })
}

pub(super) fn add_header(map: u32, name: &[u8], value: &[u8]) -> Result<()> {
    // SAFETY: read during the call only.
    done(unsafe { proxy_add_header_map_value(map, name.as_ptr(), name.len(), value.as_ptr(), value.len()) })
}

pub(super) fn remove_header(map: u32, name: &[u8]) -> Result<()> {
    // SAFETY: read during the call only.
    done(unsafe { proxy_remove_header_map_value(map, name.as_ptr(), name.len()) })
}

pub(super) fn property(path: &[u8]) -> Result<Vec<u8>> {
    // SAFETY: see `returned`; the path is read during the call only.
    returned(|data, size| unsafe { proxy_get_property(path.as_ptr(), path.len(), data, size) })
}

pub(super) fn set_property(path: &[u8], value: &[u8]) -> Result<()> {
    // SAFETY: read during the call only.
    done(unsafe { proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len()) })
}

pub(super) fn send_local_response(
    status: u32,
    details: &[u8],
    body: &[u8],
    headers: &[u8],
    grpc: u32,
) -> Result<()> {
    // SAFETY: read during the call only.
    done(unsafe {
        proxy_send_local_response(
            status,
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            grpc.cast_signed(),
        )
    })
}

pub(super) fn define_metric(kind: u32, name: &[u8]) -> Result<u32> {
    let mut id = 0;
    // SAFETY: `id` outlives the call.
    done(unsafe { proxy_define_metric(kind, name.as_ptr(), name.len(), &raw mut id) })?;
    Ok(id)
}

pub(super) fn increment_metric(id: u32, offset: i64) -> Result<()> {
    // SAFETY: numbers only.
    done(unsafe { proxy_increment_metric(id, offset) })
}

pub(super) fn record_metric(id: u32, value: u64) -> Result<()> {
    // SAFETY: numbers only.
    done(unsafe { proxy_record_metric(id, value) })
}

pub(super) fn shared_data(key: &[u8]) -> Result<(Vec<u8>, u32)> {
    let mut version = 0;
    // SAFETY: see `returned`; `version` outlives the call.
    let value = returned(|data, size| unsafe {
        proxy_get_shared_data(key.as_ptr(), key.len(), data, size, &raw mut version)
    })?;
    Ok((value, version))
}

pub(super) fn set_shared_data(key: &[u8], value: &[u8], version: u32) -> Result<()> {
    // SAFETY: read during the call only.
    done(unsafe { proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), version) })
}

pub(super) fn call_foreign_function(name: &[u8], argument: &[u8]) -> Result<Vec<u8>> {
    // SAFETY: see `returned`; name and argument are read during the call only.
    returned(|data, size| unsafe {
        let (name, name_size) = (name.as_ptr(), name.len());
        proxy_call_foreign_function(name, name_size, argument.as_ptr(), argument.len(), data, size)
    })
}

pub(super) fn http_call(cluster: &[u8], headers: &[u8], body: &[u8], timeout: u32) -> Result<u32> {
    let mut token = 0;
    // SAFETY: read during the call only; `token` outlives it.
    done(unsafe {
        proxy_http_call(
            cluster.as_ptr(),
            cluster.len(),
            headers.as_ptr(),
            headers.len(),
            body.as_ptr(),
            body.len(),
            NO_TRAILERS.as_ptr(),
            NO_TRAILERS.len(),
            timeout,
            &raw mut token,
        )
    })?;
    Ok(token)
}

pub(super) fn set_tick_period(milliseconds: u32) -> Result<()> {
    // SAFETY: numbers only; so in the two below.
    done(unsafe { proxy_set_tick_period_milliseconds(milliseconds) })
}

pub(super) fn set_effective_context(context: u32) -> Result<()> {
    // SAFETY: as above.
    done(unsafe { proxy_set_effective_context(context) })
}

pub(super) fn continue_stream(stream: u32) -> Result<()> {
    // SAFETY: as above.
    done(unsafe { proxy_continue_stream(stream) })
}

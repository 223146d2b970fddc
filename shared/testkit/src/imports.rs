//! The host functions a filter imports, over this thread's [`State`].

mod environment;
mod outside;

use std::slice;

use policy_core::Snapshot;
use policy_core::snapshot::encode;

use crate::memory;
use crate::state::{Reply, State, with};

const OK: u32 = 0;
const NOT_FOUND: u32 = 1;
const BAD_ARGUMENT: u32 = 2;

/// The bytes a guest hands in.
///
/// # Safety
/// `data` points to `size` readable bytes, as the ABI promises.
unsafe fn taken<'a>(data: *const u8, size: usize) -> &'a [u8] {
    if size == 0 {
        return &[];
    }
    // SAFETY: promised by the caller.
    unsafe { slice::from_raw_parts(data, size) }
}

/// Hands bytes to the guest in memory of its own allocator, as Envoy does.
///
/// # Safety
/// `data` and `size` are valid for writing.
unsafe fn give(bytes: &[u8], data: *mut *mut u8, size: *mut usize) -> u32 {
    if bytes.is_empty() {
        return OK;
    }
    // SAFETY: the allocator returns `bytes.len()` writable bytes; the out pointers are the caller's promise.
    unsafe {
        let memory = memory::allocate(bytes.len());
        memory.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        *data = memory;
        *size = bytes.len();
    }
    OK
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// True when the test wants this host function to fail.
fn fails(name: &'static str) -> bool {
    with(|state| state.failing.contains(name))
}

fn called<T>(name: &'static str, work: impl FnOnce(&mut State) -> T) -> T {
    with(|state| {
        state.calls.push(name);
        work(state)
    })
}

/// Edits a header map; out of its phase that is a bad argument.
///
/// # Safety
/// As [`taken`].
unsafe fn edit(
    call: &'static str,
    map: u32,
    name: (*const u8, usize),
    work: impl FnOnce(&mut crate::Pairs, Vec<u8>),
) -> u32 {
    // SAFETY: promised by the caller.
    let name = unsafe { taken(name.0, name.1) }.to_ascii_lowercase();
    if fails(call) {
        return BAD_ARGUMENT;
    }
    called(call, |state| match state.map(map) {
        Some(pairs) => {
            work(pairs, name);
            OK
        }
        None => BAD_ARGUMENT,
    })
}

#[unsafe(no_mangle)]
extern "C" fn proxy_log(level: u32, message: *const u8, size: usize) -> u32 {
    // SAFETY: the ABI's promise; so for every import below.
    let message = text(unsafe { taken(message, size) });
    called("log", |state| state.logs.push((level, message)));
    OK
}

#[unsafe(no_mangle)]
extern "C" fn proxy_get_log_level(level: *mut u32) -> u32 {
    let current = called("get_log_level", |state| state.log_level);
    // SAFETY: as above.
    unsafe { *level = current };
    OK
}

#[unsafe(no_mangle)]
extern "C" fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32 {
    if fails("get_current_time") {
        return BAD_ARGUMENT;
    }
    let now = called("get_current_time", |state| {
        let later = state.time.saturating_add(state.step);
        std::mem::replace(&mut state.time, later)
    });
    // SAFETY: as above.
    unsafe { *time = now };
    OK
}

#[unsafe(no_mangle)]
extern "C" fn random_get(buffer: *mut u8, size: usize) -> u32 {
    if fails("random_get") {
        return BAD_ARGUMENT;
    }
    called("random_get", |state| {
        for at in 0..size {
            state.random = state.random.wrapping_mul(5).wrapping_add(17);
            // SAFETY: within the buffer.
            unsafe { buffer.add(at).write(state.random) };
        }
    });
    OK
}

#[unsafe(no_mangle)]
extern "C" fn proxy_get_buffer_bytes(
    kind: u32,
    _: usize,
    _: usize,
    data: *mut *mut u8,
    size: *mut usize,
) -> u32 {
    const CALL_RESPONSE_BODY: u32 = 4;
    const PLUGIN_CONFIGURATION: u32 = 7;
    if fails("get_buffer") {
        return BAD_ARGUMENT;
    }
    let bytes = called("get_buffer", |state| match kind {
        CALL_RESPONSE_BODY => state.answer.as_ref().map(|answer| answer.body.clone()),
        PLUGIN_CONFIGURATION => Some(state.configuration.clone()),
        _ => None,
    });
    // SAFETY: as above.
    bytes.map_or(BAD_ARGUMENT, |bytes| unsafe { give(&bytes, data, size) })
}

#[unsafe(no_mangle)]
extern "C" fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32 {
    if fails("get_header_map_pairs") {
        return BAD_ARGUMENT;
    }
    let encoded = called("get_header_map_pairs", |state| state.map(map).map(|pairs| encode(pairs)));
    // SAFETY: as above.
    encoded.map_or(BAD_ARGUMENT, |encoded| unsafe { give(&encoded, data, size) })
}

#[unsafe(no_mangle)]
extern "C" fn proxy_replace_header_map_value(
    map: u32,
    k: *const u8,
    ks: usize,
    v: *const u8,
    vs: usize,
) -> u32 {
    // SAFETY: as above.
    unsafe {
        let value = taken(v, vs).to_vec();
        edit("replace_header", map, (k, ks), |pairs, name| {
            let at = pairs.iter().position(|(known, _)| *known == name).unwrap_or(pairs.len());
            pairs.retain(|(known, _)| *known != name);
            pairs.insert(at.min(pairs.len()), (name, value));
        })
    }
}

#[unsafe(no_mangle)]
extern "C" fn proxy_add_header_map_value(map: u32, k: *const u8, ks: usize, v: *const u8, vs: usize) -> u32 {
    // SAFETY: as above.
    unsafe {
        let value = taken(v, vs).to_vec();
        edit("add_header", map, (k, ks), |pairs, name| pairs.push((name, value)))
    }
}

#[unsafe(no_mangle)]
extern "C" fn proxy_remove_header_map_value(map: u32, key: *const u8, size: usize) -> u32 {
    // SAFETY: as above.
    unsafe {
        edit("remove_header", map, (key, size), |pairs, name| pairs.retain(|(known, _)| *known != name))
    }
}

#[unsafe(no_mangle)]
extern "C" fn proxy_get_property(
    path: *const u8,
    path_size: usize,
    data: *mut *mut u8,
    size: *mut usize,
) -> u32 {
    // SAFETY: as above.
    let path = text(unsafe { taken(path, path_size) }).replace('\0', ".");
    let value = called("get_property", |state| {
        let stream = state.stream();
        // Envoy clears the request when it has been sent on.
        if path.starts_with("request.") && stream.as_ref().is_none_or(|stream| stream.request.is_none()) {
            return None;
        }
        if let Some(key) = path.strip_prefix("filter_state.") {
            return stream.and_then(|stream| stream.filter_state.get(key).cloned());
        }
        state.properties.get(&path).cloned()
    });
    // SAFETY: as above.
    value.map_or(NOT_FOUND, |value| unsafe { give(&value, data, size) })
}

#[unsafe(no_mangle)]
extern "C" fn proxy_set_property(path: *const u8, path_size: usize, value: *const u8, size: usize) -> u32 {
    if fails("set_property") {
        return BAD_ARGUMENT;
    }
    // SAFETY: as above.
    let (path, value) = unsafe { (text(taken(path, path_size)), taken(value, size).to_vec()) };
    called("set_property", |state| match state.stream() {
        Some(stream) => {
            stream.filter_state.insert(format!("wasm.{path}"), value);
            OK
        }
        None => NOT_FOUND,
    })
}

#[unsafe(no_mangle)]
extern "C" fn proxy_send_local_response(
    status: u32,
    details: *const u8,
    details_size: usize,
    body: *const u8,
    body_size: usize,
    headers: *const u8,
    headers_size: usize,
    grpc_status: i32,
) -> u32 {
    // SAFETY: as above.
    let (details, body, headers) = unsafe {
        (
            text(taken(details, details_size)),
            taken(body, body_size).to_vec(),
            taken(headers, headers_size).to_vec(),
        )
    };
    if fails("send_local_response") {
        return BAD_ARGUMENT;
    }
    let Some(headers) = Snapshot::parse(headers) else { return BAD_ARGUMENT };
    let headers = headers.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
    called("send_local_response", |state| {
        // The first of two replies wins.
        let reply = Reply { status, details, headers, body, grpc_status };
        if let Some(stream) = state.stream() {
            stream.reply.get_or_insert(reply);
        }
    });
    OK
}

#[unsafe(no_mangle)]
extern "C" fn proxy_define_metric(_kind: u32, name: *const u8, size: usize, id: *mut u32) -> u32 {
    // SAFETY: as above.
    let name = text(unsafe { taken(name, size) });
    let new = called("define_metric", |state| {
        // As Envoy: a known name is the same metric.
        state.metrics.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
            state.metrics.push((name, 0));
            state.metrics.len().saturating_sub(1)
        })
    });
    // SAFETY: as above.
    unsafe { *id = u32::try_from(new).unwrap_or(u32::MAX) };
    OK
}

#[unsafe(no_mangle)]
extern "C" fn proxy_increment_metric(id: u32, offset: i64) -> u32 {
    called("increment_metric", |state| match state.metrics.get_mut(id as usize) {
        Some((_, value)) => {
            *value = value.saturating_add(offset);
            OK
        }
        None => BAD_ARGUMENT,
    })
}

//! Timer, store, calls, foreign functions: what a filter does outside requests.

use std::time::Duration;

use policy_core::{Signature, Snapshot, Stored};

use super::{BAD_ARGUMENT, NOT_FOUND, OK, called, fails, give, taken, text};
use crate::call::Call;
use crate::proxy::new_id;
use crate::state::with;

const CAS_MISMATCH: u32 = 8;
const INTERNAL_FAILURE: u32 = 10;

#[unsafe(no_mangle)]
extern "C" fn proxy_set_tick_period_milliseconds(period: u32) -> u32 {
    if fails("set_tick_period") {
        return BAD_ARGUMENT;
    }
    called("set_tick_period", |state| {
        let root = state.root();
        if let Some(root) = state.roots.get_mut(&root) {
            root.period = period;
        }
        OK
    })
}

#[unsafe(no_mangle)]
extern "C" fn proxy_set_effective_context(context: u32) -> u32 {
    if fails("set_effective_context") {
        return BAD_ARGUMENT;
    }
    called("set_effective_context", |state| {
        if !state.streams.contains_key(&context) && !state.roots.contains_key(&context) {
            return BAD_ARGUMENT;
        }
        state.effective = context;
        OK
    })
}

#[unsafe(no_mangle)]
extern "C" fn proxy_continue_stream(stream: u32) -> u32 {
    if fails("continue_stream") || stream != 0 {
        return BAD_ARGUMENT;
    }
    called("continue_stream", |state| {
        // As Envoy: its headers are out of reach from here on.
        if let Some(stream) = state.stream() {
            stream.upstream = stream.request.take();
        }
        OK
    })
}

#[unsafe(no_mangle)]
extern "C" fn proxy_get_shared_data(
    key: *const u8,
    key_size: usize,
    data: *mut *mut u8,
    size: *mut usize,
    version: *mut u32,
) -> u32 {
    if fails("get_shared_data") {
        return BAD_ARGUMENT;
    }
    // SAFETY: the ABI's promise; so for every import below.
    let key = text(unsafe { taken(key, key_size) });
    let Some(entry) = called("get_shared_data", |state| state.store.get(&key).cloned()) else {
        return NOT_FOUND;
    };
    // SAFETY: as above.
    unsafe {
        *version = entry.version;
        give(&entry.value, data, size)
    }
}

#[unsafe(no_mangle)]
extern "C" fn proxy_set_shared_data(
    key: *const u8,
    key_size: usize,
    value: *const u8,
    size: usize,
    version: u32,
) -> u32 {
    if fails("set_shared_data") {
        return BAD_ARGUMENT;
    }
    // SAFETY: as above.
    let (key, value) = unsafe { (text(taken(key, key_size)), taken(value, size).to_vec()) };
    called("set_shared_data", |state| {
        if let Some(value) = state.interference.take() {
            state.last_version = state.last_version.saturating_add(1);
            state.store.insert(key.clone(), Stored { value, version: state.last_version });
        }
        // As Envoy: a missing entry takes any version, and versions are of one sequence.
        let known = state.store.get(&key).map(|entry| entry.version);
        if version != 0 && known.is_some_and(|known| known != version) {
            return CAS_MISMATCH;
        }
        state.last_version = state.last_version.saturating_add(1);
        state.store.insert(key, Stored { value, version: state.last_version });
        OK
    })
}

#[unsafe(no_mangle)]
extern "C" fn proxy_call_foreign_function(
    name: *const u8,
    name_size: usize,
    argument: *const u8,
    argument_size: usize,
    data: *mut *mut u8,
    size: *mut usize,
) -> u32 {
    // SAFETY: as above.
    let (name, argument) = unsafe { (text(taken(name, name_size)), taken(argument, argument_size)) };
    let verify = called("call_foreign_function", |state| state.verify.clone());
    let Some(verify) = verify.filter(|_| name == "verify_signature") else { return NOT_FOUND };
    if fails("call_foreign_function") {
        return BAD_ARGUMENT;
    }
    let Some(signature) = signature(argument) else { return BAD_ARGUMENT };
    let result: &[u8] = if verify(&signature) { &[8, 1] } else { &[18, 2, b'n', b'o'] };
    // SAFETY: as above.
    unsafe { give(result, data, size) }
}

/// Reads `VerifySignatureArguments`, whose fields are all bytes: 1 hash function, 2 public key, 3 signature, 4 text.
fn signature(mut message: &[u8]) -> Option<Signature<'_>> {
    let mut fields: [&[u8]; 5] = [&[]; 5];
    while let Some((tag, rest)) = message.split_first() {
        let (length, rest) = length(rest)?;
        let field = fields.get_mut(usize::from(tag >> 3)).filter(|_| tag & 7 == 2)?;
        (*field, message) = rest.split_at_checked(length)?;
    }
    let [_, hash, public_key, signature, text] = fields;
    let hash = ["sha256", "sha384", "sha512"].into_iter().find(|known| known.as_bytes() == hash)?;
    Some(Signature { hash, public_key, signature, text })
}

fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let size = bytes.iter().position(|byte| byte & 0x80 == 0)?.saturating_add(1);
    let (digits, rest) = bytes.split_at_checked(size)?;
    let value = digits.iter().rev().fold(0_usize, |value, digit| value << 7 | usize::from(digit & 0x7f));
    Some((value, rest))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_http_call(
    cluster: *const u8,
    cluster_size: usize,
    headers: *const u8,
    headers_size: usize,
    body: *const u8,
    body_size: usize,
    _trailers: *const u8,
    _trailers_size: usize,
    timeout: u32,
    token: *mut u32,
) -> u32 {
    if fails("http_call") {
        return INTERNAL_FAILURE;
    }
    // SAFETY: as above.
    let (cluster, headers, body) = unsafe {
        (
            text(taken(cluster, cluster_size)),
            taken(headers, headers_size).to_vec(),
            taken(body, body_size).to_vec(),
        )
    };
    let Some(headers) = Snapshot::parse(headers) else { return BAD_ARGUMENT };
    let headers: crate::Pairs = headers.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
    let has = |name: &[u8]| headers.iter().any(|(known, _)| known == name);
    if !(has(b":method") && has(b":path") && has(b":authority")) || timeout > i32::MAX.unsigned_abs() {
        return BAD_ARGUMENT;
    }
    let timeout = Duration::from_millis(timeout.into());
    let sent = with(|state| {
        state.calls.push("http_call");
        if state.unknown_clusters.contains(&cluster) {
            return None;
        }
        let (token, root) = (new_id(), state.root());
        state.sent.insert(token, Call { token, cluster, headers, body, timeout, root });
        Some(token)
    });
    let Some(new) = sent else { return BAD_ARGUMENT };
    // SAFETY: as above.
    unsafe { *token = new };
    OK
}

#[unsafe(no_mangle)]
extern "C" fn proxy_record_metric(id: u32, value: u64) -> u32 {
    if fails("record_metric") {
        return BAD_ARGUMENT;
    }
    called("record_metric", |state| match state.metrics.get_mut(id as usize) {
        Some((_, known)) => {
            *known = i64::try_from(value).unwrap_or(i64::MAX);
            OK
        }
        None => BAD_ARGUMENT,
    })
}

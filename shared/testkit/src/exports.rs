//! The exports of a filter, as the SDK defines them.

use filter_runtime::proxy_wasm as _;

use crate::state::with;

mod sdk {
    unsafe extern "C" {
        pub(super) fn proxy_on_memory_allocate(size: usize) -> *mut u8;
        pub(super) fn proxy_on_context_create(id: u32, root: u32);
        pub(super) fn proxy_on_configure(id: u32, size: usize) -> bool;
        pub(super) fn proxy_on_tick(id: u32);
        pub(super) fn proxy_on_http_call_response(
            id: u32,
            token: u32,
            headers: usize,
            body: usize,
            trailers: usize,
        );
        pub(super) fn proxy_on_request_headers(id: u32, count: usize, end_of_stream: bool) -> u32;
        pub(super) fn proxy_on_response_headers(id: u32, count: usize, end_of_stream: bool) -> u32;
        pub(super) fn proxy_on_delete(id: u32);
    }
}

/// A callback: the host's functions work on this context until the filter says otherwise.
fn enter<T>(context: u32, callback: impl FnOnce() -> T) -> T {
    with(|state| (state.current, state.effective) = (context, 0));
    let result = callback();
    with(|state| (state.current, state.effective) = (0, 0));
    result
}

/// Memory of the guest.
pub(crate) fn allocate(size: usize) -> *mut u8 {
    // SAFETY: plain calls with numbers; so for every function below.
    unsafe { sdk::proxy_on_memory_allocate(size) }
}

/// Makes a context; a root has the parent 0.
pub(crate) fn create_context(id: u32, root: u32) {
    // SAFETY: as above.
    enter(id, || unsafe { sdk::proxy_on_context_create(id, root) })
}

/// Hands over the configuration.
pub(crate) fn configure(root: u32, size: usize) -> bool {
    // SAFETY: as above.
    enter(root, || unsafe { sdk::proxy_on_configure(root, size) })
}

/// The root's timer.
pub(crate) fn tick(root: u32) {
    // SAFETY: as above.
    enter(root, || unsafe { sdk::proxy_on_tick(root) })
}

/// The answer to a call; without headers it is lost.
pub(crate) fn http_call_response(root: u32, token: u32, headers: usize, body: usize) {
    // SAFETY: as above.
    enter(root, || unsafe { sdk::proxy_on_http_call_response(root, token, headers, body, 0) })
}

/// The request's headers; true when the filter lets them pass.
pub(crate) fn request_headers(id: u32, count: usize, end_of_stream: bool) -> bool {
    // SAFETY: as above.
    enter(id, || unsafe { sdk::proxy_on_request_headers(id, count, end_of_stream) == 0 })
}

/// The response's headers; true when the filter lets them pass.
pub(crate) fn response_headers(id: u32, count: usize, end_of_stream: bool) -> bool {
    // SAFETY: as above.
    enter(id, || unsafe { sdk::proxy_on_response_headers(id, count, end_of_stream) == 0 })
}

/// The end of a context.
pub(crate) fn delete(id: u32) {
    // SAFETY: as above.
    enter(id, || unsafe { sdk::proxy_on_delete(id) })
}

//! The exports of a filter, as the SDK defines them.

use filter_runtime::proxy_wasm as _;

mod sdk {
    unsafe extern "C" {
        pub(super) fn proxy_on_memory_allocate(size: usize) -> *mut u8;
        pub(super) fn proxy_on_context_create(id: u32, root: u32);
        pub(super) fn proxy_on_configure(id: u32, size: usize) -> bool;
        pub(super) fn proxy_on_request_headers(id: u32, count: usize, end_of_stream: bool) -> u32;
        pub(super) fn proxy_on_response_headers(id: u32, count: usize, end_of_stream: bool) -> u32;
        pub(super) fn proxy_on_delete(id: u32);
    }
}

/// Memory of the guest.
pub(crate) fn allocate(size: usize) -> *mut u8 {
    // SAFETY: plain calls with numbers; so for every function below.
    unsafe { sdk::proxy_on_memory_allocate(size) }
}

/// Makes a context; a root has the parent 0.
pub(crate) fn create_context(id: u32, root: u32) {
    // SAFETY: as above.
    unsafe { sdk::proxy_on_context_create(id, root) }
}

/// Hands over the configuration.
pub(crate) fn configure(root: u32, size: usize) -> bool {
    // SAFETY: as above.
    unsafe { sdk::proxy_on_configure(root, size) }
}

/// The request's headers; true when the filter lets them pass.
pub(crate) fn request_headers(id: u32, count: usize, end_of_stream: bool) -> bool {
    // SAFETY: as above.
    unsafe { sdk::proxy_on_request_headers(id, count, end_of_stream) == 0 }
}

/// The response's headers; true when the filter lets them pass.
pub(crate) fn response_headers(id: u32, count: usize, end_of_stream: bool) -> bool {
    // SAFETY: as above.
    unsafe { sdk::proxy_on_response_headers(id, count, end_of_stream) == 0 }
}

/// The end of a stream.
pub(crate) fn delete(id: u32) {
    // SAFETY: as above.
    unsafe { sdk::proxy_on_delete(id) }
}

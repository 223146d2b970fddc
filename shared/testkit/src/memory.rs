//! The guest's allocator.

unsafe extern "C" {
    fn proxy_on_memory_allocate(size: usize) -> *mut u8;
}

/// Memory of the guest, from the SDK's export.
pub(crate) fn allocate(size: usize) -> *mut u8 {
    // SAFETY: a plain call with a number.
    unsafe { proxy_on_memory_allocate(size) }
}

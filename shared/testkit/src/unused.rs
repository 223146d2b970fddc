//! Host functions that the SDK's trait defaults name and no filter of ours calls: the linker wants them.

/// `InternalFailure`, a status the SDK knows.
const FAILURE: u32 = 10;

/// Defines functions that take whatever the SDK passes (the C calling conventions of our targets leave that to the
/// caller) and fail.
macro_rules! never_called {
    ($($name:ident)*) => {
        $(#[unsafe(no_mangle)] extern "C" fn $name() -> u32 { FAILURE })*
    };
}

never_called! {
    proxy_close_stream proxy_dequeue_shared_queue proxy_enqueue_shared_queue proxy_get_header_map_value proxy_get_status
    proxy_grpc_call proxy_grpc_cancel proxy_grpc_close proxy_grpc_send proxy_grpc_stream proxy_register_shared_queue
    proxy_resolve_shared_queue proxy_set_buffer_bytes proxy_set_header_map_pairs proxy_done proxy_get_metric
}

//! The exports of a module.

use policy_core::{Callbacks, Plugin};
use proxy_wasm::types::Action;

/// Size of the custom section `tollgate.callbacks`, padded with blanks.
pub const SIZE: usize = 256;

/// Makes a module of a plugin. `module-tools trim` makes it loadable.
///
/// Envoy calls every callback that is exported, and the SDK exports every callback there is, under names that only one
/// function can have. Ours are therefore exported as `tollgate_on_*`, and the module carries the list of those that
/// its plugin needs (custom section `tollgate.callbacks`). `module-tools trim` gives them their names in the ABI and
/// drops all others with the SDK's dispatcher behind them. Until then the module refuses to start: with the SDK's
/// exports it would let everything pass.
#[macro_export]
macro_rules! export_plugin {
    ($plugin:ty) => {
        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code, reason = "an exported name is unsafe in general: two functions could have it")]
        mod exports {
            use super::*;
            use $crate::Callbacks as _;

            #[used]
            #[unsafe(link_section = "tollgate.callbacks")]
            static CALLBACKS: [u8; $crate::export::SIZE] = $crate::export::callbacks::<$plugin>();

            thread_local! {
                static VM: $crate::Contexts<$plugin> = const { $crate::Contexts::new() };
            }

            #[cfg(target_os = "wasi")]
            unsafe extern "C" {
                fn __wasm_call_ctors();
            }

            #[unsafe(no_mangle)]
            extern "C" fn _initialize() {
                $crate::export::not_finished();
            }

            #[unsafe(no_mangle)]
            extern "C" fn tollgate_initialize() {
                // SAFETY: called once, before anything else: the linker's own function, which runs what C calls
                // constructors.
                #[cfg(target_os = "wasi")]
                unsafe {
                    __wasm_call_ctors();
                }
            }

            #[unsafe(no_mangle)]
            extern "C" fn tollgate_on_context_create(id: u32, root: u32) {
                VM.with(|vm| vm.create_context(id, root));
            }

            #[unsafe(no_mangle)]
            extern "C" fn tollgate_on_configure(root: u32, _size: usize) -> u32 {
                VM.with(|vm| vm.configure(root)).into()
            }

            #[unsafe(no_mangle)]
            extern "C" fn tollgate_on_tick(root: u32) {
                VM.with(|vm| vm.tick(root));
            }

            #[unsafe(no_mangle)]
            extern "C" fn tollgate_on_http_call_response(
                id: u32,
                token: u32,
                headers: usize,
                body: usize,
                trailers: usize,
            ) {
                let sizes = $crate::Sizes { headers, body, trailers };
                VM.with(|vm| vm.http_call_response(id, token, sizes));
            }

            #[unsafe(no_mangle)]
            extern "C" fn tollgate_on_request_headers(id: u32, _count: usize, _end_of_stream: u32) -> u32 {
                $crate::export::action(VM.with(|vm| vm.request_headers(id)))
            }

            #[unsafe(no_mangle)]
            extern "C" fn tollgate_on_response_headers(id: u32, _count: usize, _end_of_stream: u32) -> u32 {
                $crate::export::action(VM.with(|vm| vm.response_headers(id)))
            }

            #[unsafe(no_mangle)]
            extern "C" fn tollgate_on_delete(id: u32) {
                VM.with(|vm| vm.delete(id));
            }
        }
    };
}

/// Ends the VM: the module was loaded as the linker left it.
#[allow(clippy::panic, reason = "there is no other way to refuse to start")]
pub fn not_finished() {
    panic!(
        "this module is not finished: run `make build`, or `module-tools trim IN OUT`, and load what they write"
    );
}

/// What the ABI calls this, as its number.
#[must_use]
pub const fn action(passes: bool) -> u32 {
    if passes { Action::Continue as u32 } else { Action::Pause as u32 }
}

/// The names of the callbacks that the plugin needs, separated by blanks.
#[must_use]
pub const fn callbacks<P: Plugin>() -> [u8; SIZE] {
    // The end of a stream is that of its context, which is always announced.
    let Callbacks { request_headers, response_headers, outside, asks, end: _ } = P::CALLBACKS;
    let calls = outside || asks;
    let mut out = Line { bytes: [b' '; SIZE], end: 0 };
    out = out.with(true, b"proxy_on_context_create");
    out = out.with(true, b"proxy_on_delete");
    out = out.with(true, b"proxy_on_configure");
    out = out.with(request_headers, b"proxy_on_request_headers");
    out = out.with(response_headers, b"proxy_on_response_headers");
    out = out.with(outside, b"proxy_on_tick");
    out = out.with(calls, b"proxy_on_http_call_response");
    out.bytes
}

struct Line {
    bytes: [u8; SIZE],
    end: usize,
}

impl Line {
    /// Runs while compiling: a list that grew over `SIZE` fails the build, not a request.
    #[allow(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "evaluated by the compiler only"
    )]
    const fn with(mut self, wanted: bool, name: &[u8]) -> Self {
        let mut at = 0;
        while wanted && at < name.len() {
            self.bytes[self.end] = name[at];
            self.end += 1;
            at += 1;
        }
        if wanted {
            self.end += 1;
        }
        self
    }
}

//! The exports of a module.

use policy_core::{Callbacks, Plugin};

/// Size of the custom section `tollgate.callbacks`, padded with blanks.
pub const SIZE: usize = 256;

/// Makes a loadable module of a plugin.
///
/// The SDK exports every callback there is and Envoy calls every callback that is exported, so the module also carries
/// the list of those this plugin needs (custom section `tollgate.callbacks`); `module-tools trim` drops the others.
#[macro_export]
macro_rules! export_plugin {
    ($plugin:ty) => {
        #[cfg(target_arch = "wasm32")]
        #[allow(
            unsafe_code,
            reason = "naming a section is unsafe in general; a custom section of data is not"
        )]
        const _: () = {
            #[used]
            #[unsafe(link_section = "tollgate.callbacks")]
            static CALLBACKS: [u8; $crate::export::SIZE] = $crate::export::callbacks::<$plugin>();
        };

        const _: () = {
            $crate::proxy_wasm::main! {{
                $crate::start::<$plugin>();
            }}
        };
    };
}

/// The names of the callbacks that the plugin needs, separated by blanks.
#[must_use]
pub const fn callbacks<P: Plugin>() -> [u8; SIZE] {
    let Callbacks { request_headers, response_headers, outside } = P::CALLBACKS;
    let mut out = Line { bytes: [b' '; SIZE], end: 0 };
    // The SDK makes its contexts in the first and frees them in the second.
    out = out.with(true, b"proxy_on_context_create");
    out = out.with(true, b"proxy_on_delete");
    out = out.with(true, b"proxy_on_configure");
    out = out.with(request_headers, b"proxy_on_request_headers");
    out = out.with(response_headers, b"proxy_on_response_headers");
    out = out.with(outside, b"proxy_on_tick");
    out = out.with(outside, b"proxy_on_http_call_response");
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

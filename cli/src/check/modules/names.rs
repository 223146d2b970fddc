//! What a module imports and exports, by name; the rest of it is not looked at.

/// What Envoy 1.40 gives to modules under `env`, without `proxy_`.
/// Source: proxy-wasm-cpp-host, `include/proxy-wasm/exports.h`.
const PROXY: [&str; 43] = [
    "add_header_map_value",
    "call_foreign_function",
    "clear_route_cache",
    "close_stream",
    "continue_request",
    "continue_response",
    "continue_stream",
    "define_metric",
    "dequeue_shared_queue",
    "done",
    "enqueue_shared_queue",
    "get_buffer_bytes",
    "get_buffer_status",
    "get_configuration",
    "get_current_time_nanoseconds",
    "get_header_map_pairs",
    "get_header_map_size",
    "get_header_map_value",
    "get_log_level",
    "get_metric",
    "get_property",
    "get_shared_data",
    "get_status",
    "grpc_call",
    "grpc_cancel",
    "grpc_close",
    "grpc_send",
    "grpc_stream",
    "http_call",
    "increment_metric",
    "log",
    "record_metric",
    "register_shared_queue",
    "remove_header_map_value",
    "replace_header_map_value",
    "resolve_shared_queue",
    "send_local_response",
    "set_buffer_bytes",
    "set_effective_context",
    "set_header_map_pairs",
    "set_property",
    "set_shared_data",
    "set_tick_period_milliseconds",
];

/// Whether Envoy has the function. Of WASI it has all that Rust's and Go's standard libraries ask for.
pub(super) fn is_known(module: &str, name: &str) -> bool {
    match module {
        "env" => {
            let proxy = name.strip_prefix("proxy_").is_some_and(|name| PROXY.contains(&name));
            proxy || matches!(name, "emscripten_notify_memory_growth" | "pthread_equal")
        }
        "wasi_snapshot_preview1" | "wasi_unstable" => true,
        _ => false,
    }
}

/// The names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    /// Module and name.
    pub(super) imports: Vec<(String, String)>,
    pub(super) exports: Vec<String>,
}

const IMPORTS: u8 = 2;
const EXPORTS: u8 = 7;

impl Names {
    /// `None` when it is no module.
    pub(super) fn read(module: &[u8]) -> Option<Self> {
        let mut rest = Bytes(module.strip_prefix(b"\0asm\x01\0\0\0")?);
        let mut names = Self::default();
        while !rest.0.is_empty() {
            let id = rest.byte()?;
            let mut section = Bytes(rest.block()?);
            match id {
                IMPORTS => {
                    for _ in 0..section.number()? {
                        names.imports.push((section.name()?, section.name()?));
                        section.import_type()?;
                    }
                }
                EXPORTS => {
                    for _ in 0..section.number()? {
                        names.exports.push(section.name()?);
                        section.byte()?;
                        section.number()?;
                    }
                }
                _ => {}
            }
        }
        Some(names)
    }
}

/// What is left to be read.
struct Bytes<'m>(&'m [u8]);

impl<'m> Bytes<'m> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// LEB128, of at most 32 bits.
    fn number(&mut self) -> Option<usize> {
        let mut number = 0u64;
        for shift in [0u32, 7, 14, 21, 28] {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return usize::try_from(number).ok();
            }
        }
        None
    }

    /// As many bytes as the number before them says.
    fn block(&mut self) -> Option<&'m [u8]> {
        let length = self.number()?;
        let (block, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(block)
    }

    fn name(&mut self) -> Option<String> {
        std::str::from_utf8(self.block()?).ok().map(str::to_owned)
    }

    /// A function's type, or the limits of a table or memory, or a global's type.
    fn import_type(&mut self) -> Option<()> {
        match self.byte()? {
            0 => self.number().map(drop),
            1 => self.byte().and_then(|_| self.limits()),
            2 => self.limits(),
            3 => self.byte().and_then(|_| self.byte()).map(drop),
            _ => None,
        }
    }

    fn limits(&mut self) -> Option<()> {
        let bounded = self.byte()? & 1 == 1;
        self.number()?;
        if bounded { self.number().map(drop) } else { Some(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A function, a memory and a global imported; one function exported.
    const MODULE: &[u8] = b"\0asm\x01\0\0\0\
        \x01\x04\x01\x60\0\0\
        \x02\x28\x03\x03env\x09proxy_log\0\0\x01m\x01a\x02\x01\x01\x02\x03env\x07unknown\x03\x7f\0\
        \x07\x05\x01\x01f\0\0";

    #[test]
    fn names_are_read_and_the_rest_is_passed_over() {
        let names = Names::read(MODULE).unwrap();
        let imports: Vec<_> = names.imports.iter().map(|(module, name)| format!("{module}.{name}")).collect();
        assert_eq!(imports, ["env.proxy_log", "m.a", "env.unknown"]);
        assert_eq!(names.exports, ["f"]);
        let known: Vec<bool> = names.imports.iter().map(|(module, name)| is_known(module, name)).collect();
        assert_eq!(known, [true, false, false]);
    }

    #[test]
    fn no_bytes_make_it_fail_otherwise_than_with_nothing() {
        assert_eq!(Names::read(b"not wasm"), None);
        for length in 9..MODULE.len() {
            let cut = Names::read(&MODULE[..length]);
            assert!(cut.is_none_or(|cut| cut.exports.is_empty()), "{length}");
        }
        for index in 8..MODULE.len() {
            let mut changed = MODULE.to_vec();
            changed[index] = 0xff;
            drop(Names::read(&changed));
        }
    }
}

//! What a module asks of its host and offers it.

use wasmparser::{Parser, Payload};

// Source: a real Envoy 1.40, which was given a module for each function that proxy-wasm-cpp-host's
// `include/proxy-wasm/exports.h` and WASI preview 1 name, and said which it lacks.

/// What Envoy has for a module of any ABI version, after `proxy_`.
const PROXY: &str = "add_header_map_value call_foreign_function define_metric dequeue_shared_queue done \
    enqueue_shared_queue get_buffer_bytes get_buffer_status get_current_time_nanoseconds \
    get_header_map_pairs get_header_map_size get_header_map_value get_metric get_property \
    get_shared_data get_status grpc_call grpc_cancel grpc_close grpc_send grpc_stream http_call \
    increment_metric log record_metric register_shared_queue remove_header_map_value \
    replace_header_map_value resolve_shared_queue send_local_response set_buffer_bytes \
    set_effective_context set_header_map_pairs set_property set_shared_data set_tick_period_milliseconds";
/// What ABI 0.1.0 has besides.
const FIRST: [&str; 4] = ["clear_route_cache", "continue_request", "continue_response", "get_configuration"];
/// What ABI 0.2.0 has besides.
const SECOND: [&str; 2] = ["close_stream", "continue_stream"];
/// What ABI 0.2.1 has besides.
const THIRD: [&str; 3] = ["close_stream", "continue_stream", "get_log_level"];
/// WASI preview 1, all but `proc_raise`. What touches files or sockets fails when called.
const WASI: &str = "args_get args_sizes_get clock_res_get clock_time_get environ_get environ_sizes_get fd_advise \
    fd_allocate fd_close fd_datasync fd_fdstat_get fd_fdstat_set_flags fd_fdstat_set_rights \
    fd_filestat_get fd_filestat_set_size fd_filestat_set_times fd_pread fd_prestat_dir_name \
    fd_prestat_get fd_pwrite fd_read fd_readdir fd_renumber fd_seek fd_sync fd_tell fd_write \
    path_create_directory path_filestat_get path_filestat_set_times path_link path_open path_readlink \
    path_remove_directory path_rename path_symlink path_unlink_file poll_oneoff proc_exit random_get \
    sched_yield sock_accept sock_recv sock_send sock_shutdown";
/// What compilers for the web expect.
const OTHERS: [&str; 2] = ["env.emscripten_notify_memory_growth", "env.pthread_equal"];
const VERSION: &str = "proxy_abi_version_";
/// The versions that Envoy takes.
pub(crate) const VERSIONS: [&str; 3] = ["0.1.0", "0.2.0", "0.2.1"];

/// What is known of a module without running it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// The version of the proxy-wasm ABI, such as `0.2.1`.
    pub abi: Option<String>,
    /// The callbacks that Envoy will call: `proxy_on_…`.
    pub callbacks: Vec<String>,
    /// What the module imports, as `module.name`.
    pub imports: Vec<String>,
    /// Those of the imports that Envoy does not have; one is enough for it to refuse the module.
    pub unknown: Vec<String>,
}

impl Facts {
    /// Reads a module.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(module: &[u8]) -> Result<Self, String> {
        let broken = |error: wasmparser::BinaryReaderError| format!("is not a WebAssembly module: {error}");
        let mut facts = Self::default();
        for payload in Parser::new(0).parse_all(module) {
            match payload.map_err(broken)? {
                Payload::Version { encoding: wasmparser::Encoding::Component, .. } => {
                    return Err("is a WebAssembly component; Envoy runs core modules".to_owned());
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import.map_err(broken)?;
                        facts.imports.push(format!("{}.{}", import.module, import.name));
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        facts.exported(export.map_err(broken)?.name);
                    }
                }
                _ => {}
            }
        }
        facts.callbacks.sort();
        facts.imports.sort();
        facts.unknown = facts.imports.iter().filter(|import| !facts.is_known(import)).cloned().collect();
        Ok(facts)
    }

    fn exported(&mut self, name: &str) {
        if let Some(version) = name.strip_prefix(VERSION) {
            self.abi = Some(version.replace('_', "."));
        }
        if name.starts_with("proxy_on_") {
            self.callbacks.push(name.to_owned());
        }
    }

    fn is_known(&self, import: &str) -> bool {
        if let Some(name) = import.strip_prefix("env.proxy_") {
            let besides: &[&str] = match self.abi.as_deref() {
                Some("0.1.0") => &FIRST,
                Some("0.2.0") => &SECOND,
                _ => &THIRD,
            };
            return has(PROXY, name) || besides.contains(&name);
        }
        let wasi =
            import.strip_prefix("wasi_snapshot_preview1.").or_else(|| import.strip_prefix("wasi_unstable."));
        wasi.is_some_and(|name| has(WASI, name)) || OTHERS.contains(&import)
    }

    /// Why Envoy would not run the module as an HTTP filter; nothing when it would.
    #[must_use]
    pub fn objection(&self) -> Option<String> {
        match &self.abi {
            None => Some(format!("is no proxy-wasm module: it exports no {VERSION}…")),
            Some(version) if !VERSIONS.contains(&version.as_str()) => {
                Some(format!("is written for proxy-wasm ABI {version}; Envoy takes {}", VERSIONS.join(", ")))
            }
            _ if self.callbacks.is_empty() => {
                Some("exports no callback (proxy_on_…), so Envoy would never call it".to_owned())
            }
            _ if !self.unknown.is_empty() => Some(format!(
                "imports {}, unknown to Envoy: the listener update will be rejected even with FAIL_OPEN",
                self.unknown.join(", ")
            )),
            _ => None,
        }
    }
}

fn has(names: &str, name: &str) -> bool {
    names.split(' ').any(|known| known == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A module with these imports and exports, all functions without parameters.
    fn module(imports: &[(&str, &str)], exports: &[&str]) -> Vec<u8> {
        let length = |bytes: &[u8]| u8::try_from(bytes.len()).unwrap();
        let named = |name: &str| [&[length(name.as_bytes())], name.as_bytes()].concat();
        let section = |id: u8, items: usize, bytes: Vec<u8>| {
            let content = [vec![u8::try_from(items).unwrap()], bytes].concat();
            // A length of two bytes, as LEB128 allows.
            let size = content.len();
            [vec![id, u8::try_from(size % 128).unwrap() | 128, u8::try_from(size / 128).unwrap()], content]
                .concat()
        };
        let import = |(module, name): &(&str, &str)| [named(module), named(name), vec![0, 0]].concat();
        let own = u8::try_from(imports.len()).unwrap();
        let export = |name: &&str| [named(name), vec![0, own]].concat();
        [
            b"\0asm\x01\0\0\0".to_vec(),
            section(1, 1, vec![0x60, 0, 0]),
            section(2, imports.len(), imports.iter().flat_map(import).collect()),
            section(3, 1, vec![0]),
            section(7, exports.len(), exports.iter().flat_map(export).collect()),
            section(10, 1, vec![2, 0, 0x0b]),
        ]
        .concat()
    }

    fn check(imports: &[(&str, &str)], exports: &[&str], expected: Option<&str>) {
        let objection = Facts::read(&module(imports, exports)).unwrap().objection();
        match (&objection, expected) {
            (None, None) => {}
            (Some(objection), Some(expected)) if objection.contains(expected) => {}
            _ => panic!("{imports:?} {exports:?}: {objection:?}"),
        }
    }

    #[test]
    fn what_envoy_would_not_take_is_told() {
        let version = "proxy_abi_version_0_2_1";
        let (log, clear) = (("env", "proxy_log"), ("env", "proxy_clear_route_cache"));
        let on = "proxy_on_request_headers";
        check(&[log, ("wasi_snapshot_preview1", "fd_write"), ("env", "pthread_equal")], &[version, on], None);
        check(&[], &[on], Some("exports no proxy_abi_version_"));
        check(&[], &["proxy_abi_version_0_3_0", on], Some("ABI 0.3.0; Envoy takes 0.1.0, 0.2.0, 0.2.1"));
        check(&[log], &[version], Some("exports no callback"));
        check(&[log, clear], &[version, on], Some("imports env.proxy_clear_route_cache, unknown to Envoy"));
        check(&[clear], &["proxy_abi_version_0_1_0", on], None);
        check(&[("env", "get_time")], &[version, on], Some("imports env.get_time,"));
        check(&[("wasi_snapshot_preview1", "proc_raise")], &[version, on], Some("proc_raise"));
    }

    #[test]
    fn no_bytes_make_it_fail_otherwise_than_with_words() {
        let exports = ["proxy_abi_version_0_2_1", "proxy_on_request_headers"];
        let whole = module(&[("env", "proxy_log"), ("m", "a")], &exports);
        // A module may end behind each of its five sections, and nowhere else.
        let taken = (9..whole.len()).filter(|length| Facts::read(&whole[..*length]).is_ok()).count();
        assert!(taken <= 4 && Facts::read(&whole).is_ok(), "{taken}");
        for index in 8..whole.len() {
            let mut changed = whole.clone();
            changed[index] = 0xff;
            drop(Facts::read(&changed));
        }
    }

    #[test]
    fn what_is_no_module_is_told() {
        for bytes in
            [&b"hello, world"[..], b"", b"\0asm", b"\0asm\x01\0\0\0\x07\xff\xff", b"\0asm\x0d\0\x01\0"]
        {
            assert!(Facts::read(bytes).is_err(), "{bytes:?}");
        }
    }
}

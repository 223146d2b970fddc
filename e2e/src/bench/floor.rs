//! A WebAssembly filter that does nothing: what the crossing alone costs.

use super::Error;

/// Told of every stream, its request, its response and its end, as every filter of ours is.
const TEXT: &str = r#"(module
  (memory (export "memory") 1)
  (func (export "_initialize"))
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param i32) (result i32) i32.const 1024)
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32) i32.const 1)
  (func (export "proxy_on_configure") (param i32 i32) (result i32) i32.const 1)
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) i32.const 0)
  (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) i32.const 0)
  (func (export "proxy_on_delete") (param i32)))"#;

/// The module.
///
/// # Errors
/// The text above is wrong.
pub fn module() -> Result<Vec<u8>, Error> {
    Ok(wat::parse_str(TEXT)?)
}

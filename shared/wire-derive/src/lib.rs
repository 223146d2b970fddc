//! Derives `policy_core::config::Wire`: how a type of `pluginConfig` is read from JSON.
//!
//! It understands the part of serde's vocabulary that configurations use, in `#[serde(..)]` itself, because schemars reads
//! those attributes too: a type and its schema cannot say different things. Whatever else stands there is an error while
//! compiling. serde's own derive makes a visitor with an early return for each mistake of each field; a filter's size is
//! what Envoy compiles at every change of module, and there the same types took four times the code.
//!
//! | attribute | on | meaning |
//! |---|---|---|
//! | `rename_all = "camelCase"`, `"lowercase"` or `"kebab-case"` | type | how names are written |
//! | `deny_unknown_fields` | struct | has to be there: no other way of reading is known |
//! | `try_from = "Type"` | type | reads that type, and converts |
//! | `expecting = "words"` | struct | what an error says should have been there |
//! | `default`, `default = "path"` | field | may be left out |
//! | `rename = "name"` | field | how the name is written |

mod attributes;
mod emit;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Derives `policy_core::config::Wire`; see the crate.
#[proc_macro_derive(Wire, attributes(serde))]
pub fn wire(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    emit::wire(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

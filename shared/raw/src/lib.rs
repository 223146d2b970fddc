//! A request as bytes: what is done to every header, and every byte, of every request.
//!
//! A crate of its own because it is compiled for speed (`profile.release.package.raw`), where the words around it are compiled for size,
//! which is what loading a module costs. `policy-core` passes it on.

pub mod bytes;
pub mod path;
pub mod snapshot;

pub use snapshot::Snapshot;

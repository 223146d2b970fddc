//! tonic-build, absent: limitador's build script needs it for its distributed storage alone, which is not built here.

use std::io;
use std::path::Path;

/// What would compile protobuf files.
pub struct Builder;

/// Makes one.
pub fn configure() -> Builder {
    Builder
}

impl Builder {
    /// Takes an argument for protoc.
    #[must_use]
    pub fn protoc_arg(self, _: &str) -> Self {
        self
    }

    /// Fails.
    ///
    /// # Errors
    /// Always.
    pub fn compile_protos(self, _: &[&Path], _: &[&Path]) -> io::Result<()> {
        Err(io::Error::other("this build has no distributed storage"))
    }
}

//! Where the result goes.

use std::fs;
use std::io::Write;
use std::path::Path;

/// Something to write.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct File {
    /// Relative to the output; empty when there is only this one.
    pub(super) name: String,
    pub(super) content: Vec<u8>,
}

/// Writes the files.
pub(super) fn write(files: &[File], to: Option<&Path>, out: &mut impl Write) -> Result<(), String> {
    for file in files {
        let Some(to) = to else {
            out.write_all(&file.content).map_err(|error| format!("cannot write: {error}"))?;
            continue;
        };
        let path = if file.name.is_empty() { to.to_owned() } else { to.join(&file.name) };
        let cannot = |error: std::io::Error| format!("cannot write {}: {error}", path.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(cannot)?;
        }
        fs::write(&path, &file.content).map_err(cannot)?;
    }
    out.flush().map_err(|error| format!("cannot write: {error}"))
}

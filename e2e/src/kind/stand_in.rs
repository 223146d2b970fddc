//! Programs that do as a test says, in the places of real ones.

use std::path::{Path, PathBuf};

/// Puts a program that runs this script (bash) at a path.
pub(super) fn stand_in(at: PathBuf, script: &str) -> PathBuf {
    std::fs::create_dir_all(at.parent().unwrap()).unwrap();
    let mut does = at.clone().into_os_string();
    does.push(".does");
    std::fs::write(does, script).unwrap();
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/kind/stand-in");
    std::os::unix::fs::symlink(program, &at).unwrap();
    at
}

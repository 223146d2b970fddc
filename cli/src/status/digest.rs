//! The digest of a module, where the file is on this machine.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::judge::Status;

/// istio-agent takes no larger module.
const MOST: u64 = 256 << 20;

/// Reads every module that can be read. One that cannot is no trouble: it may be in a container.
pub(super) fn add(status: &mut Status) {
    for module in status.plugins.iter_mut().filter_map(|plugin| plugin.module.as_mut()) {
        module.sha256 = sha256(Path::new(&module.file)).ok();
    }
}

fn sha256(file: &Path) -> io::Result<String> {
    let mut content = File::open(file)?.take(MOST);
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = content.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hash.update(buffer.get(..read).unwrap_or_default());
    }
    let mut text = String::new();
    for byte in hash.finalize() {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}

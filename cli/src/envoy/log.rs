//! Envoy's log: why something was refused, and how it ended.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// The longest part of a log that is looked at.
const MOST: u64 = 256 * 1024;

/// The log's length now, to be given to [`since`] later.
pub(super) fn mark(file: &Path) -> u64 {
    std::fs::metadata(file).map(|data| data.len()).unwrap_or_default()
}

/// What was written after a mark.
pub(super) fn since(file: &Path, mark: u64) -> String {
    let mut bytes = Vec::new();
    if let Ok(mut file) = std::fs::File::open(file) {
        let _ = file.seek(SeekFrom::Start(mark));
        let _ = file.take(MOST).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The last lines.
pub(super) fn tail(file: &Path, lines: usize) -> String {
    let text = since(file, mark(file).saturating_sub(MOST));
    let all: Vec<&str> = text.lines().collect();
    all.get(all.len().saturating_sub(lines)..).unwrap_or_default().join("\n")
}

/// The reasons in a piece of log: what was said at warning and above, without repetition and without what only
/// repeats that something failed.
pub(super) fn reasons(log: &str) -> Vec<String> {
    let mut reasons: Vec<String> = Vec::new();
    for line in log.lines() {
        let Some(message) = message(line) else { continue };
        let noise = ["Plugin configured to fail closed", "There is no configured limit"];
        if !noise.iter().any(|noise| message.starts_with(noise))
            && !reasons.iter().any(|known| known == message)
        {
            reasons.push(message.to_owned());
        }
    }
    reasons
}

/// The text of a line like `[time][thread][error][wasm] [file.cc:12] text` at warning and above.
fn message(line: &str) -> Option<&str> {
    let level = line.split('[').nth(3)?.strip_suffix(']')?;
    if !matches!(level, "warning" | "error" | "critical") {
        return None;
    }
    let (_, after) = line.split_once("] [")?;
    let (_, text) = after.split_once("] ")?;
    Some(text.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_what_was_said_at_warning_and_above() {
        let log = "\
[2026-11-21 06:40:14.600][11973][info][lua] [source/x.cc:1] nothing to see
[2026-11-21 06:40:14.623][11973][error][wasm] [source/extensions/common/wasm/context.cc:1157] wasm log x: bad [config] here
[2026-11-21 06:40:14.624][11973][critical][wasm] [source/extensions/common/wasm/wasm.cc:479] Plugin configured to fail closed failed to load
[2026-11-21 06:40:14.624][11980][error][wasm] [source/extensions/common/wasm/context.cc:1157] wasm log x: bad [config] here
[2026-11-21 06:40:14.632][11973][warning][config] [source/filesystem.cc:81] Filesystem config update rejected: Unable to create Wasm plugin x

";
        assert_eq!(
            reasons(log),
            [
                "wasm log x: bad [config] here",
                "Filesystem config update rejected: Unable to create Wasm plugin x"
            ]
        );
    }
}

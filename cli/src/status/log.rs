//! What a proxy's log says of a refusal: Envoy's admin interface tells that there was one, and not why.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// How far before Envoy's own complaint the module's may stand: other threads log in between.
const LINES_BEFORE: usize = 40;

/// The last bytes of a file; nothing when it cannot be read.
pub(super) fn end(file: &Path, most: u64) -> Option<String> {
    let mut file = File::open(file).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(most))).ok()?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Why a plugin, by the name in its configuration, was refused the last time. It serves Envoy's own format and that of
/// istio-proxy, which both have `wasm log: …` in the line.
pub(super) fn reason(log: &str, plugin: &str) -> Option<String> {
    let lines: Vec<&str> = log.lines().collect();
    let refusal = format!("Unable to create Wasm plugin {plugin}");
    // Not one whose name only begins so.
    let more = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '~');
    let about_it = |line: &&str| line.split_once(&refusal).is_some_and(|(_, after)| !after.starts_with(more));
    let at = lines.iter().rposition(about_it)?;
    let before = lines.get(at.saturating_sub(LINES_BEFORE)..at)?;
    // Between two refusals only the nearer one's reason counts.
    let begin = before
        .iter()
        .rposition(|line| line.contains("Unable to create Wasm plugin"))
        .map_or(0, |at| at.saturating_add(1));
    let own = before.get(begin..)?;
    let said =
        own.iter().rev().find_map(|line| part(line, "wasm log: ").filter(|text| text.contains("refused")));
    let trap = || own.iter().rev().find_map(|line| part(line, "Function: "));
    Some(said.or_else(trap).unwrap_or(refusal))
}

/// The line from a word on, without it and without istio-proxy's thread at the end.
fn part(line: &str, from: &str) -> Option<String> {
    let (_, text) = line.split_once(from)?;
    let text = text.split("\tthread=").next().unwrap_or(text);
    Some(text.chars().filter(|c| !c.is_control()).collect())
}

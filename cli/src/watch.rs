//! Noticing that a manifest or a module has changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

/// How long it must be quiet: an editor or a build writes a file in several steps.
const QUIET: Duration = Duration::from_millis(50);

/// Watches folders.
#[derive(Debug)]
pub struct Watch {
    watcher: RecommendedWatcher,
    events: mpsc::UnboundedReceiver<()>,
    folders: BTreeMap<PathBuf, RecursiveMode>,
}

impl Watch {
    /// Watches nothing yet.
    ///
    /// # Errors
    /// When the system lets us watch nothing at all.
    pub fn new() -> Result<Self, String> {
        let (sender, events) = mpsc::unbounded_channel();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // An error means that events were lost: look again.
            if event.map_or(true, |event| is_change(event.kind)) {
                let _ = sender.send(());
            }
        });
        let watcher = watcher.map_err(|error| format!("cannot watch files: {error}"))?;
        Ok(Self { watcher, events, folders: BTreeMap::new() })
    }

    /// Watches these and nothing else: a directory with all below it when `recursive` says so, of a file its folder, and
    /// where a link leads the folder there: a ConfigMap in a pod is nothing but links.
    /// What does not exist is waited for in the nearest folder above it that does. To be called again after every
    /// change: a folder that was deleted and made anew is another folder.
    ///
    /// # Errors
    /// Names the folders that cannot be watched, such as beyond the system's limit.
    pub fn watch<'p>(&mut self, paths: impl IntoIterator<Item = (&'p Path, bool)>) -> Result<(), String> {
        let mut wanted = BTreeMap::new();
        for (path, recursive) in paths {
            let (folder, exact) = existing(path);
            let mode =
                if recursive && exact { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
            for target in linked(path, recursive) {
                wanted.entry(target).or_insert(RecursiveMode::NonRecursive);
            }
            let known = wanted.entry(folder).or_insert(mode);
            if mode == RecursiveMode::Recursive {
                *known = mode;
            }
        }
        for folder in self.folders.keys() {
            // Also those that stay: only so is a new folder under an old name seen.
            let _ = self.watcher.unwatch(folder);
        }
        let failures: Vec<String> = wanted
            .iter()
            .filter_map(|(folder, mode)| self.watcher.watch(folder, *mode).err())
            .map(|error| format!("changes will not be seen: {error}"))
            .collect();
        self.folders = wanted;
        if failures.is_empty() { Ok(()) } else { Err(failures.join("\n")) }
    }

    /// Waits for a change, and then until it is quiet.
    pub async fn changed(&mut self) {
        if self.events.recv().await.is_none() {
            return std::future::pending().await;
        }
        while let Ok(Some(())) = tokio::time::timeout(QUIET, self.events.recv()).await {}
    }
}

/// Reading is no change, and we read these files ourselves.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        _ => true,
    }
}

/// The folders that links lead to: the path's own, and with `below` those in it and in its folders.
fn linked(path: &Path, below: bool) -> Vec<PathBuf> {
    let is_link = |path: &Path| path.symlink_metadata().is_ok_and(|known| known.is_symlink());
    let mut found = Vec::new();
    if is_link(path)
        && let Ok(target) = path.canonicalize()
    {
        found.extend(if target.is_dir() { Some(target) } else { target.parent().map(Path::to_owned) });
    } else if below && path.is_dir() {
        let entries = std::fs::read_dir(path).into_iter().flatten().filter_map(Result::ok);
        found.extend(entries.flat_map(|entry| linked(&entry.path(), true)));
    }
    found
}

/// The folder to watch for a path, and whether it is the path itself.
fn existing(path: &Path) -> (PathBuf, bool) {
    if path.is_dir() {
        return (path.to_owned(), true);
    }
    let mut folder = path.parent();
    loop {
        match folder {
            Some(found) if found.as_os_str().is_empty() => return (PathBuf::from("."), false),
            Some(found) if found.is_dir() => return (found.to_owned(), false),
            Some(found) => folder = found.parent(),
            None => return (PathBuf::from("."), false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn noticed(watch: &mut Watch) -> bool {
        tokio::time::timeout(Duration::from_secs(5), watch.changed()).await.is_ok()
    }

    #[tokio::test]
    async fn writes_renames_and_removals_are_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.yaml");
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        let mut watch = Watch::new().unwrap();
        watch.watch([(folder.path(), true)]).unwrap();
        std::fs::write(&file, "1").unwrap();
        assert!(noticed(&mut watch).await);
        std::fs::write(folder.path().join("sub/b.yaml"), "1").unwrap();
        assert!(noticed(&mut watch).await);
        std::fs::rename(folder.path().join("sub/b.yaml"), &file).unwrap();
        assert!(noticed(&mut watch).await);
        std::fs::remove_file(&file).unwrap();
        assert!(noticed(&mut watch).await);
    }

    #[tokio::test]
    async fn what_a_link_leads_to_is_watched_too() {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let target = elsewhere.path().join("real.yaml");
        std::fs::write(&target, "1").unwrap();
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        std::os::unix::fs::symlink(&target, folder.path().join("sub/a.yaml")).unwrap();
        let mut watch = Watch::new().unwrap();
        watch.watch([(folder.path(), true)]).unwrap();
        std::fs::write(&target, "2").unwrap();
        assert!(noticed(&mut watch).await);
    }

    #[tokio::test]
    async fn a_folder_that_is_deleted_and_made_anew_is_found_again() {
        let root = tempfile::tempdir().unwrap();
        let dist = root.path().join("dist");
        std::fs::create_dir(&dist).unwrap();
        let mut watch = Watch::new().unwrap();
        watch.watch([(dist.as_path(), false)]).unwrap();
        std::fs::remove_dir(&dist).unwrap();
        assert!(noticed(&mut watch).await);
        watch.watch([(dist.as_path(), false)]).unwrap();
        std::fs::create_dir(&dist).unwrap();
        assert!(noticed(&mut watch).await);
        watch.watch([(dist.as_path(), false)]).unwrap();
        std::fs::write(dist.join("x.wasm"), "1").unwrap();
        assert!(noticed(&mut watch).await);
    }
}

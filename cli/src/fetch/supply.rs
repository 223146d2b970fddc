//! The modules of a set of plugins: from a folder while they are developed, else from where their urls say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::task::JoinSet;

use super::{Fetcher, Wanted};
use crate::manifest::WasmPlugin;
use crate::module::{Fetched, Modules};

/// What supplies `tollgate run` with modules, again after every change.
#[derive(Debug)]
pub struct Supply {
    folder: PathBuf,
    /// Nothing from the folder: all as on a cluster.
    always: bool,
    fetcher: Arc<Fetcher>,
    /// What has come from the folder once. While a build replaces it, it is missed, and not fetched.
    local: BTreeSet<String>,
    /// The plugins as they were when last asked for, with what stands for their `resourceVersion`.
    asked: Vec<(WasmPlugin, u64)>,
    fetched: Fetched,
    changes: u64,
}

impl Supply {
    /// Modules from a folder, and those that are not there from their urls; all of them from their urls if `always`.
    /// What is fetched is kept below the run directory, or in a temporary folder.
    #[must_use]
    pub fn new(folder: &Path, always: bool, run_dir: Option<&Path>) -> Self {
        let kept = run_dir.map(|run_dir| run_dir.join("fetched"));
        Self::with(folder, always, Fetcher::new(kept.as_deref()))
    }

    pub(super) fn with(folder: &Path, always: bool, fetcher: Fetcher) -> Self {
        Self {
            folder: folder.to_owned(),
            always,
            fetcher: Arc::new(fetcher),
            local: BTreeSet::new(),
            asked: Vec::new(),
            fetched: BTreeMap::new(),
            changes: 0,
        }
    }

    /// The plugins whose modules [`Supply::modules`] would fetch now.
    #[must_use]
    pub fn to_fetch<'p>(&mut self, plugins: &'p [WasmPlugin]) -> Vec<&'p WasmPlugin> {
        let same = plugins.iter().eq(self.asked.iter().map(|(plugin, _)| plugin));
        let folder = Modules::new(&self.folder);
        let mut remote = Vec::new();
        for plugin in plugins {
            let url = &plugin.spec.url;
            if !url.starts_with("file://") && !self.always && folder.locate(url).is_file() {
                self.local.insert(url.clone());
            }
            // As on a cluster: every change asks again for what is missing, and nothing else does.
            let known = same && self.fetched.contains_key(&plugin.full_name());
            if self.is_remote(plugin) && !known {
                remote.push(plugin);
            }
        }
        remote
    }

    fn is_remote(&self, plugin: &WasmPlugin) -> bool {
        let url = &plugin.spec.url;
        !url.starts_with("file://") && !self.local.contains(url)
    }

    /// Fetches what has to be fetched, all at once: the slowest decides how long this takes, half a minute at most.
    pub async fn modules(&mut self, plugins: &[WasmPlugin]) -> Modules {
        let remote = self.to_fetch(plugins);
        self.changes = self.changes.saturating_add(1);
        let mut asked = Vec::new();
        for plugin in plugins {
            let before = self.asked.iter().find(|(known, _)| known == plugin);
            asked.push((plugin.clone(), before.map_or(self.changes, |(_, version)| *version)));
        }
        self.asked = asked;
        let mut fetches = JoinSet::new();
        for plugin in remote {
            let wanted = self.wanted(plugin);
            let fetcher = Arc::clone(&self.fetcher);
            fetches.spawn(async move {
                let module = fetcher.get(&wanted).await;
                let failed = |error| format!("cannot fetch Wasm module {}: {error}", wanted.url);
                (wanted.plugin.clone(), module.map_err(failed))
            });
        }
        let asked: Vec<String> =
            plugins.iter().filter(|plugin| self.is_remote(plugin)).map(WasmPlugin::full_name).collect();
        self.fetched.retain(|name, _| asked.contains(name));
        while let Some(fetched) = fetches.join_next().await {
            if let Ok((name, module)) = fetched {
                self.fetched.insert(name, module);
            }
        }
        Modules::new(&self.folder).with(self.fetched.clone())
    }

    /// Whether something could not be fetched.
    #[must_use]
    pub fn lacks(&self) -> bool {
        self.fetched.values().any(Result::is_err)
    }

    /// Has [`Supply::modules`] ask again for what could not be fetched.
    pub fn try_again(&mut self) {
        self.fetched.retain(|_, module| module.is_ok());
    }

    fn wanted(&self, plugin: &WasmPlugin) -> Wanted {
        let version =
            self.asked.iter().find(|(known, _)| known == plugin).map(|(_, version)| version.to_string());
        Wanted {
            url: plugin.spec.url.clone(),
            sha256: plugin.spec.sha256.clone(),
            policy: plugin.spec.image_pull_policy,
            plugin: plugin.full_name(),
            version: version.unwrap_or_default(),
        }
    }
}

//! How a change reaches a running Envoy, and how we know that it has arrived.
//!
//! A configuration goes by ECDS, without touching the listener. A plugin that is new, gone or in another place goes by
//! LDS. Three things that Envoy 1.40 does shape this code. A refused ECDS update leaves the old one serving but is
//! itself what a later listener gets: so the old file is put back. A listener that names a plugin which was never
//! accepted answers 500: so new plugins are tried on a listener without a port. And the version text is the main
//! thread's word, while the reload counter is every worker's: so both are waited for.

use std::time::Instant;

use super::clusters::clusters;
use super::listener::{Chain, listeners};
use super::log;
use super::proxy::{Applied, Proxy, ProxyError, Refusal, io_error};
use super::start::prepare;
use super::stats::Stats;
use super::translate::Extension;
use crate::cluster::Cluster;
use crate::plan::Plan;

/// Counts deliveries of clusters that Envoy did not take.
pub(super) const CLUSTERS_REFUSED: &str = "cluster_manager.cds.update_rejected";

/// Envoy's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    Live,
    Refused,
}

/// Envoy's answer to a version of a plugin's configuration, when it has given one since `before`.
pub(super) fn taken(extension: &Extension, version: &str, now: &Stats, before: &Stats) -> Option<Taken> {
    let name = |what: &str| format!("extension_config_discovery.http_filter.{}.{what}", extension.name);
    let moved = |what: &str| {
        let (now, before) = (now.number(&name(what)), before.number(&name(what)));
        now > 0 && now != before
    };
    if moved("update_rejected") {
        return Some(Taken::Refused);
    }
    (now.text(&name("version_text")) == version && moved("config_reload")).then_some(Taken::Live)
}

pub(super) fn listener_refused(now: &Stats, before: &Stats) -> bool {
    ["listener_manager.lds.update_rejected", "listener_manager.listener_create_failure"]
        .iter()
        .any(|name| now.number(name) > before.number(name))
}

/// Counts once for each worker that has got a listener.
pub(super) fn listeners_created(stats: &Stats) -> u64 {
    stats.number("listener_manager.listener_create_success")
}

impl Proxy {
    /// Serves another plan, and waits until every worker does. Plugins that Envoy refuses go on as they were.
    ///
    /// # Errors
    /// When Envoy is gone or does not answer.
    pub async fn apply(&mut self, plan: &Plan) -> Result<Applied, ProxyError> {
        let began = Instant::now();
        let before = self.serving.clone();
        let mut wanted = prepare(&self.run_dir, plan)?;
        let called = self.called.clone();
        // First: a new configuration may call a new cluster.
        let mut refused = self.change_clusters(&plan.clusters).await?;
        refused.extend(self.change_configurations(&mut wanted).await?);
        if !same_chain(&wanted, &self.serving) {
            refused.extend(self.change_chain(wanted).await?);
        }
        let mut changed = changes(&before, &self.serving);
        if called != self.called {
            changed.push("the clusters".to_owned());
        }
        Ok(Applied { changed, took: began.elapsed(), refused })
    }

    /// Delivers other clusters, all at once. Refused ones change nothing: Envoy takes the good ones of a set with a bad
    /// one, so the old set is put back.
    async fn change_clusters(&mut self, wanted: &[Cluster]) -> Result<Vec<Refusal>, ProxyError> {
        if self.called == wanted {
            return Ok(Vec::new());
        }
        let mark = log::mark(&self.run_dir.log());
        if self.deliver_clusters(wanted).await? == Taken::Live {
            self.called = wanted.to_vec();
            return Ok(Vec::new());
        }
        let reasons = log::reasons(&log::since(&self.run_dir.log(), mark));
        self.deliver_clusters(&self.called.clone()).await?;
        Ok(vec![Refusal { plugin: "the clusters".to_owned(), reasons }])
    }

    async fn deliver_clusters(&mut self, wanted: &[Cluster]) -> Result<Taken, ProxyError> {
        let before = self.counters().await?;
        let version = self.next_version();
        let put = self.run_dir.put_json(&self.run_dir.cds(), &clusters(wanted, &version));
        put.map_err(io_error("the run directory"))?;
        self.until("to take the clusters", |now| {
            if now.number(CLUSTERS_REFUSED) > before.number(CLUSTERS_REFUSED) {
                return Some(Taken::Refused);
            }
            (now.text("cluster_manager.cds.version_text") == version).then_some(Taken::Live)
        })
        .await
    }

    /// Delivers what has changed of the plugins that are served already. A refused one is set back in `wanted`.
    async fn change_configurations(&mut self, wanted: &mut [Extension]) -> Result<Vec<Refusal>, ProxyError> {
        let before = self.counters().await?;
        let mark = log::mark(&self.run_dir.log());
        let mut sent = Vec::new();
        for new in wanted.iter_mut() {
            let old =
                self.serving.iter().find(|old| old.name == new.name && old.config != new.config).cloned();
            if let Some(old) = old {
                let version = self.deliver(new)?;
                sent.push((old, new, version));
            }
        }
        let mut refused = Vec::new();
        for (old, new, version) in sent {
            match self.until("to take a configuration", |stats| taken(new, &version, stats, &before)).await? {
                Taken::Live => {}
                Taken::Refused => {
                    refused.push(self.refusal(new, mark));
                    *new = old;
                    self.restore(new).await?;
                }
            }
            if let Some(serving) = self.serving.iter_mut().find(|serving| serving.name == new.name) {
                *serving = new.clone();
            }
        }
        Ok(refused)
    }

    async fn restore(&mut self, old: &Extension) -> Result<(), ProxyError> {
        let before = self.counters().await?;
        let version = self.deliver(old)?;
        self.until("to take the old configuration back", |stats| taken(old, &version, stats, &before))
            .await?;
        Ok(())
    }

    async fn change_chain(&mut self, wanted: Vec<Extension>) -> Result<Vec<Refusal>, ProxyError> {
        let mut added = Vec::new();
        for new in &wanted {
            if !self.serving.iter().any(|old| old.name == new.name) {
                added.push((new.clone(), self.deliver(new)?));
            }
        }
        if !added.is_empty() {
            let refused = self.try_out(&wanted, &added).await?;
            if !refused.is_empty() {
                let serving = self.serving.clone();
                self.listen(Chain { serving: &serving, trial: None })?;
                return Ok(refused);
            }
        }
        let before = self.counters().await?;
        let version = self.listen(Chain { serving: &wanted, trial: None })?;
        let live =
            self.until("to change the chain", |stats| self.listener_live(&version, stats, &before)).await?;
        if live {
            self.serving = wanted;
            return Ok(Vec::new());
        }
        Ok(vec![Refusal { plugin: "the listener".to_owned(), reasons: Vec::new() }])
    }

    /// Gives the new chain to a listener without a port, and says which plugins were refused there.
    async fn try_out(
        &mut self,
        wanted: &[Extension],
        added: &[(Extension, String)],
    ) -> Result<Vec<Refusal>, ProxyError> {
        let before = self.counters().await?;
        let mark = log::mark(&self.run_dir.log());
        let serving = self.serving.clone();
        let version = self.listen(Chain { serving: &serving, trial: Some(wanted) })?;
        let answers = self
            .until("to try new plugins", |stats| {
                let live = self.listener_live(&version, stats, &before)?;
                let answer = |(new, version): &(Extension, String)| first_taken(new, version, stats, &before);
                let answers = added.iter().map(answer).collect::<Option<Vec<_>>>()?;
                Some(if live { answers } else { vec![Taken::Refused; answers.len()] })
            })
            .await?;
        let refused = added.iter().zip(answers).filter(|(_, taken)| *taken == Taken::Refused);
        Ok(refused.map(|((new, _), _)| self.refusal(new, mark)).collect())
    }

    /// Whether the listener with the version is there on all workers; nothing when that is still open.
    fn listener_live(&self, version: &str, now: &Stats, before: &Stats) -> Option<bool> {
        if listener_refused(now, before) {
            return Some(false);
        }
        let created = listeners_created(now).saturating_sub(listeners_created(before));
        let there = created >= u64::from(self.settings.concurrency);
        (now.text("listener_manager.lds.version_text") == version && there).then_some(true)
    }

    fn deliver(&mut self, extension: &Extension) -> Result<String, ProxyError> {
        let version = self.next_version();
        let file = self.run_dir.ecds(extension);
        self.run_dir.put_json(&file, &extension.response(&version)).map_err(io_error("the run directory"))?;
        Ok(version)
    }

    fn listen(&mut self, chain: Chain<'_>) -> Result<String, ProxyError> {
        let version = self.next_version();
        let content = listeners(chain, &self.run_dir, &self.settings, &version);
        self.run_dir.put_json(&self.run_dir.lds(), &content).map_err(io_error("the run directory"))?;
        Ok(version)
    }

    fn next_version(&mut self) -> String {
        self.generation = self.generation.saturating_add(1);
        self.generation.to_string()
    }

    fn refusal(&self, extension: &Extension, mark: u64) -> Refusal {
        let mut reasons = log::reasons(&log::since(&self.run_dir.log(), mark));
        let about_it: Vec<String> =
            reasons.iter().filter(|reason| reason.contains(&extension.plugin)).cloned().collect();
        if !about_it.is_empty() && about_it.len() < reasons.len() {
            reasons.retain(|reason| about_it.contains(reason) || reason.starts_with("wasm log"));
        }
        Refusal { plugin: extension.plugin.clone(), reasons }
    }
}

/// As [`taken`], for a plugin that was not served before: its counters may be those of an earlier life, which end in
/// the middle of things, so the version alone decides.
fn first_taken(extension: &Extension, version: &str, now: &Stats, before: &Stats) -> Option<Taken> {
    let name = format!("extension_config_discovery.http_filter.{}.version_text", extension.name);
    if now.text(&name) == version { Some(Taken::Live) } else { taken(extension, version, now, before) }
}

fn same_chain(one: &[Extension], other: &[Extension]) -> bool {
    one.iter().map(|extension| &extension.name).eq(other.iter().map(|extension| &extension.name))
}

/// The plugins that differ between two chains, removed ones included; all when only the order differs.
fn changes(before: &[Extension], after: &[Extension]) -> Vec<String> {
    let mut changed: Vec<String> =
        after.iter().filter(|new| !before.contains(new)).map(|new| new.plugin.clone()).collect();
    let gone = before.iter().filter(|old| !after.iter().any(|new| new.name == old.name));
    changed.extend(gone.map(|old| format!("{} (removed)", old.plugin)));
    if changed.is_empty() && !same_chain(before, after) {
        changed.extend(after.iter().map(|extension| extension.plugin.clone()));
    }
    changed
}

//! How long a change takes to be served, and what a module costs to start and to hold.

use std::time::{Duration, Instant};

use tollgate::module::Modules;

use super::{Error, cpu, stats};
use crate::mesh::{Mesh as _, Setup};
use crate::{LocalEnvoy, Request, local, module, plugin, send};

/// How long to wait for a change.
const PATIENCE: Duration = Duration::from_secs(20);

/// Milliseconds until a change is in an answer: the median, and the slowest.
#[derive(Debug, Clone, Copy)]
pub struct Swap {
    /// The median.
    pub middle: f64,
    /// The slowest.
    pub slowest: f64,
}

/// What a module costs besides requests.
#[derive(Debug, Clone)]
pub struct Weight {
    /// `header-filter`.
    pub name: String,
    /// Its size in bytes.
    pub size: usize,
    /// SHA-256.
    pub digest: String,
    /// Milliseconds from Envoy's start to its first answer, more than without a filter.
    pub start: f64,
    /// Memory for one more worker in kB, more than without a filter.
    pub per_worker: f64,
}

/// Changes of rules, and of the module, of a header filter.
///
/// # Errors
/// Envoy does not take one.
pub async fn swaps(count: usize) -> Result<(Swap, Swap), Error> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("header-filter.wasm");
    let original = std::fs::read(local::dist().join("header-filter.wasm"))?;
    std::fs::write(&file, &original)?;
    let setup = Setup { workers: 2, ..Setup::default() };
    let mut mesh = LocalEnvoy::start_with(&rules(0), setup, Modules::new(folder.path())).await?;
    let (mut of_rules, mut of_modules) = (Vec::new(), Vec::new());
    for version in 1..=count {
        let with_module = version % 5 == 0;
        if with_module {
            std::fs::write(&file, module::variant(&original, u8::try_from(version % 256)?))?;
        }
        let took = swap(&mut mesh, version).await?;
        if with_module { &mut of_modules } else { &mut of_rules }.push(took);
    }
    Ok((summary(of_rules), summary(of_modules)))
}

async fn swap(mesh: &mut LocalEnvoy, version: usize) -> Result<f64, Error> {
    let began = Instant::now();
    mesh.apply(&rules(version)).await?;
    let address = mesh.address();
    crate::eventually("the new rules in an answer", PATIENCE, async || {
        let response = send(address, &Request::get("/")).await.ok()?;
        (response.headers.get("x-version") == Some(version.to_string())).then_some(())
    })
    .await?;
    Ok(began.elapsed().as_secs_f64() * 1e3)
}

fn summary(mut times: Vec<f64>) -> Swap {
    times.sort_by(f64::total_cmp);
    Swap { middle: stats::at(&times, 50), slowest: stats::at(&times, 100) }
}

fn rules(version: usize) -> String {
    let config = format!("rules: [{{response: {{set: [{{name: x-version, value: \"{version}\"}}]}}}}]");
    plugin::header_filter(&config)
}

/// Weighs modules with a small configuration each.
///
/// # Errors
/// A module is missing, or Envoy does not start with it.
pub async fn weights(modules: &[(&str, &str)], repeat: usize) -> Result<Vec<Weight>, Error> {
    let (none_start, none_memory) = cost(None, repeat).await?;
    let mut weights = Vec::new();
    for (name, config) in modules {
        let module = Modules::new(local::dist()).load(&format!("oci://x/{name}:1"))?;
        let manifest = plugin::wasm_plugin(name, &format!("oci://x/{name}:1"), config);
        let (start, memory) = cost(Some(&manifest), repeat).await?;
        weights.push(Weight {
            name: (*name).to_owned(),
            size: module.bytes.len(),
            digest: module.digest,
            start: start - none_start,
            per_worker: memory - none_memory,
        });
    }
    Ok(weights)
}

/// Milliseconds to the first answer, and memory of one more worker: medians, as both wander more than a module weighs.
async fn cost(manifest: Option<&str>, repeat: usize) -> Result<(f64, f64), Error> {
    let (mut starts, mut memories) = (Vec::new(), Vec::new());
    for _ in 0..repeat {
        let (time, one) = start(manifest, 1).await?;
        let (_, three) = start(manifest, 3).await?;
        starts.push(time);
        memories.push((three - one) / 2.0);
    }
    starts.sort_by(f64::total_cmp);
    memories.sort_by(f64::total_cmp);
    Ok((stats::at(&starts, 50), stats::at(&memories, 50)))
}

async fn start(manifest: Option<&str>, workers: u32) -> Result<(f64, f64), Error> {
    let began = Instant::now();
    let setup = Setup { workers, ..Setup::default() };
    let mesh = LocalEnvoy::start(manifest.unwrap_or_default(), setup).await?;
    let address = mesh.address();
    crate::eventually("an answer", PATIENCE, async || send(address, &Request::get("/")).await.ok()).await?;
    let took = began.elapsed().as_secs_f64() * 1e3;
    Ok((took, stats::ratio(cpu::resident(mesh.proxy().process_id())?, 1)))
}

//! What a request costs: filters side by side on one Envoy, in one interleaved run.
//!
//! Each [`comparison`](variants::Comparison) has an Envoy of its own with one listener per variant. The listeners are visited in random order in
//! many short slices, so that whatever else the machine does hits all of them alike. The figure is the CPU time of Envoy's
//! worker thread divided by the requests that Envoy counted, less that of the listener without a filter. The load comes
//! from the worker's own core: requests pile up while it runs and are served while it waits, so that the number of them per
//! wake-up, which costs as much as a small filter, does not wander.

pub mod bed;
pub mod chart;
pub mod cpu;
pub mod floor;
pub mod latency;
pub mod load;
pub mod native;
pub mod report;
pub mod stats;
pub mod swaps;
pub mod variants;

use std::time::{Duration, Instant};

use bed::Bed;
use load::Load;
use stats::Figures;
use variants::Comparison;

/// Whatever went wrong, in words.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// Visits of each listener that count.
    pub rounds: usize,
    /// Visits before these, while V8 still optimises.
    pub warm_up: usize,
    /// How long a visit is.
    pub slice: Duration,
    /// Swaps of a configuration; of a module a fifth of it.
    pub swaps: usize,
}

impl Extent {
    /// About nine minutes on two cores.
    pub const FULL: Self = Self { rounds: 120, warm_up: 12, slice: Duration::from_millis(100), swaps: 50 };
    /// About two minutes: that it works, not what it says.
    pub const SMOKE: Self = Self { rounds: 12, warm_up: 4, slice: Duration::from_millis(80), swaps: 10 };
}

/// Measures one comparison; `tell` hears of every round that is over.
///
/// # Errors
/// Envoy does not start, or a variant answers anything but 200.
pub fn measure(
    comparison: &Comparison,
    extent: Extent,
    tell: &mut dyn FnMut(usize),
) -> Result<Figures, Error> {
    let bed = Bed::start(comparison)?;
    bed.share_core()?;
    let mut loads = Vec::new();
    for variant in 0..comparison.variants.len() {
        loads.push(Load::connect(bed.address(variant)?, comparison.requests.clone())?);
    }
    let mut order: Vec<usize> = (0..loads.len()).collect();
    let mut figures = Figures::new(comparison.variants.len());
    let mut random = stats::Random::new(0x7011);
    for round in 0..extent.warm_up.saturating_add(extent.rounds) {
        random.shuffle(&mut order);
        let mut costs = vec![0.0; order.len()];
        for &variant in &order {
            let cost = slice(&bed, variant, &mut loads, extent.slice)?;
            if let Some(place) = costs.get_mut(variant) {
                *place = cost;
            }
        }
        if round >= extent.warm_up {
            figures.add(&costs);
        }
        tell(round);
    }
    Ok(figures)
}

/// Microseconds of the worker for each request.
fn slice(bed: &Bed, variant: usize, loads: &mut [Load], time: Duration) -> Result<f64, Error> {
    let load = loads.get_mut(variant).ok_or("no such variant")?;
    let requests = bed.requests(variant)?;
    let cpu = bed.worker_cpu()?;
    let end = Instant::now() + time;
    while Instant::now() < end {
        load.turn()?;
    }
    let cpu = bed.worker_cpu()?.saturating_sub(cpu);
    let requests = bed.requests(variant)?.saturating_sub(requests);
    if requests == 0 {
        return Err("Envoy counted no request".into());
    }
    Ok(stats::ratio(cpu, requests) / 1000.0)
}

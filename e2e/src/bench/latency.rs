//! How long the slowest of a hundred requests waits, at half the load that can be borne.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::bed::Bed;
use super::load::{Load, Requests};
use super::stats::{self, Random};
use super::variants::Comparison;
use super::{Error, cpu};

/// Connections that share the load, each with a thread of its own.
const CLIENTS: u32 = 4;

/// The 99th percentile without a filter and with one, in microseconds.
#[derive(Debug, Clone, Copy)]
pub struct Tail {
    /// Without.
    pub none: f64,
    /// With.
    pub with: f64,
    /// Requests per second.
    pub rate: f64,
}

/// Compares the first variant, which has no filter, with another one; both get half of what that one can bear.
///
/// # Errors
/// Envoy does not start, or answers anything but 200.
pub fn tail(comparison: &Comparison, variant: usize, rounds: usize, slice: Duration) -> Result<Tail, Error> {
    let bed = Bed::start(comparison)?;
    cpu::pin(None, &(0..std::thread::available_parallelism()?.get()).collect::<Vec<_>>())?;
    let most = capacity(&bed, variant, comparison)?;
    let gap = Duration::from_secs_f64(f64::from(CLIENTS) / (most / 2.0));
    let mut waits = [Vec::new(), Vec::new()];
    let mut order = [0, 1];
    let mut random = Random::new(5);
    for _ in 0..rounds {
        random.shuffle(&mut order);
        for which in order {
            let address = bed.address(if which == 0 { 0 } else { variant })?;
            let mut seen = visit(address, &comparison.requests, gap, slice)?;
            seen.sort_by(f64::total_cmp);
            if let Some(list) = waits.get_mut(which) {
                list.push(stats::at(&seen, 99));
            }
        }
    }
    let [none, with] = waits.map(|mut list| {
        list.sort_by(f64::total_cmp);
        stats::at(&list, 50)
    });
    Ok(Tail { none, with, rate: most / 2.0 })
}

/// Requests per second that a variant bears.
fn capacity(bed: &Bed, variant: usize, comparison: &Comparison) -> Result<f64, Error> {
    let mut load = Load::connect(bed.address(variant)?, comparison.requests.clone())?;
    let start = Instant::now();
    let before = bed.requests(variant)?;
    while start.elapsed() < Duration::from_secs(2) {
        load.turn()?;
    }
    let micros = u64::try_from(start.elapsed().as_micros())?;
    Ok(stats::ratio(bed.requests(variant)?.saturating_sub(before), micros) * 1e6)
}

/// Requests at fixed times, whether or not earlier ones are answered: the wait counts from when a request was due.
fn visit(address: SocketAddr, requests: &Requests, gap: Duration, time: Duration) -> Result<Vec<f64>, Error> {
    let threads: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let requests = requests.clone();
            let first = gap * client / CLIENTS;
            std::thread::spawn(move || one(address, requests, first, gap, time))
        })
        .collect();
    let mut all = Vec::new();
    for thread in threads {
        all.extend(thread.join().map_err(|_| "a client panicked")??);
    }
    Ok(all)
}

fn one(
    address: SocketAddr,
    requests: Requests,
    first: Duration,
    gap: Duration,
    time: Duration,
) -> Result<Vec<f64>, Error> {
    let mut load = Load::connect(address, requests)?;
    let start = Instant::now() + first;
    let (mut due, mut waits) = (start, Vec::new());
    while due < start + time {
        if let Some(early) = due.checked_duration_since(Instant::now()) {
            std::thread::sleep(early);
        }
        load.one()?;
        waits.push(due.elapsed().as_secs_f64() * 1e6);
        due += gap;
    }
    Ok(waits)
}

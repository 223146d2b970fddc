//! Processor time and memory of Envoy, and which core runs what (Linux).

use std::fs;

use rustix::thread::{CpuSet, Pid, sched_setaffinity};

use super::Error;

/// The id of the process's thread whose name begins so.
///
/// # Errors
/// There is none.
pub fn thread(process: u32, name: &str) -> Result<u32, Error> {
    for entry in fs::read_dir(format!("/proc/{process}/task"))? {
        let path = entry?.path();
        let own = fs::read_to_string(path.join("comm"))?;
        if own.starts_with(name)
            && let Some(id) = path.file_name().and_then(|id| id.to_str())
        {
            return Ok(id.parse()?);
        }
    }
    Err(format!("Envoy has no thread {name}").into())
}

/// Nanoseconds that a thread has run.
///
/// # Errors
/// It is gone.
pub fn time(process: u32, thread: u32) -> Result<u64, Error> {
    let text = fs::read_to_string(format!("/proc/{process}/task/{thread}/schedstat"))?;
    Ok(text.split(' ').next().unwrap_or_default().parse()?)
}

/// Memory of a process that is in use, in kB.
///
/// # Errors
/// It is gone.
pub fn resident(process: u32) -> Result<u64, Error> {
    let text = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// Keeps a thread (this one, without an id) on some cores.
///
/// # Errors
/// The kernel refuses.
pub fn pin(thread: Option<u32>, cores: &[usize]) -> Result<(), Error> {
    let mut set = CpuSet::new();
    for core in cores {
        set.set(*core);
    }
    let id = thread.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    Ok(sched_setaffinity(id, &set)?)
}

/// The name of the processor, and how many there are.
#[must_use]
pub fn machine() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let model = model.trim_start_matches(['\t', ' ', ':']);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!("{cores} x {}", if model.is_empty() { std::env::consts::ARCH } else { model })
}

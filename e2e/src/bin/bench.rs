//! `make bench`: measures what a request costs, and writes it down.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use e2e::bench::report::Results;
use e2e::bench::stats::Figures;
use e2e::bench::variants::{self, Comparison};
use e2e::bench::{Error, Extent, chart, cpu, latency, measure, swaps};
use e2e::local;
use tollgate::report::Reporter;

/// Small configurations, to weigh modules with.
const WEIGHED: [(&str, &str); 4] = [
    ("header-filter", "rules: []"),
    ("auth-filter", "rules: [{name: all, public: true}]"),
    ("ratelimit-filter", "limits: [{name: all, key: [{header: x-key}], rate: {requests: 1, unit: second}}]"),
    ("edge-filter", "headers: {rules: []}"),
];

const USAGE: &str = "usage: bench [--smoke] [--only COMPARISON]… [--out DIR]";

struct Args {
    smoke: bool,
    only: Vec<String>,
    out: PathBuf,
}

fn main() -> ExitCode {
    let mut report = Reporter::stderr();
    let done = args().and_then(|args| run(&args, &mut report));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report.bad(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn args() -> Result<Args, Error> {
    let mut args = Args { smoke: false, only: Vec::new(), out: PathBuf::from("docs/benchmarks") };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--smoke" => args.smoke = true,
            "--only" => args.only.push(words.next().ok_or(USAGE)?),
            "--out" => args.out = words.next().ok_or(USAGE)?.into(),
            _ => return Err(USAGE.into()),
        }
    }
    Ok(args)
}

fn run(args: &Args, report: &mut Reporter) -> Result<(), Error> {
    let extent = if args.smoke { Extent::SMOKE } else { Extent::FULL };
    let all = variants::all(variants::TOKENS)?;
    if let Some(unknown) = args.only.iter().find(|name| !all.iter().any(|one| one.name == *name)) {
        let names: Vec<&str> = all.iter().map(|one| one.name).collect();
        return Err(format!("there is no comparison {unknown}; there are {}", names.join(", ")).into());
    }
    let whole = args.only.is_empty();
    let circumstances = circumstances(args)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    // Before this thread is bound to a core.
    let (swaps, weights) = if whole {
        report.line("swaps, start and memory");
        let repeat = if args.smoke { 2 } else { 5 };
        let swaps = runtime.block_on(swaps::swaps(extent.swaps))?;
        (Some(swaps), runtime.block_on(swaps::weights(&WEIGHED, repeat))?)
    } else {
        (None, Vec::new())
    };
    let mut comparisons = Vec::new();
    for comparison in all.iter().filter(|one| whole || args.only.iter().any(|name| name == one.name)) {
        comparisons.push((comparison, one(comparison, extent, report)?));
    }
    let tail = match comparisons.iter().find_map(|(one, _)| Some((*one, one.index("edge-filter")?))) {
        Some((comparison, variant)) => {
            report.line("latency at half load");
            Some(latency::tail(comparison, variant, extent.swaps, extent.slice.saturating_mul(4))?)
        }
        None => None,
    };
    let results = Results { circumstances, comparisons, tail, swaps, weights };
    write(&args.out, &results, report)
}

/// One comparison, with a line for each tenth of it.
fn one(comparison: &Comparison, extent: Extent, report: &mut Reporter) -> Result<Figures, Error> {
    let (rounds, start) = (extent.rounds.saturating_add(extent.warm_up), Instant::now());
    report.line(&format!("{}: {}", comparison.name, comparison.title));
    measure(comparison, extent, &mut |round| {
        let done = round.saturating_add(1);
        if done.saturating_mul(10).checked_rem(rounds).is_some_and(|rest| rest < 10) {
            let seconds = start.elapsed().as_secs();
            report.line(&format!("  {done} of {rounds} rounds, {seconds} s"));
        }
    })
}

fn circumstances(args: &Args) -> Result<Vec<(String, String)>, Error> {
    let version = std::process::Command::new(local::envoy()?).arg("--version").output()?;
    let version = String::from_utf8_lossy(&version.stdout).trim().replace("version: ", "");
    let version = version.split_whitespace().last().unwrap_or_default().to_owned();
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let extent = if args.smoke { "smoke run: shows that it works, not what it costs" } else { "full run" };
    Ok(vec![
        ("machine".to_owned(), cpu::machine()),
        ("kernel".to_owned(), kernel.trim().to_owned()),
        ("Envoy".to_owned(), format!("`{version}`")),
        ("extent".to_owned(), extent.to_owned()),
    ])
}

fn write(out: &Path, results: &Results<'_>, report: &mut Reporter) -> Result<(), Error> {
    std::fs::create_dir_all(out)?;
    let page = results.page();
    std::fs::write(out.join("results.md"), &page)?;
    std::fs::write(out.join("results.svg"), chart::svg(&results.comparisons))?;
    report.line(&page);
    report.good(&format!("written to {}", out.display()));
    Ok(())
}

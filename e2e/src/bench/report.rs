//! The table, in Markdown.

use std::fmt::Write as _;

use super::latency::Tail;
use super::stats::{Figure, Figures};
use super::swaps::{Swap, Weight};
use super::variants::Comparison;

/// All that was measured.
#[derive(Debug)]
pub struct Results<'r> {
    /// When, in words; by whom, on what.
    pub circumstances: Vec<(String, String)>,
    /// The comparisons, with their figures.
    pub comparisons: Vec<(&'r Comparison, Figures)>,
    /// The slowest of a hundred.
    pub tail: Option<Tail>,
    /// Of rules, and of modules.
    pub swaps: Option<(Swap, Swap)>,
    /// What modules cost besides.
    pub weights: Vec<Weight>,
}

impl Results<'_> {
    /// The page.
    #[must_use]
    pub fn page(&self) -> String {
        let mut out = String::from(HEAD);
        for (name, value) in &self.circumstances {
            let _ = writeln!(out, "| {name} | {value} |");
        }
        for (comparison, figures) in &self.comparisons {
            table(&mut out, comparison, figures);
        }
        out.push_str("\n## What was promised\n\n| what | compared with | at most | measured (90 %) | |\n|---|---|---|---|---|\n");
        for (comparison, figures) in &self.comparisons {
            aims(&mut out, comparison, figures);
        }
        if let Some(Tail { none, with, rate }) = self.tail {
            let times = with / none;
            let _ = writeln!(
                out,
                "| 99th percentile of latency, edge-filter, {rate:.0} requests/s | no filter | 1.3 | {times:.2} ({with:.0} and {none:.0} µs) | {} |",
                verdict(times <= 1.3)
            );
        }
        if let Some((rules, module)) = self.swaps {
            for (what, swap, most) in
                [("a change of rules", rules, 100.0), ("a change of module", module, 1000.0)]
            {
                let _ = writeln!(
                    out,
                    "| {what} until it is served | | {most} ms | {:.0} ms, slowest {:.0} | {} |",
                    swap.middle,
                    swap.slowest,
                    verdict(swap.middle <= most)
                );
            }
        }
        self.modules(&mut out);
        out
    }

    fn modules(&self, out: &mut String) {
        if self.weights.is_empty() {
            return;
        }
        out.push_str("\n## Modules\n\n| module | kB | added to Envoy's start, ms | memory of one more worker, kB | SHA-256 |\n|---|---|---|---|---|\n");
        for Weight { name, size, digest, start, per_worker } in &self.weights {
            let kilobytes = size.div_ceil(1000);
            let _ = writeln!(out, "| {name} | {kilobytes} | {start:.0} | {per_worker:.0} | `{digest}` |");
        }
    }
}

/// Microseconds by which any figure may wander.
const LEAST: f64 = 2.0;

const HEAD: &str = "# What a request costs

Written by `make bench`. One Envoy with one worker for each comparison, one listener for each way, visited in random order in many short slices. CPU time of the
worker thread for each request that Envoy counted, in microseconds: the lower quartile of all slices, with the range in which it lies in nine of ten drawings. \"Added\" is
what is more than without a filter. A figure whose range is wider than a third of it (and than 2 µs) is called noise: run it again on a quieter machine.

| | |
|---|---|
";

fn table(out: &mut String, comparison: &Comparison, figures: &Figures) {
    let _ = writeln!(out, "\n## {}\n", comparison.title);
    out.push_str("| way | CPU per request | added (90 %) | x of no filter |\n|---|---|---|---|\n");
    let none = figures.whole(0).value;
    for (index, variant) in comparison.variants.iter().enumerate() {
        let whole = figures.whole(index);
        let added = if index == 0 { String::from("-") } else { microseconds(figures.added(index)) };
        let _ =
            writeln!(out, "| {} | {:.1} | {added} | {:.2} |", variant.name, whole.value, whole.value / none);
    }
}

fn aims(out: &mut String, comparison: &Comparison, figures: &Figures) {
    for aim in &comparison.aims {
        let (Some(of), Some(than)) = (comparison.index(aim.of), comparison.index(aim.than)) else { continue };
        let times = figures.times(of, than);
        let said = if times.is_noise(0.0) {
            "noise".to_owned()
        } else {
            verdict(times.value <= aim.at_most).to_owned()
        };
        let _ = writeln!(
            out,
            "| {}: {} | {} | {} | {} | {said} |",
            comparison.name,
            aim.of,
            aim.than,
            aim.at_most,
            range(times, 2)
        );
    }
}

fn range(Figure { value, low, high }: Figure, digits: usize) -> String {
    format!("{value:.digits$} ({low:.digits$} to {high:.digits$})")
}

fn microseconds(added: Figure) -> String {
    format!("{}{}", range(added, 1), if added.is_noise(LEAST) { " noise" } else { "" })
}

fn verdict(kept: bool) -> &'static str {
    if kept { "kept" } else { "missed" }
}

#[cfg(test)]
mod tests {
    use super::super::variants;
    use super::*;

    #[test]
    fn a_page_has_every_way_and_says_what_was_kept() {
        let all = variants::all(2).unwrap();
        let comparison = all.iter().find(|comparison| comparison.name == "limits").unwrap();
        let mut figures = Figures::new(5);
        for _ in 0..20 {
            figures.add(&[40.0, 44.0, 50.0, 58.0, 60.0]);
        }
        let weights = vec![Weight {
            name: "header-filter".to_owned(),
            size: 1001,
            digest: "00ff".to_owned(),
            start: 20.0,
            per_worker: 900.0,
        }];
        let swap = |middle| Swap { middle, slowest: 150.0 };
        let results = Results {
            circumstances: vec![("machine".to_owned(), "2 x abacus".to_owned())],
            comparisons: vec![(comparison, figures)],
            tail: Some(Tail { none: 100.0, with: 120.0, rate: 9000.0 }),
            swaps: Some((swap(60.0), swap(1200.0))),
            weights,
        };
        let page = results.page();
        for line in [
            "| machine | 2 x abacus |",
            "| no filter | 40.0 | - | 1.00 |",
            "| ratelimit-filter | 58.0 | 18.0 (18.0 to 18.0) | 1.45 |",
            "| limits: ratelimit-filter | Lua, a bucket per worker | 1 | 1.80 (1.80 to 1.80) | missed |",
            "| a change of rules until it is served | | 100 ms | 60 ms, slowest 150 | kept |",
            "| a change of module until it is served | | 1000 ms | 1200 ms, slowest 150 | missed |",
            "| header-filter | 2 | 20 | 900 | `00ff` |",
        ] {
            assert!(page.lines().any(|own| own == line), "{line}\n{page}");
        }
    }
}

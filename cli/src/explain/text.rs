//! What came of a fixture, for people.

use super::report::{Explained, Field, Step, Told};
use crate::report::Reporter;

/// Characters of a line, policies of many directives being what they are.
const LONGEST_LINE: usize = 160;

/// Tells it.
pub(super) fn tell(explained: &Explained, report: &mut Reporter) {
    report.line(&format!("{}: {}", explained.fixture, explained.proxy));
    for (number, stop) in explained.chain.iter().enumerate() {
        let place = stop.place.as_ref().map(|place| format!(" ({place})")).unwrap_or_default();
        let run = if stop.run { "" } else { " - not run here" };
        report.line(&format!("  {}. {}{place}{run}", number.saturating_add(1), stop.name));
    }
    for left_out in &explained.excluded {
        report.note(&format!("  left out: {}: {}", left_out.plugin, left_out.reason));
    }
    explained.notes.iter().for_each(|note| report.note(&format!("  note: {note}")));
    explained.asked.iter().for_each(|asked| report.line(&format!("  asked before: {asked}")));
    explained.requests.iter().for_each(|told| request(told, report));
    let requests = explained.requests.len();
    let expected = explained.requests.iter().filter(|told| told.expected).count();
    let wrong = explained.requests.iter().filter(|told| !told.mismatches.is_empty()).count();
    let summary = format!("{}: {requests} requests, {expected} with expectations", explained.fixture);
    explained.mismatches.iter().for_each(|mismatch| report.bad(&format!("not as expected: {mismatch}")));
    match (wrong, expected) {
        (0, _) if !explained.mismatches.is_empty() => report.bad(&format!("{summary}: they show nothing")),
        (0, 0) => report.note(&format!("{summary}: nothing was tested")),
        (0, _) => report.good(&format!("{summary}, all as expected")),
        _ => report.bad(&format!("{summary}, {wrong} not as expected")),
    }
}

fn request(told: &Told, report: &mut Reporter) {
    let name = told.name.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
    report.line("");
    report.line(&format!("{name}{} at {}", told.request, told.time));
    told.asked.iter().for_each(|asked| report.line(&format!("  asked meanwhile: {asked}")));
    told.steps.iter().for_each(|one| step(one, report));
    match &told.upstream {
        Some(headers) => {
            report.line("  upstream gets");
            fields(headers, report);
        }
        None => report.line("  upstream gets nothing"),
    }
    let reason = told.answer.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    report.line(&format!("  client gets {}{reason}", told.answer.status));
    fields(&told.answer.headers, report);
    if let Some(body) = told.answer.body.as_ref().filter(|body| !body.is_empty()) {
        report.line(&format!("      {body}"));
    }
    told.mismatches.iter().for_each(|mismatch| report.bad(&format!("  not as expected: {mismatch}")));
}

/// Pseudo headers are told elsewhere.
fn fields(fields: &[Field], report: &mut Reporter) {
    for Field { name, value } in fields.iter().filter(|field| !field.name.starts_with(':')) {
        report.line(&format!("      {}", cut(&format!("{name}: {value}"))));
    }
}

/// A line for the eye; the JSON has all of it.
fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST_LINE) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(text)),
        None => text.to_owned(),
    }
}

fn step(step: &Step, report: &mut Reporter) {
    let arrow = if step.phase == "request" { ">" } else { "<" };
    let says = if step.says.is_empty() { String::new() } else { format!(": {}", step.says.join(", ")) };
    let verdict = match &step.reason {
        Some(reason) if step.says.is_empty() => format!(" {} {reason}", step.verdict),
        Some(reason) => format!("; {} {reason}", step.verdict),
        None => String::new(),
    };
    report.line(&format!("  {arrow} {}{says}{verdict}", step.plugin));
    if let Some(waited) = step.waited_ms {
        report.line(&format!("      waited {waited} ms"));
    }
    step.asked.iter().for_each(|asked| report.line(&format!("      asked {asked}")));
    step.edits.iter().for_each(|edit| report.line(&format!("      {}", cut(edit))));
    for Field { name, value } in &step.filter_state {
        report.line(&format!("      {}", cut(&format!("filter state {name} = {value}"))));
    }
    step.counters.iter().for_each(|counter| report.line(&format!("      counted {counter}")));
}

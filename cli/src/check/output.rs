//! Findings, for people and for machines.

use std::io::{self, Write};

use serde_json::json;

use super::{Format, Found};
use crate::fault::{Code, Fault, Level};
use crate::report::Reporter;

/// Writes findings: for people to `report`, for machines to `out`.
pub(super) fn findings(
    format: Format,
    faults: &[Fault],
    out: &mut dyn Write,
    report: &mut Reporter,
) -> io::Result<()> {
    match format {
        Format::Text => {
            faults.iter().for_each(|fault| text(fault, report));
            Ok(())
        }
        Format::Json => {
            let findings: Vec<_> = faults.iter().map(object).collect();
            serde_json::to_writer_pretty(&mut *out, &findings)?;
            writeln!(out)?;
            out.flush()
        }
        Format::Github => {
            for fault in faults {
                writeln!(out, "{}", command(fault))?;
            }
            out.flush()
        }
    }
}

fn text(fault: &Fault, report: &mut Reporter) {
    let level = fault.code.level();
    let line = format!("{fault} [{} {}]", level.word(), fault.code.name());
    match level {
        Level::Error => report.bad(&line),
        Level::Warning => report.note(&line),
        Level::Hint => report.line(&line),
    }
}

fn object(fault: &Fault) -> serde_json::Value {
    json!({
        "file": fault.file.to_string_lossy(),
        "line": fault.at.map(|at| at.line),
        "column": fault.at.map(|at| at.column),
        "path": fault.path,
        "level": fault.code.level().word(),
        "code": fault.code.name(),
        "message": fault.message,
    })
}

/// A workflow command: what stands in it decides nothing, so what would end it is escaped.
fn command(fault: &Fault) -> String {
    let word = match fault.code.level() {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Hint => "notice",
    };
    let mut command = format!("::{word} file={}", property(&fault.file.to_string_lossy()));
    if let Some(at) = fault.at {
        command.push_str(&format!(",line={},col={}", at.line, at.column));
    }
    let path = if fault.path.is_empty() { String::new() } else { format!("{}: ", fault.path) };
    let message = data(&format!("{path}{}", fault.message));
    format!("{command},title={}::{message}", property(fault.code.name()))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// The last line: what was looked at, what was found, what was left out.
pub(super) fn summary(found: &Found, report: &mut Reporter) {
    let of = |level: Level| found.faults.iter().filter(|fault| fault.code.level() == level).count();
    let counted =
        |number: usize, word: &str| format!("{number} {word}{}", if number == 1 { "" } else { "s" });
    let mut line = format!(
        "{}: {}, {}, {}",
        counted(found.plugins, "plugin"),
        counted(of(Level::Error), "error"),
        counted(of(Level::Warning), "warning"),
        counted(of(Level::Hint), "hint"),
    );
    if found.accepted > 0 {
        line.push_str(&format!(", {} accepted", found.accepted));
    }
    if found.others > 0 {
        line.push_str(&format!("; {} of other kinds passed over", counted(found.others, "object")));
    }
    line.push_str(&format!("; not looked at: {}", found.skipped.join(", ")));
    match (of(Level::Error), of(Level::Warning)) {
        (0, 0) => report.good(&line),
        (0, _) => report.note(&line),
        _ => report.bad(&line),
    }
}

/// All kinds of findings.
pub(super) fn list(report: &mut Reporter) {
    for code in Code::ALL {
        report.line(&format!("{:22} {:8} {}", code.name(), code.level().word(), code.explanation()));
    }
}

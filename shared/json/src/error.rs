//! What is wrong with a text.

use std::fmt;

/// Why a text is refused, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    fault: Fault,
    line: usize,
    column: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No JSON.
    Syntax(&'static str),
    /// This key twice in an object.
    Twice(String),
}

impl Error {
    /// True when the text is JSON up to here, where an object ends that names a key twice.
    #[must_use]
    pub fn is_duplicate(&self) -> bool {
        matches!(self.fault, Fault::Twice(_))
    }

    /// At a byte of the text, or at the last one when that is not there.
    pub(crate) fn new(fault: Fault, text: &[u8], at: usize) -> Self {
        let before = text.get(..at.min(text.len().saturating_sub(1))).unwrap_or_default();
        let lines = before.iter().filter(|byte| **byte == b'\n').count();
        let column = before.iter().rev().take_while(|byte| **byte != b'\n').count();
        Self { fault, line: lines.saturating_add(1), column: column.saturating_add(1) }
    }
}

/// With the line and the column, in bytes, of where reading ended.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.fault {
            Fault::Syntax(what) => f.write_str(what)?,
            Fault::Twice(key) => write!(f, "the key {key:?} is given twice")?,
        }
        write!(f, " at line {} column {}", self.line, self.column)
    }
}

impl std::error::Error for Error {}

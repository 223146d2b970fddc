//! What is wrong with a manifest, and where: `file:line:col: path: message`.

mod code;

use std::fmt;
use std::path::PathBuf;

pub use code::{Code, Level};

/// A place in a text file, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file, as it was named on the command line or found below a directory.
    pub file: PathBuf,
    /// Where in the file; nowhere when the file itself is the trouble.
    pub at: Option<Position>,
    /// The field: `spec.pluginConfig.rules[0].name`; empty for the document as a whole.
    pub path: String,
    /// Why, and what is allowed.
    pub message: String,
    /// What kind of mistake it is.
    pub code: Code,
}

impl Fault {
    /// The same, as a mistake of this kind.
    #[must_use]
    pub fn coded(self, code: Code) -> Self {
        Self { code, ..self }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", printable(&self.file.to_string_lossy()))?;
        if let Some(at) = self.at {
            write!(f, "{}:{}:", at.line, at.column)?;
        }
        if !self.path.is_empty() {
            write!(f, " {}:", printable(&self.path))?;
        }
        write!(f, " {}", printable(&self.message))
    }
}

/// Text from a file as it may stand on a terminal: a control character could move the cursor or feign another line.
pub(crate) fn printable(text: &str) -> String {
    let shown = |c: char| if c.is_control() { c.escape_default().collect() } else { c.to_string() };
    text.chars().map(shown).collect()
}

/// Everything that is wrong with a set of manifests, one line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

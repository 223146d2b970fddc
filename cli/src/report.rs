//! What the tool says, in plain lines; colours on a terminal only, and not under `NO_COLOR`.

use std::io::{self, IsTerminal as _, Write};

/// Says things.
pub struct Reporter {
    out: Box<dyn Write + Send>,
    colours: bool,
}

impl std::fmt::Debug for Reporter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reporter").field("colours", &self.colours).finish_non_exhaustive()
    }
}

impl Reporter {
    /// Says things on standard output.
    #[must_use]
    pub fn stdout() -> Self {
        Self { colours: colours_wanted() && io::stdout().is_terminal(), out: Box::new(io::stdout()) }
    }

    /// Says things on standard error, where standard output is for a file.
    #[must_use]
    pub fn stderr() -> Self {
        Self { colours: colours_wanted() && io::stderr().is_terminal(), out: Box::new(io::stderr()) }
    }

    /// Says things into anything, without colours.
    #[must_use]
    pub fn new(out: impl Write + Send + 'static) -> Self {
        Self { out: Box::new(out), colours: false }
    }

    /// A plain line.
    pub fn line(&mut self, text: &str) {
        self.say("", text);
    }

    /// Something to notice.
    pub fn note(&mut self, text: &str) {
        self.say("33", text);
    }

    /// Something that worked.
    pub fn good(&mut self, text: &str) {
        self.say("32", text);
    }

    /// Something that did not.
    pub fn bad(&mut self, text: &str) {
        self.say("31", text);
    }

    /// Whoever closed our output does not want to know: a failed write is no reason to stop serving.
    fn say(&mut self, colour: &str, text: &str) {
        let _ = match colour {
            "" => writeln!(self.out, "{text}"),
            colour if self.colours => writeln!(self.out, "\x1b[{colour}m{text}\x1b[0m"),
            _ => writeln!(self.out, "{text}"),
        };
        let _ = self.out.flush();
    }
}

fn colours_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

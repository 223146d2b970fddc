//! `tollgate completions`.

use std::io::Write;
use std::process::ExitCode;

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::report::Reporter;

/// `tollgate completions`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  source <(tollgate completions bash)
  tollgate completions zsh >~/.zfunc/_tollgate
  tollgate completions fish >~/.config/fish/completions/tollgate.fish")]
pub struct Args {
    /// For which shell.
    pub shell: Shell,
}

/// Writes the script on standard output.
#[must_use]
pub fn main(args: &Args) -> ExitCode {
    let script = script(args.shell);
    // Whoever has read enough (`| head`) is not in trouble.
    match std::io::stdout().lock().write_all(&script) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Reporter::stderr().bad(&format!("cannot write: {error}"));
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

fn script(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut crate::args::Args::command(), "tollgate", &mut script);
    script
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_shell_learns_every_command_and_its_flags() {
        for shell in Shell::value_variants() {
            let script = String::from_utf8(script(*shell)).unwrap();
            for word in
                crate::args::Args::command().get_subcommands().map(|command| command.get_name().to_owned())
            {
                assert!(script.contains(&word), "{shell}: {word}");
            }
            for word in ["print-config", "concurrency", "upstream"] {
                assert!(script.contains(word), "{shell}: {word}");
            }
        }
    }
}

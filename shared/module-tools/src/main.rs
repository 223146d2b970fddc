//! `module-tools trim IN OUT` and `module-tools inspect FILE`: the last step of `make build`.

use module_tools::{Error, Trimmed, callbacks, check_imports, exports, imports, sha256, trim};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, process};

const USAGE: &str = "usage: module-tools trim IN OUT\n       module-tools inspect FILE";

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{USAGE}")]
    Usage,
    #[error("{}: {source}", .path.display())]
    Module { path: PathBuf, source: Error },
    #[error("cannot {action} {}: {source}", .path.display())]
    File { action: &'static str, path: PathBuf, source: io::Error },
    #[error("cannot print: {0}")]
    Print(#[from] io::Error),
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["trim", from, to] => trim_file(Path::new(from), Path::new(to)),
        ["inspect", file] => inspect(Path::new(file)),
        _ => Err(Failure::Usage),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nothing is left to tell when stderr is closed.
            let _ = writeln!(io::stderr().lock(), "module-tools: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn trim_file(from: &Path, to: &Path) -> Result<(), Failure> {
    let original = read(from)?;
    let Trimmed { wasm, dropped } = in_module(from, trim(&original))?;
    in_module(from, check_imports(&wasm))?;
    replace(to, &wasm)?;
    writeln!(
        io::stdout().lock(),
        "{}  {}  (was {}, dropped {} callbacks)  sha256 {}",
        to.display(),
        kilobytes(wasm.len()),
        kilobytes(original.len()),
        dropped.len(),
        sha256(&wasm)
    )?;
    Ok(())
}

fn inspect(file: &Path) -> Result<(), Failure> {
    let wasm = read(file)?;
    let calls = in_module(file, callbacks(&wasm))?;
    let exports = in_module(file, exports(&wasm))?;
    let imports = in_module(file, imports(&wasm))?;
    let mut out = io::stdout().lock();
    writeln!(out, "{}  {}  sha256 {}", file.display(), kilobytes(wasm.len()), sha256(&wasm))?;
    writeln!(out, "exports {}, of which {} callbacks", exports.len(), calls.len())?;
    for name in &exports {
        writeln!(out, "  {name}")?;
    }
    writeln!(out, "imports {}", imports.len())?;
    for import in &imports {
        writeln!(out, "  {import}")?;
    }
    in_module(file, check_imports(&wasm))
}

/// Puts `wasm` at `path` in one step, because a running `tollgate run` loads the file as soon as it changes;
/// leaves the file alone when nothing changed.
fn replace(path: &Path, wasm: &[u8]) -> Result<(), Failure> {
    if fs::read(path).is_ok_and(|old| old == wasm) {
        return Ok(());
    }
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.tmp", process::id()));
    let temporary = PathBuf::from(temporary);
    let failure = |source| Failure::File { action: "write", path: path.to_path_buf(), source };
    fs::write(&temporary, wasm).map_err(failure)?;
    fs::rename(&temporary, path).map_err(failure)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|source| Failure::File { action: "read", path: path.to_path_buf(), source })
}

fn in_module<T>(path: &Path, result: Result<T, Error>) -> Result<T, Failure> {
    result.map_err(|source| Failure::Module { path: path.to_path_buf(), source })
}

/// Thousands of bytes with one decimal, as the budgets in the READMEs are written.
fn kilobytes(bytes: usize) -> String {
    let tenths = bytes.saturating_add(50) / 100;
    format!("{}.{} kB", tenths / 10, tenths % 10)
}

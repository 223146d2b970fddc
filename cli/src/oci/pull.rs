//! `tollgate pull`.

use std::path::PathBuf;

use super::registry::Access;
use super::{PullArgs, Trouble, wait_for};
use crate::fetch::{Fetcher, Limits, Wanted, with_scheme};
use crate::module::stem;
use crate::report::Reporter;

pub(super) fn pull(args: &PullArgs, report: &mut Reporter) -> Result<bool, Trouble> {
    if with_scheme(&args.url).starts_with("file://") {
        return Err(Trouble::Usage(format!("{}: that is here already", args.url)));
    }
    let access = Access { plain_http: args.plain_http, ..Access::agent() };
    let fetcher = Fetcher::with(None, Limits::default(), access);
    let module = wait_for(async { Ok(fetcher.get(&Wanted::once(&args.url)).await?) })?;
    let output = args.output.clone().unwrap_or_else(|| PathBuf::from(format!("{}.wasm", stem(&args.url))));
    std::fs::write(&output, &module.bytes)
        .map_err(|error| format!("{} cannot be written: {error}", output.display()))?;
    let (length, digest) = (module.bytes.len(), &module.digest);
    report.good(&format!("{}: {length} bytes, sha256 {digest}", output.display()));
    Ok(true)
}

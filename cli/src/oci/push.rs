//! `tollgate push`.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use super::name::Name;
use super::pack::{self, Packed};
use super::registry::{Access, Registry, Right};
use super::wasm::Facts;
use super::{PushArgs, Trouble, say, wait_for};
use crate::fetch::MOST;
use crate::module::{sha256, stem};
use crate::report::Reporter;

/// One module may take so long, over a slow line.
const PATIENCE: Duration = Duration::from_secs(300);

/// A module on its way to a place, or to nowhere in particular when only its digest is wanted.
struct Job {
    file: String,
    target: Option<Name>,
    packed: Packed,
    module: Vec<u8>,
}

pub(super) fn push(args: &PushArgs, out: &mut impl Write, report: &mut Reporter) -> Result<bool, Trouble> {
    let mut jobs = Vec::new();
    // All of them before the first is sent: half of a release in a registry helps nobody.
    for (file, target) in targets(args)? {
        let module = read(&file)?;
        let packed = pack::pack(&module)?;
        jobs.push(Job { file, target, packed, module });
    }
    if args.dry_run {
        for job in &jobs {
            let pinned = job.target.as_ref().map(|target| target.pinned(&job.packed.digest).to_string());
            say(out, &pinned.unwrap_or_else(|| job.packed.digest.clone()));
        }
        return Ok(true);
    }
    let access = Access { plain_http: args.plain_http, guard_realm: false, ..Access::agent() };
    for job in &jobs {
        let Some(target) = &job.target else { continue };
        let work = async { tokio::time::timeout(PATIENCE, upload(job, target, &access, report)).await };
        let done = wait_for(async { Ok(work.await) })?;
        let done = done.unwrap_or_else(|_| Err(format!("not done after {} s", PATIENCE.as_secs())));
        done.map_err(|error| format!("cannot push {} to {target}: {error}", job.file))?;
        say(out, &target.pinned(&job.packed.digest).to_string());
    }
    Ok(true)
}

async fn upload(job: &Job, target: &Name, access: &Access, report: &mut Reporter) -> Result<(), String> {
    let registry = Registry::open(target, access, Right::Push).await?;
    if registry.is_plain() {
        report.note(&format!("{} is spoken to in plain HTTP", target.registry()));
    }
    let Packed { layer, config, manifest, digest } = &job.packed;
    let new = registry.put_blob(layer).await?;
    registry.put_blob(config).await?;
    registry.put_manifest(target.tag().unwrap_or(digest), manifest).await?;
    let kilobytes = layer.len().div_ceil(1000);
    let layer = if new { format!("{kilobytes} kB sent") } else { "there already".to_owned() };
    report.good(&format!(
        "{}: {target} is {digest}; {layer}; the module is {}",
        job.file,
        sha256(&job.module)
    ));
    if target.tag().is_none() {
        report.note("it has no tag: a registry may one day clear away what has none");
    }
    Ok(())
}

/// The files and where each of them goes.
fn targets(args: &PushArgs) -> Result<Vec<(String, Option<Name>)>, Trouble> {
    let is_target = |text: &String| text.starts_with("oci://");
    if let Some(prefix) = &args.to {
        if let Some(second) = args.what.iter().find(|text| is_target(text)) {
            return Err(Trouble::Usage(format!("{second}: with --to only files are given")));
        }
        let prefix = target(prefix)?;
        let each = |file: &String| {
            let child = prefix.child(stem(file)).map_err(Trouble::Usage)?;
            Ok((file.clone(), Some(child)))
        };
        return args.what.iter().map(each).collect();
    }
    match args.what.as_slice() {
        [file, name] if is_target(name) => Ok(vec![(file.clone(), Some(target(name)?))]),
        files if args.dry_run && !files.iter().any(is_target) => {
            Ok(files.iter().map(|file| (file.clone(), None)).collect())
        }
        _ => Err(Trouble::Usage(
            "give one file and oci://REGISTRY/REPOSITORY[:TAG], or files with --to oci://REGISTRY/PREFIX[:TAG]".to_owned(),
        )),
    }
}

fn target(text: &str) -> Result<Name, Trouble> {
    let name = Name::parse(text).map_err(Trouble::Usage)?;
    if name.digest().is_some() {
        return Err(Trouble::Usage(format!("{text}: the digest is what pushing tells; give a tag")));
    }
    Ok(name)
}

/// A module that is worth pushing.
fn read(file: &str) -> Result<Vec<u8>, Trouble> {
    let path = Path::new(file);
    let length = std::fs::metadata(path).map(|data| data.len());
    let length = length.map_err(|error| Trouble::Usage(format!("{file} cannot be read: {error}")))?;
    if length > MOST {
        return Err(format!("{file}: {length} bytes; istio-agent takes {MOST} at most").into());
    }
    let module =
        std::fs::read(path).map_err(|error| Trouble::Usage(format!("{file} cannot be read: {error}")))?;
    let facts = Facts::read(&module).map_err(|error| format!("{file} {error}"))?;
    match facts.objection() {
        Some(objection) => Err(format!("{file} {objection}").into()),
        None => Ok(module),
    }
}

//! `spec`, field by field.

use super::super::reader::{Field, Reader};
use super::super::yaml::Value;
use super::{Kind, Mode, Phase, Spec, TrafficMatch, module, scope};
use crate::fault::Code;

/// What stands in `spec` for both kinds.
const COMMON: [&str; 5] = ["phase", "priority", "match", "selector", "targetRefs"];

/// What a `spec` is about.
pub(super) enum Content {
    /// A module.
    Wasm(Box<Spec>),
    /// A Lua script.
    Lua,
}

pub(super) fn read(reader: &mut Reader<'_>, kind: Kind, spec: &Field<'_>) -> Option<Content> {
    let Some(module) = module_field(reader, kind, spec)? else { return Some(Content::Lua) };
    let unspecified = match kind {
        Kind::WasmPlugin => "UNSPECIFIED_PHASE",
        Kind::TrafficExtension => "UNSPECIFIED",
    };
    let phase = phase(reader, spec, unspecified);
    let priority = priority(reader, spec);
    let matches = matches(reader, spec);
    let (selector, target_refs) = (scope::selector(reader, spec), scope::target_refs(reader, spec));
    let module = module::read(reader, &module);
    if selector.is_some() && !target_refs.is_empty() {
        let path = target_path(spec);
        reader.fault(Code::SelectorAndTargets, &path, "only one of targetRefs or selector can be set");
    }
    let module = module?;
    Some(Content::Wasm(Box::new(Spec {
        url: module.url,
        sha256: module.sha256,
        image_pull_policy: module.image_pull_policy,
        image_pull_secret: module.image_pull_secret,
        plugin_config: module.plugin_config,
        plugin_name: module.plugin_name,
        phase,
        priority,
        fail_strategy: module.fail_strategy,
        env: module.env,
        matches,
        selector,
        target_refs,
        plugin_type: module.plugin_type,
    })))
}

/// Where the module's own fields stand; `Some(None)` for a script.
fn module_field<'f>(reader: &mut Reader<'_>, kind: Kind, spec: &Field<'f>) -> Option<Option<Field<'f>>> {
    if kind == Kind::WasmPlugin {
        let mut known = module::FIELDS.to_vec();
        known.extend(COMMON);
        known.push("targetRef");
        reader.only(spec, &known);
        return Some(Some(spec.clone()));
    }
    let mut known = COMMON.to_vec();
    known.extend(["wasm", "lua"]);
    reader.only_or(spec, &known, &|key| {
        module::FIELDS.contains(&key).then(|| format!("move {key} under spec.wasm"))
    });
    let (wasm, lua) = (reader.optional(spec, "wasm"), reader.optional(spec, "lua"));
    if wasm.is_some() == lua.is_some() {
        reader.fault(Code::WasmOrLua, &spec.path, "exactly one of wasm or lua must be set");
    }
    if let Some(wasm) = wasm {
        reader.only(&wasm, &module::FIELDS);
        return Some(Some(wasm));
    }
    script(reader, &lua?);
    Some(None)
}

/// The longest script, in bytes.
const LONGEST_SCRIPT: usize = 65536;

fn script(reader: &mut Reader<'_>, lua: &Field<'_>) {
    reader.only(lua, &["inlineCode"]);
    let Some(code) = reader.required(lua, "inlineCode", "the script") else { return };
    if reader.text(&code).is_some_and(|code| code.is_empty() || code.len() > LONGEST_SCRIPT) {
        reader.fault(Code::OutOfRange, &code.path, "must have 1 to 65536 bytes");
    }
}

/// The path of whichever form of target is there.
fn target_path(spec: &Field<'_>) -> String {
    let form = if spec.node.field("targetRefs").is_some() { "targetRefs" } else { "targetRef" };
    spec.child(form)
}

fn phase(reader: &mut Reader<'_>, spec: &Field<'_>, unspecified: &'static str) -> Phase {
    let other_kinds = spec.node.field("phase").and_then(|entry| entry.value.text());
    if other_kinds.is_some_and(|word| word != unspecified && word.starts_with("UNSPECIFIED")) {
        let message = "WasmPlugin spells this UNSPECIFIED_PHASE, TrafficExtension UNSPECIFIED";
        reader.fault(Code::WrongWord, &spec.child("phase"), message);
        return Phase::Unspecified;
    }
    let phases = [
        ("AUTHN", Phase::Authn),
        ("AUTHZ", Phase::Authz),
        ("STATS", Phase::Stats),
        (unspecified, Phase::Unspecified),
    ];
    reader.word(spec, "phase", &phases).unwrap_or(Phase::Unspecified)
}

fn priority(reader: &mut Reader<'_>, spec: &Field<'_>) -> Option<i32> {
    let field = reader.optional(spec, "priority")?;
    let number = match &field.node.value {
        Value::Number(number) => number.as_i64().and_then(|number| i32::try_from(number).ok()),
        _ => None,
    };
    if number.is_none() {
        reader.fault(Code::WrongType, &field.path, "must be a 32-bit integer");
    }
    number
}

fn matches(reader: &mut Reader<'_>, spec: &Field<'_>) -> Vec<TrafficMatch> {
    let modes = [
        ("UNDEFINED", Mode::ClientAndServer),
        ("CLIENT", Mode::Client),
        ("SERVER", Mode::Server),
        ("CLIENT_AND_SERVER", Mode::ClientAndServer),
    ];
    let mut matches = Vec::new();
    for item in reader.items(spec, "match") {
        reader.only(&item, &["mode", "ports"]);
        let mode = reader.word(&item, "mode", &modes).unwrap_or(Mode::ClientAndServer);
        let ports = ports(reader, &item);
        matches.push(TrafficMatch { mode, ports });
    }
    matches
}

fn ports(reader: &mut Reader<'_>, of: &Field<'_>) -> Vec<u16> {
    let mut ports = Vec::new();
    for port in reader.items(of, "ports") {
        if matches!(port.node.value, Value::Map(_)) {
            reader.only(&port, &["number"]);
        }
        let number = match port.node.field("number").map(|entry| &entry.value.value) {
            Some(Value::Number(number)) => number.as_u64().and_then(|number| u16::try_from(number).ok()),
            _ => None,
        };
        match number.filter(|number| *number > 0 && !ports.contains(number)) {
            Some(number) => ports.push(number),
            None => {
                let message = "must be 1–65535 and unique, written as {number: N}";
                reader.fault(Code::Port, &port.child("number"), message);
            }
        }
    }
    ports
}

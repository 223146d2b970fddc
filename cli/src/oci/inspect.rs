//! `tollgate inspect`.

use std::io::Write;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::image::Image;
use super::manifest::Descriptor;
use super::name::Name;
use super::registry::{Access, Registry, Right};
use super::wasm::Facts;
use super::{Format, InspectArgs, Trouble, pack, say, wait_for};
use crate::fetch::{Limits, MOST};
use crate::module::{is_wasm, sha256};

/// What is told, in this order.
type Fields = Vec<(&'static str, Value)>;

pub(super) fn inspect(args: &InspectArgs, out: &mut impl Write) -> Result<bool, Trouble> {
    let (fields, fine) = if !args.what.starts_with("oci://") && Path::new(&args.what).is_file() {
        of_file(&args.what)?
    } else if is_path(&args.what) {
        let what = &args.what;
        let message = format!("{what}: no such file; an image is written oci://REGISTRY/REPOSITORY:TAG");
        return Err(Trouble::Usage(message));
    } else {
        of_image(args)?
    };
    match args.format {
        Format::Json => {
            let fields: Map<String, Value> =
                fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            say(out, &serde_json::to_string_pretty(&Value::Object(fields)).unwrap_or_default());
        }
        Format::Text => {
            for (name, value) in &fields {
                write_field(out, name, value);
            }
        }
    }
    Ok(fine)
}

/// Whether it looks like a file: as an image it would be asked of Docker Hub.
fn is_path(what: &str) -> bool {
    what.starts_with(['.', '/']) || what.ends_with(".wasm")
}

fn write_field(out: &mut impl Write, name: &str, value: &Value) {
    match value {
        Value::Array(items) if items.is_empty() => say(out, &format!("{name:<22} none")),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                say(out, &format!("{:<22} {}", if index == 0 { name } else { "" }, plain(item)));
            }
        }
        value => say(out, &format!("{name:<22} {}", plain(value))),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => super::web::shown(text),
        Value::Null => "none".to_owned(),
        Value::Object(fields) => fields.values().map(plain).collect::<Vec<_>>().join(" "),
        value => value.to_string(),
    }
}

fn of_file(file: &str) -> Result<(Fields, bool), Trouble> {
    let read = |error| Trouble::Usage(format!("{file} cannot be read: {error}"));
    if std::fs::metadata(file).map_err(read)?.len() > MOST {
        return Err(format!("{file} is longer than {MOST} bytes, which is what istio-agent takes").into());
    }
    let module = std::fs::read(file).map_err(read)?;
    let packed = pack::pack(&module)?;
    let mut fields = Fields::new();
    fields.push(("file", json!(file)));
    fields.push(("digest", json!(packed.digest)));
    let fine = describe(&mut fields, &module);
    Ok((fields, fine))
}

fn of_image(args: &InspectArgs) -> Result<(Fields, bool), Trouble> {
    let name = Name::parse(&args.what);
    let name = name.map_err(|error| {
        Trouble::Usage(format!("{} is no file here, and as an image: {error}", args.what))
    })?;
    let access = Access { plain_http: args.plain_http, ..Access::agent() };
    let limit = Limits::default().whole;
    wait_for(async {
        let looked = tokio::time::timeout(limit, look(&name, &access)).await;
        looked.unwrap_or_else(|_| Err(format!("{name}: no answer within {} s", limit.as_secs()).into()))
    })
}

async fn look(name: &Name, access: &Access) -> Result<(Fields, bool), Trouble> {
    let failed = |error: String| format!("{name}: {error}");
    let registry = Registry::open(name, access, Right::Pull).await.map_err(failed)?;
    let image = Image::find(&registry, name).await.map_err(failed)?;
    let mut fields = Fields::new();
    let mut add = |field: &'static str, value: Value| fields.push((field, value));
    add("image", json!(name.to_string()));
    add("digest", json!(image.digest));
    add("mediaType", json!(image.media_type));
    add("index", json!(image.index));
    add("layers", Value::Array(image.manifest.layers.iter().map(described).collect()));
    let module = match image.layer() {
        Ok((layout, _)) => {
            add("layout", json!(layout.name()));
            image.module(&registry).await
        }
        Err(error) => Err(error),
    };
    let module = module.and_then(|module| {
        if is_wasm(&module) { Ok(module) } else { Err("it is no WebAssembly module".to_owned()) }
    });
    let pinned_index = image.index.is_some() && name.digest().is_some();
    let refusal = match &module {
        Err(error) => Some(error.clone()),
        Ok(_) if pinned_index => Some(format!(
            "the digest is that of an image index; Istio compares the linux/amd64 image's and reports a mismatch: pin {}",
            image.digest
        )),
        Ok(_) => None,
    };
    add("istioAgentAccepts", json!(refusal.is_none()));
    add("istioAgentReason", json!(refusal));
    let fine = module.is_ok_and(|module| describe(&mut fields, &module));
    Ok((fields, fine && refusal.is_none()))
}

fn described(layer: &Descriptor) -> Value {
    json!({"mediaType": layer.media_type, "size": layer.size, "digest": layer.digest})
}

/// What the module itself is; says whether Envoy would run it.
fn describe(fields: &mut Fields, module: &[u8]) -> bool {
    let mut add = |field: &'static str, value: Value| fields.push((field, value));
    add("moduleSha256", json!(sha256(module)));
    add("moduleBytes", json!(module.len()));
    let facts = Facts::read(module);
    let objection = match &facts {
        Ok(facts) => facts.objection(),
        Err(error) => Some(error.clone()),
    };
    let facts = facts.unwrap_or_default();
    add("abi", json!(facts.abi));
    add("callbacks", json!(facts.callbacks));
    add("imports", json!(facts.imports.len()));
    add("unknownImports", json!(facts.unknown));
    add("envoyAccepts", json!(objection.is_none()));
    add("envoyReason", json!(objection));
    objection.is_none()
}

//! Manifests: from files and directories to strict domain types, with a place for every complaint.

mod files;
mod head;
mod mesh;
mod order;
mod reader;
mod service;
mod wasm_plugin;
pub mod yaml;

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};

pub(crate) use files::has_kustomization;
pub(crate) use head::OTHER_METADATA;
pub use mesh::Gateway;
pub(crate) use mesh::{GATEWAY_API, WAYPOINT_CLASS};
pub use order::{in_chain_order, in_chain_order_by};
pub use service::{DestinationRule, Endpoint, Port, Resolution, ServiceEntry, TlsMode, TlsOrigination};
pub use wasm_plugin::{
    EnvValue, EnvVar, FailStrategy, Kind, Labels, Metadata, Mode, Phase, PluginType, PullPolicy, Spec,
    TargetRef, TrafficMatch, WasmPlugin,
};

use crate::fault::{Code, Fault, Faults};

/// What a set of files holds, in document order, and what was left out.
#[derive(Debug, Clone, Default)]
pub struct Manifests {
    /// The plugins.
    pub plugins: Vec<WasmPlugin>,
    /// The services outside the mesh that plugins may call.
    pub services: Vec<ServiceEntry>,
    /// How these are called.
    pub destinations: Vec<DestinationRule>,
    /// Gateways and waypoints, as far as other objects tell of them.
    pub gateways: Vec<Gateway>,
    /// The hosts of the cluster's own Services that are among the objects.
    pub cluster_hosts: Vec<String>,
    /// TrafficExtensions with a Lua script: read, and nothing for us to serve.
    pub scripts: usize,
    /// What was passed over, for the reader to know.
    pub notes: Vec<String>,
}

impl Manifests {
    /// Reads files, and directories with everything below them that ends in `.yaml` or `.yml`; `-` is standard input.
    ///
    /// # Errors
    /// All faults of all files at once.
    pub fn load(paths: &[PathBuf]) -> Result<Self, Faults> {
        strict(Self::survey(paths, &mut std::io::stdin()))
    }

    /// Reads one text, as if it had stood in a file of that name.
    ///
    /// # Errors
    /// All faults at once.
    pub fn parse(file: &Path, text: &str) -> Result<Self, Faults> {
        let mut all = Self::default();
        let mut faults = Vec::new();
        all.add(file, text, &mut faults);
        faults.extend(all.given_twice());
        strict((all, faults))
    }

    /// Reads as much as there is, with all faults: a plugin that has some is among the plugins as far as it could be
    /// understood, and must not be served.
    pub fn survey(paths: &[PathBuf], standard_input: &mut dyn Read) -> (Self, Vec<Fault>) {
        let mut all = Self::default();
        let (files, mut faults) = files::manifests(paths);
        for file in files {
            match files::read(&file, standard_input) {
                Ok(text) => all.add(&file, &text, &mut faults),
                Err(fault) => faults.push(fault),
            }
        }
        faults.extend(all.given_twice());
        (all, faults)
    }

    fn add(&mut self, file: &Path, text: &str, faults: &mut Vec<Fault>) {
        let doubt = |error: yaml::YamlError| {
            let (at, path) = (Some(error.at), String::new());
            Fault { file: file.to_owned(), at, path, message: error.message, code: error.code }
        };
        let documents = match yaml::read(text) {
            Ok(documents) => documents,
            Err(error) => return faults.push(doubt(error)),
        };
        for document in documents {
            let mut ours = false;
            for object in mesh::objects(document.node) {
                ours |= self.add_object(file, object, faults);
            }
            if ours {
                faults.extend(document.doubts.into_iter().map(doubt));
            }
        }
    }

    /// Says whether it is one that is served.
    fn add_object(&mut self, file: &Path, object: yaml::Node, faults: &mut Vec<Fault>) -> bool {
        let (read, found) = head::read(file, object);
        faults.extend(found);
        match read {
            Some(head::Document::Plugin(plugin)) => self.plugins.push(*plugin),
            Some(head::Document::Service(service)) => self.services.push(service),
            Some(head::Document::Destination(destination)) => self.destinations.push(destination),
            Some(head::Document::Script(note)) => {
                self.scripts = self.scripts.saturating_add(1);
                self.notes.push(note);
            }
            Some(head::Document::Other(note, known)) => {
                self.notes.push(note);
                match known {
                    Some(mesh::Known::Gateway(gateway)) => self.gateways.push(gateway),
                    Some(mesh::Known::Service(host)) => self.cluster_hosts.push(host),
                    None => {}
                }
                return false;
            }
            None => {}
        }
        true
    }

    fn given_twice<'p>(&'p self) -> Vec<Fault> {
        let mut known: HashMap<(&str, String), &WasmPlugin> = HashMap::new();
        let twice = |plugin: &'p WasmPlugin| {
            let name = plugin.full_name();
            let Some(first) = known.get(&(plugin.kind.word(), name.clone())) else {
                known.insert((plugin.kind.word(), name), plugin);
                return None;
            };
            let at = first.document.locate("metadata.name");
            let message = format!("{name} is given twice, first in {}:{}", first.file.display(), at.line);
            Some(plugin.fault("metadata.name", message).coded(Code::GivenTwice))
        };
        self.plugins.iter().filter_map(twice).collect()
    }
}

fn strict((all, faults): (Manifests, Vec<Fault>)) -> Result<Manifests, Faults> {
    if faults.is_empty() { Ok(all) } else { Err(Faults(faults)) }
}

fn whole(file: &Path, message: String) -> Fault {
    Fault { file: file.to_owned(), at: None, path: String::new(), message, code: Code::Unreadable }
}

#[cfg(test)]
mod tests;

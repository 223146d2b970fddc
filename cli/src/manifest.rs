//! Manifests: from files and directories to strict domain types, with a place for every complaint.

mod files;
mod head;
mod order;
mod reader;
mod service;
mod wasm_plugin;
pub mod yaml;

use std::path::{Path, PathBuf};

pub use order::in_chain_order;
pub use service::{DestinationRule, Endpoint, Port, Resolution, ServiceEntry, TlsMode, TlsOrigination};
pub use wasm_plugin::{
    EnvValue, EnvVar, FailStrategy, Labels, Metadata, Mode, Phase, PluginType, PullPolicy, Spec, TargetRef,
    TrafficMatch, WasmPlugin,
};

use crate::fault::{Fault, Faults};

/// What a set of files holds, in document order, and what was left out.
#[derive(Debug, Clone, Default)]
pub struct Manifests {
    /// The plugins.
    pub plugins: Vec<WasmPlugin>,
    /// The services outside the mesh that plugins may call.
    pub services: Vec<ServiceEntry>,
    /// How these are called.
    pub destinations: Vec<DestinationRule>,
    /// What was passed over, for the reader to know.
    pub notes: Vec<String>,
}

impl Manifests {
    /// Reads files, and directories with everything below them that ends in `.yaml` or `.yml`.
    ///
    /// # Errors
    /// All faults of all files at once.
    pub fn load(paths: &[PathBuf]) -> Result<Self, Faults> {
        let mut all = Self::default();
        let mut faults = Vec::new();
        for file in files::manifests(paths).map_err(|fault| Faults(vec![fault]))? {
            match files::read(&file) {
                Ok(text) => all.add(&file, &text, &mut faults),
                Err(fault) => faults.push(fault),
            }
        }
        all.finish(faults)
    }

    /// Reads one text, as if it had stood in a file of that name.
    ///
    /// # Errors
    /// All faults at once.
    pub fn parse(file: &Path, text: &str) -> Result<Self, Faults> {
        let mut all = Self::default();
        let mut faults = Vec::new();
        all.add(file, text, &mut faults);
        all.finish(faults)
    }

    fn add(&mut self, file: &Path, text: &str, faults: &mut Vec<Fault>) {
        let documents = match yaml::parse(text) {
            Ok(documents) => documents,
            Err(error) => {
                let (path, message) = (String::new(), error.message);
                faults.push(Fault { file: file.to_owned(), at: Some(error.at), path, message });
                return;
            }
        };
        for document in documents {
            match head::read(file, document) {
                Ok(head::Document::Plugin(plugin)) => self.plugins.push(*plugin),
                Ok(head::Document::Service(service)) => self.services.push(service),
                Ok(head::Document::Destination(destination)) => self.destinations.push(destination),
                Ok(head::Document::Other(note)) => self.notes.push(note),
                Err(found) => faults.extend(found),
            }
        }
    }

    fn finish(self, mut faults: Vec<Fault>) -> Result<Self, Faults> {
        for (index, plugin) in self.plugins.iter().enumerate() {
            let mut earlier = self.plugins.iter().take(index);
            if let Some(first) = earlier.find(|other| other.full_name() == plugin.full_name()) {
                let message =
                    format!("{} is given twice, first in {}", plugin.full_name(), first.file.display());
                faults.push(plugin.fault("metadata.name", message));
            }
        }
        if faults.is_empty() { Ok(self) } else { Err(Faults(faults)) }
    }
}

fn whole(file: &Path, message: String) -> Fault {
    Fault { file: file.to_owned(), at: None, path: String::new(), message }
}

#[cfg(test)]
mod tests;

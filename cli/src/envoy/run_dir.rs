//! The private folder that holds Envoy's files. Every file that Envoy watches is replaced by a rename.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use super::translate::Extension;
use crate::module::Module;

/// Where everything is.
#[derive(Debug)]
pub struct RunDir {
    root: PathBuf,
    temporary: Option<TempDir>,
}

impl RunDir {
    /// Makes the folder: the given one, or a temporary one that goes with this value. Only its owner may look inside,
    /// because a configuration can hold secrets.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(at: Option<&Path>) -> io::Result<Self> {
        let Some(at) = at else {
            let temporary = tempfile::Builder::new()
                .prefix("tollgate-")
                .permissions(Permissions::from_mode(0o700))
                .tempdir()?;
            return Ok(Self { root: temporary.path().to_owned(), temporary: Some(temporary) });
        };
        let root = std::path::absolute(at)?;
        DirBuilder::new().recursive(true).mode(0o700).create(&root)?;
        Ok(Self { root, temporary: None })
    }

    /// The paths of a folder, without making it.
    #[must_use]
    pub fn at(root: &Path) -> Self {
        Self { root: root.to_owned(), temporary: None }
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Leaves a temporary folder behind: someone will want to look.
    pub fn keep(&mut self) {
        if let Some(temporary) = self.temporary.take() {
            self.root = temporary.keep();
        }
    }

    /// Envoy's bootstrap.
    #[must_use]
    pub fn bootstrap(&self) -> PathBuf {
        self.root.join("bootstrap.json")
    }

    /// The listeners.
    #[must_use]
    pub fn lds(&self) -> PathBuf {
        self.root.join("lds/lds.json")
    }

    /// The clusters that plugins may call.
    #[must_use]
    pub fn cds(&self) -> PathBuf {
        self.root.join("cds/cds.json")
    }

    /// A plugin's configuration. Each has its own folder: Envoy reads a file again on any rename in the watched folder.
    #[must_use]
    pub fn ecds(&self, extension: &Extension) -> PathBuf {
        self.root.join("ecds").join(&extension.plugin).join("ecds.json")
    }

    /// What Envoy says.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.root.join("envoy.log")
    }

    /// A line for each request.
    #[must_use]
    pub fn access_log(&self) -> PathBuf {
        self.root.join("access.log")
    }

    /// Where Envoy writes the address of its admin interface.
    #[must_use]
    pub fn admin_address(&self) -> PathBuf {
        self.root.join("admin-address.txt")
    }

    /// Where a module is copied to. The name is the content's digest: Envoy looks at a module only when the
    /// configuration changes, so new content must come under a new name, as istio-agent has it.
    #[must_use]
    pub fn module(&self, module: &Module) -> PathBuf {
        self.root.join("modules").join(format!("{}.wasm", module.digest))
    }

    /// Puts a JSON file in place of what is there, at once.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put_json(&self, file: &Path, content: &Value) -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(content)?;
        text.push(b'\n');
        put(file, &text)
    }

    /// Copies a module, unless it is there.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put_module(&self, module: &Module) -> io::Result<PathBuf> {
        let file = self.module(module);
        if !file.exists() {
            put(&file, &module.bytes)?;
        }
        Ok(file)
    }
}

fn put(file: &Path, content: &[u8]) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut draft = file.as_os_str().to_owned();
    draft.push(".draft");
    fs::write(&draft, content)?;
    fs::rename(&draft, file)
}

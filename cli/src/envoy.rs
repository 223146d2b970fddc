//! The local Envoy: what it is told, how it is run, and how a change reaches it.

mod admin;
mod bootstrap;
mod clusters;
mod delivery;
mod fallback;
mod listener;
mod log;
mod node;
mod process;
mod proxy;
mod run_dir;
mod settings;
mod start;
mod stats;
mod translate;

pub use admin::Admin;
pub use bootstrap::bootstrap;
pub use clusters::clusters;
pub use fallback::fallback;
pub use listener::{Chain, listeners};
pub use node::Node;
pub use process::Process;
pub use proxy::{Applied, Proxy, ProxyError, Refusal};
pub use run_dir::RunDir;
pub use settings::{Settings, Tls, find_envoy};
pub(crate) use start::or_fallback;
pub use stats::Stats;
pub use translate::{Extension, extension};

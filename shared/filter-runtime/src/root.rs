//! The root context: one per configuration generation, owner of the compiled policy.

use std::marker::PhantomData;
use std::rc::Rc;

use policy_core::{Counter, Plugin, Policy};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use crate::stream::Stream;
use crate::{host, logger};

/// A compiled policy with the ids of its counters. A new configuration makes a new one; streams keep theirs.
pub(crate) struct Generation<P> {
    pub(crate) plugin: &'static str,
    pub(crate) policy: P,
    counters: Vec<Option<u32>>,
}

impl<P: Policy> Generation<P> {
    fn new(plugin: &'static str, policy: P) -> Self {
        let counters = policy.counters().names().iter().map(|name| host::define_counter(name).ok()).collect();
        Self { plugin, policy, counters }
    }

    /// Adds one to each counter.
    pub(crate) fn count(&self, counts: &[Counter]) {
        for counter in counts {
            if let Some(Some(id)) = self.counters.get(counter.index()) {
                // A counter that cannot be raised is no reason to fail a request.
                let _ = host::increment(*id, 1);
            }
        }
    }
}

struct Root<P: Plugin> {
    current: Option<Rc<Generation<P::Policy>>>,
    plugin: PhantomData<P>,
}

impl<P: Plugin + 'static> Context for Root<P> {}

impl<P: Plugin + 'static> RootContext for Root<P> {
    fn on_configure(&mut self, _size: usize) -> bool {
        logger::install();
        let Ok(json) = host::plugin_configuration() else {
            log::error!("tollgate.{}: the host gave no configuration", P::NAME);
            return false;
        };
        match P::from_json(&json, &|name| std::env::var(name).ok()) {
            Ok(policy) => {
                self.current = Some(Rc::new(Generation::new(P::NAME, policy)));
                log::info!(
                    "tollgate.{}: configuration accepted (version {})",
                    P::NAME,
                    env!("CARGO_PKG_VERSION")
                );
                true
            }
            Err(error) => {
                log::error!("tollgate.{}: configuration refused: {error}", P::NAME);
                false
            }
        }
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream::new(self.current.clone())))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

/// Tells the SDK how to make contexts. Called once per VM by [`export_plugin!`](crate::export_plugin).
pub fn start<P: Plugin + 'static>() {
    // Whatever root_id the configuration names, it gets this plugin: a module holds one.
    proxy_wasm::set_root_context(|_| Box::new(Root::<P> { current: None, plugin: PhantomData }));
}

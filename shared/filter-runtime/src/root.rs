//! The root context: one per configuration, owner of the compiled policy and of the timer.

use std::rc::Rc;

use policy_core::Plugin;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use crate::generation::Generation;
use crate::hall::Hall;
use crate::stream::Stream;
use crate::ticker::Need;
use crate::{host, logger};

struct Root<P: Plugin> {
    hall: Rc<Hall<P>>,
    current: Option<Rc<Generation<P>>>,
}

impl<P: Plugin> Root<P> {
    /// Work of the policy, then all who wait, then the timer.
    fn outside(&self, work: impl FnOnce(&Generation<P>, u64)) {
        let Some(generation) = self.current.as_ref().filter(|_| P::CALLBACKS.outside) else { return };
        // Without a clock nothing is ever due, and whoever waits is refused.
        let now = host::current_time().unwrap_or(u64::MAX);
        work(generation, now);
        let need = self.hall.round(now);
        let need = if need == Need::None && generation.has_put_off() { Need::Soon } else { need };
        self.hall.ticker.settle(now, need);
    }
}

impl<P: Plugin + 'static> Context for Root<P> {
    fn on_http_call_response(&mut self, token: u32, headers: usize, body: usize, _trailers: usize) {
        self.outside(|generation, now| generation.answered(now, token, headers, body));
    }
}

impl<P: Plugin + 'static> RootContext for Root<P> {
    fn on_configure(&mut self, _size: usize) -> bool {
        logger::install();
        let Ok(json) = host::plugin_configuration() else {
            log::error!("tollgate.{}: the host gave no configuration", P::NAME);
            return false;
        };
        match P::from_json(&json, &|name| std::env::var(name).ok()) {
            Ok(policy) => {
                self.current = Some(Rc::new(Generation::new(policy, Rc::clone(&self.hall))));
                log::info!(
                    "tollgate.{}: configuration accepted (version {})",
                    P::NAME,
                    env!("CARGO_PKG_VERSION")
                );
                self.outside(Generation::start);
                true
            }
            Err(error) => {
                log::error!("tollgate.{}: configuration refused: {error}", P::NAME);
                false
            }
        }
    }

    fn on_tick(&mut self) {
        self.outside(|generation, now| {
            self.hall.ticker.passed(now);
            generation.tick(now);
        });
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream::new(id, self.current.clone())))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl<P: Plugin> Drop for Root<P> {
    fn drop(&mut self) {
        if P::CALLBACKS.outside {
            self.hall.ticker.stop();
        }
    }
}

/// Tells the SDK how to make contexts. Called once per VM by [`export_plugin!`](crate::export_plugin).
pub fn start<P: Plugin + 'static>() {
    // Whatever root_id the configuration names, it gets this plugin: a module holds one.
    proxy_wasm::set_root_context(|id| Box::new(Root::<P> { hall: Rc::new(Hall::new(id)), current: None }));
}

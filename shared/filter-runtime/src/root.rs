//! The root context: one per configuration, owner of the compiled policy and of the timer.

use std::cell::RefCell;
use std::rc::Rc;

use policy_core::Plugin;
use policy_core::config::PLUGIN;

use crate::asks::{Asks, Sizes};
use crate::generation::Generation;
use crate::hall::Hall;
use crate::ticker::Need;
use crate::{host, logger};

pub(crate) struct Root<P: Plugin> {
    hall: Rc<Hall<P>>,
    current: RefCell<Option<Rc<Generation<P>>>>,
}

impl<P: Plugin> Root<P> {
    /// A root context without a configuration.
    pub(crate) fn new(id: u32) -> Self {
        Self { hall: Rc::new(Hall::new(id)), current: RefCell::default() }
    }

    /// What new streams work under.
    pub(crate) fn current(&self) -> Option<Rc<Generation<P>>> {
        self.current.borrow().clone()
    }

    /// Takes the configuration at hand; false when it is refused, and the log says why.
    pub(crate) fn configure(&self, asks: &Asks<P>) -> bool {
        logger::install();
        let Ok(json) = host::plugin_configuration() else {
            log::error!("tollgate.{}: the host gave no configuration", P::NAME);
            return false;
        };
        match P::from_json(&json, &environment) {
            Ok(policy) => {
                let generation = Generation::new(policy, Rc::clone(&self.hall));
                self.current.replace(Some(Rc::new(generation)));
                log::info!(
                    "tollgate.{}: configuration accepted (version {})",
                    P::NAME,
                    env!("CARGO_PKG_VERSION")
                );
                self.outside(asks, Generation::start);
                true
            }
            Err(error) => {
                log::error!("tollgate.{}: configuration refused: {error}", P::NAME);
                false
            }
        }
    }

    /// The timer has fired.
    pub(crate) fn tick(&self, asks: &Asks<P>) {
        self.outside(asks, |generation, now| {
            self.hall.ticker.passed(now);
            generation.tick(now);
        });
    }

    /// A call has been answered, or lost.
    pub(crate) fn answered(&self, asks: &Asks<P>, token: u32, sizes: Sizes) {
        self.outside(asks, |generation, now| generation.answered(now, token, sizes));
    }

    /// The context is going.
    pub(crate) fn end(&self) {
        if P::CALLBACKS.outside {
            self.hall.ticker.stop();
        }
    }

    /// Work of the policy, then all who wait, then the timer.
    fn outside(&self, asks: &Asks<P>, work: impl FnOnce(&Generation<P>, u64)) {
        let Some(generation) = self.current().filter(|_| P::CALLBACKS.outside) else { return };
        // Without a clock nothing is ever due, and whoever waits is refused.
        let now = host::current_time().unwrap_or(u64::MAX);
        work(&generation, now);
        let need = self.hall.round(now, asks);
        let need = if need == Need::None && generation.has_put_off() { Need::Soon } else { need };
        self.hall.ticker.settle(now, need);
    }
}

/// The plugin's environment: the variables that the manifest gives it, and who it is.
fn environment(name: &str) -> Option<String> {
    if name != PLUGIN {
        return host::variable(name);
    }
    let part = |property: &str| host::property(property).unwrap_or_default();
    let parts = [part("plugin_name"), part("plugin_root_id")];
    // Two names stay two, whatever their bytes are.
    Some(parts.join(&0).into_iter().map(char::from).collect())
}

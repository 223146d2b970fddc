//! The callbacks of a filter, each in the context it is made for.

use std::rc::Rc;

use filter_runtime::{Callbacks, Contexts, Sizes};
use policy_core::Plugin;

use crate::state::with;

/// A filter in a VM.
pub(crate) struct Vm {
    contexts: Box<dyn Callbacks>,
    exports: policy_core::Callbacks,
    another: fn() -> Rc<Vm>,
}

impl Vm {
    /// A VM of this plugin.
    pub(crate) fn new<P: Plugin + 'static>() -> Rc<Self> {
        let contexts = Box::new(Contexts::<P>::new());
        Rc::new(Self { contexts, exports: P::CALLBACKS, another: Self::new::<P> })
    }

    /// A VM of the same plugin.
    pub(crate) fn another(&self) -> Rc<Self> {
        (self.another)()
    }
}

/// A callback: the host's functions work on this context until the filter says otherwise.
fn enter<T: Default>(context: u32, callback: impl FnOnce(&Vm) -> T) -> T {
    let vm = with(|state| {
        (state.current, state.effective) = (context, 0);
        let root = state.root();
        state.roots.get(&root).and_then(|root| root.filter.clone())
    });
    let result = vm.map(|vm| callback(&vm)).unwrap_or_default();
    with(|state| (state.current, state.effective) = (0, 0));
    result
}

/// Makes a context; a root has the parent 0.
pub(crate) fn create_context(id: u32, root: u32) {
    enter(id, |vm| vm.contexts.create_context(id, root));
}

/// Hands over the configuration.
pub(crate) fn configure(root: u32) -> bool {
    enter(root, |vm| vm.contexts.configure(root))
}

/// The root's timer.
pub(crate) fn tick(root: u32) {
    enter(root, |vm| vm.contexts.tick(root));
}

/// The answer to a call; without headers it is lost.
pub(crate) fn http_call_response(root: u32, token: u32, sizes: Sizes) {
    enter(root, |vm| vm.contexts.http_call_response(root, token, sizes));
}

/// The request's headers; true when the filter lets them pass.
pub(crate) fn request_headers(id: u32) -> bool {
    enter(id, |vm| !vm.exports.request_headers || vm.contexts.request_headers(id))
}

/// The response's headers; true when the filter lets them pass.
pub(crate) fn response_headers(id: u32) -> bool {
    enter(id, |vm| !vm.exports.response_headers || vm.contexts.response_headers(id))
}

/// The end of a context.
pub(crate) fn delete(id: u32) {
    enter(id, |vm| vm.contexts.delete(id));
}

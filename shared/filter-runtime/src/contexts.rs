//! The contexts of one VM, by the ids that Envoy gives them: roots, one per configuration, and streams.

use std::cell::RefCell;
use std::rc::Rc;

use policy_core::Plugin;
use policy_core::ids::Ids;

use crate::asks::{Asks, Sizes};
use crate::generation::Generation;
use crate::root::Root;
use crate::stream::{Outcome, Seat};

/// What Envoy calls in a module, whatever its plugin: the callbacks of proxy-wasm ABI 0.2.1 that filters of ours use.
///
/// During a call the host's functions work on the context it is made for. Ids are never used twice within a VM.
pub trait Callbacks {
    /// `proxy_on_context_create`: a stream under a root, or a root when `root` is 0.
    fn create_context(&self, id: u32, root: u32);
    /// `proxy_on_configure`: false refuses the configuration at hand.
    fn configure(&self, root: u32) -> bool;
    /// `proxy_on_tick`.
    fn tick(&self, root: u32);
    /// `proxy_on_http_call_response`: for the root context, whichever context sent the call.
    fn http_call_response(&self, id: u32, token: u32, sizes: Sizes);
    /// `proxy_on_request_headers`: true lets the request pass, false pauses it.
    fn request_headers(&self, id: u32) -> bool;
    /// `proxy_on_response_headers`: as the request's.
    fn response_headers(&self, id: u32) -> bool;
    /// `proxy_on_delete`: the context is gone.
    fn delete(&self, id: u32);
}

/// The contexts of a plugin.
pub struct Contexts<P: Plugin> {
    roots: RefCell<Ids<Rc<Root<P>>>>,
    streams: RefCell<Ids<Stream<P>>>,
    asks: Asks<P>,
}

/// A stream that a callback will still come to.
enum Stream<P: Plugin> {
    /// No phase of it has begun. Without a generation its request will be refused.
    New(Option<Rc<Generation<P>>>),
    /// It waits, or has a response or an end to come.
    Begun(Rc<Seat<P>>),
}

impl<P: Plugin> Contexts<P> {
    /// A VM that has just started.
    #[must_use]
    pub const fn new() -> Self {
        Self { roots: RefCell::new(Ids::new()), streams: RefCell::new(Ids::new()), asks: Asks::new() }
    }

    fn root(&self, id: u32) -> Option<Rc<Root<P>>> {
        self.roots.borrow().get(id).map(Rc::clone)
    }

    /// Takes a stream out: nothing stays borrowed while a policy works.
    ///
    /// One that Envoy never announced has no generation, and is refused like any other without.
    fn take(&self, id: u32) -> Rc<Seat<P>> {
        match self.streams.borrow_mut().remove(id) {
            Some(Stream::Begun(seat)) => seat,
            Some(Stream::New(generation)) => Rc::new(Seat::new(id, generation)),
            None => Rc::new(Seat::new(id, None)),
        }
    }

    /// Keeps a stream for the callbacks to come. One that has none is over.
    fn keep(&self, id: u32, seat: Rc<Seat<P>>, more: bool) {
        if P::CALLBACKS.end || more {
            self.streams.borrow_mut().insert(id, Stream::Begun(seat));
        }
    }
}

impl<P: Plugin> Default for Contexts<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Plugin> Callbacks for Contexts<P> {
    fn create_context(&self, id: u32, root: u32) {
        if root == 0 {
            self.roots.borrow_mut().insert(id, Rc::new(Root::new(id)));
        } else {
            let generation = self.roots.borrow().get(root).and_then(|root| root.current());
            self.streams.borrow_mut().insert(id, Stream::New(generation));
        }
    }

    fn configure(&self, root: u32) -> bool {
        self.root(root).is_some_and(|root| root.configure(&self.asks))
    }

    fn tick(&self, root: u32) {
        if let Some(root) = self.root(root) {
            root.tick(&self.asks);
        }
    }

    fn http_call_response(&self, id: u32, token: u32, sizes: Sizes) {
        // Tokens are of one sequence per VM: whose context this is does not matter.
        if P::CALLBACKS.asks && self.asks.answered(token, sizes) {
            return;
        }
        if let Some(root) = self.root(id) {
            root.answered(&self.asks, token, sizes);
        }
    }

    fn request_headers(&self, id: u32) -> bool {
        let seat = self.take(id);
        let outcome = seat.request_headers(&self.asks);
        self.keep(id, seat, P::CALLBACKS.response_headers || matches!(outcome, Outcome::Waits));
        outcome.passes()
    }

    fn response_headers(&self, id: u32) -> bool {
        let seat = self.take(id);
        let outcome = seat.response_headers();
        self.keep(id, seat, false);
        outcome.passes()
    }

    fn delete(&self, id: u32) {
        // Nothing stays borrowed while a policy works.
        let stream = self.streams.borrow_mut().remove(id);
        match stream {
            Some(Stream::Begun(seat)) if P::CALLBACKS.end => return seat.end(),
            Some(_) => return,
            None => {}
        }
        let root = self.roots.borrow_mut().remove(id);
        if let Some(root) = root {
            root.end();
            self.asks.forget(id);
        }
    }
}

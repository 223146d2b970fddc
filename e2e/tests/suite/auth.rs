//! Authentication and authorization, as an operator would configure it and as a client would meet it.

mod algorithms;
mod certificates;
mod credentials;
mod demo;
mod hostile;
pub(crate) mod identity;
mod introspection;
mod keys;
pub(crate) mod replies;
mod rotation;
mod services;
mod stripping;
pub(crate) mod verbatim;
pub(crate) mod world;

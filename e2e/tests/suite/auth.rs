//! Authentication and authorization, as an operator would configure it and as a client would meet it.

mod algorithms;
mod certificates;
mod credentials;
mod demo;
mod hostile;
mod identity;
mod introspection;
mod keys;
mod replies;
mod rotation;
mod services;
mod stripping;
mod verbatim;
pub(crate) mod world;

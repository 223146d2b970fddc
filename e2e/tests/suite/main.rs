//! The end-to-end suite, on a real Envoy. `make e2e` runs it.
//!
//! Every case goes through the tool's own translation, and after every hostile input a plain request on the same and
//! only worker must be answered with 200: a worker that a trap has taken down is seen at once.

#[cfg(test)]
mod attach;
#[cfg(test)]
mod auth;
#[cfg(test)]
mod budget;
#[cfg(test)]
mod churn;
#[cfg(test)]
mod edge;
#[cfg(test)]
mod features;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod limitador;
#[cfg(test)]
mod live_swap;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod ratelimit;
#[cfg(test)]
mod registry;
#[cfg(test)]
mod render;
#[cfg(test)]
mod secure;
#[cfg(test)]
mod status;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tool;
#[cfg(test)]
mod verbatim;

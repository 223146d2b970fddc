//! The workloads for cases that `e2e/kind/workloads` has: each mesh takes one, and gives it back.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};

use super::kubectl::Kubectl;
use super::overlay::Modules;
use super::{CONTEXT, NAMESPACE};
use crate::mesh::MeshError;

/// `case-0` and `case-1`: who has one.
static TAKEN: Mutex<[bool; 2]> = Mutex::new([false; 2]);
/// The port of this machine that `case-0` is reached at; the others follow.
const FIRST_PORT: u16 = 30081;

/// Where a mesh finds its parts; tests put others in their place.
#[derive(Debug)]
pub struct Places {
    /// How the cluster is asked.
    pub kubectl: Kubectl,
    /// The label `app` of the workload, which is also the prefix of its plugins.
    pub workload: String,
    /// Where requests go.
    pub address: SocketAddr,
    /// Where agents fetch modules.
    pub modules: Modules,
    pub(super) _lease: Option<Lease>,
}

/// The right to a workload.
#[derive(Debug)]
pub(super) struct Lease(usize);

impl Places {
    /// A free workload of the suite's cluster.
    ///
    /// # Errors
    /// When there is none left, or no module has been pushed.
    pub fn next() -> Result<Self, MeshError> {
        let modules = Modules::of_environment().map_err(MeshError::Setup)?;
        let lease = Lease::take().ok_or_else(|| {
            MeshError::Setup("all workloads that e2e/kind has for cases are taken".to_owned())
        })?;
        let number = u16::try_from(lease.0).unwrap_or_default();
        Ok(Self {
            kubectl: Kubectl::new("kubectl", CONTEXT, NAMESPACE),
            workload: format!("case-{number}"),
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, FIRST_PORT.saturating_add(number))),
            modules,
            _lease: Some(lease),
        })
    }
}

impl Lease {
    fn take() -> Option<Self> {
        let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        let (number, free) = taken.iter_mut().enumerate().find(|(_, taken)| !**taken)?;
        *free = true;
        Some(Self(number))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = taken.get_mut(self.0) {
            *taken = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workload_is_had_by_one_and_free_again_when_given_back() {
        let first = Lease::take().unwrap();
        let second = Lease::take().unwrap();
        assert_ne!(first.0, second.0);
        assert!(Lease::take().is_none());
        let number = first.0;
        drop(first);
        assert_eq!(Lease::take().unwrap().0, number);
    }
}

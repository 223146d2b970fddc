//! What only a mesh shows: sidecar, gateway and waypoint, identity by mutual TLS, modules swapped by digest.
//!
//! Needs the cluster of `scripts/kind.sh`, so no plain `cargo test` runs it: `make e2e-kind` does, one case after the other.

#[cfg(test)]
mod identity;
#[cfg(test)]
mod overlay;
#[cfg(test)]
mod places;
#[cfg(test)]
mod support;
#[cfg(test)]
mod swap;

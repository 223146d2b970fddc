//! Numbers of errands: whose it is in the high byte, which of theirs in the rest.

/// How many numbers one slot has.
pub(crate) const LOCALS: u32 = 1 << 24;

/// The number of a slot's errand, as [`policy_core::Outside::send`] takes it. `local` counts modulo 2^24.
#[must_use]
pub const fn errand(slot: u8, local: u32) -> u32 {
    ((slot as u32) << 24) | (local % LOCALS)
}

/// Slot and local number of an errand.
///
/// ```
/// assert_eq!(idp::split(idp::errand(7, 300)), (7, 300));
/// ```
#[must_use]
pub const fn split(errand: u32) -> (u8, u32) {
    ((errand >> 24) as u8, errand % LOCALS)
}

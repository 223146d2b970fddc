//! Each feature of the header filter, as an operator would write it.

mod cookies;
mod filter_state;
mod matching;
mod refusals;
pub(crate) mod replies;
mod request_id;
mod rules;
mod security;
mod values;

//! What the JSON Schema says across fields.

use policy_core::schema::{at_least_one, filled, flagged, given};
use schemars::Schema;

pub(crate) fn edits(schema: &mut Schema) {
    let edits = ["set", "add", "addIfAbsent", "setIfPresent", "remove", "rename", "copy"];
    at_least_one(schema, edits.map(filled));
}

pub(crate) fn rule(schema: &mut Schema) {
    at_least_one(schema, ["request", "response"].map(given));
}

pub(crate) fn cookies(schema: &mut Schema) {
    at_least_one(schema, [flagged("secure"), flagged("httpOnly"), given("sameSite"), given("path")]);
}

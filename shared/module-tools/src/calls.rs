//! Which functions a function names in its code.

use std::collections::BTreeSet;

use walrus::ir::{Call, RefFunc, Visitor, dfs_in_order};
use walrus::{FunctionId, LocalFunction};

/// The functions that this one calls, or whose address it takes by their number.
pub(crate) fn called(function: &LocalFunction) -> BTreeSet<FunctionId> {
    let mut called = Called(BTreeSet::new());
    dfs_in_order(&mut called, function, function.entry_block());
    called.0
}

struct Called(BTreeSet<FunctionId>);

impl<'i> Visitor<'i> for Called {
    fn visit_call(&mut self, call: &Call) {
        self.0.insert(call.func);
    }

    fn visit_ref_func(&mut self, function: &RefFunc) {
        self.0.insert(function.func);
    }
}

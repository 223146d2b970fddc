//! Taking out what nothing refers to, data included.
//!
//! Garbage collection alone keeps all data, and every function whose address stands somewhere in it: the texts and the
//! tables of methods of all that was muted or dropped after linking. With the linker's notes ([`Links`]) it is known what
//! still leads to them.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use walrus::ir::Value;
use walrus::{ConstExpr, DataKind, ElementItems, ExportItem, FunctionBuilder, FunctionId, MemoryId, Module};

use crate::links::{Links, Target};

/// Gaps up to this size are kept: a segment of its own takes as much.
const GAP: usize = 12;

/// Takes unreachable functions out of the table and unreachable bytes out of the memory. Nothing moves.
///
/// `indices` has the functions in the order of the module that `links` was read from; what `rewritten` functions named before
/// they were rewritten does not count.
pub(crate) fn prune(
    module: &mut Module,
    links: &Links,
    indices: &[FunctionId],
    rewritten: &BTreeSet<FunctionId>,
) {
    let reached = reach(module, links, indices, rewritten);
    let live_functions = reached.iter().filter_map(|target| match target {
        Target::Function(index) => indices.get(*index).copied(),
        Target::Data(_) => None,
    });
    let live_functions: BTreeSet<FunctionId> = live_functions.collect();
    let mut trap = FunctionBuilder::new(&mut module.types, &[], &[]);
    trap.func_body().unreachable();
    let trap = trap.finish(Vec::new(), &mut module.funcs);
    for element in module.elements.iter_mut() {
        if let ElementItems::Functions(functions) = &mut element.items {
            functions.iter_mut().filter(|id| !live_functions.contains(id)).for_each(|id| *id = trap);
        }
    }
    let mut live: HashMap<usize, Vec<Range<usize>>> = HashMap::new();
    for (place, piece) in links.data.iter().enumerate() {
        if reached.contains(&Target::Data(place)) && !piece.range.is_empty() {
            live.entry(piece.segment).or_default().push(piece.range.clone());
        }
    }
    cut(module, live);
}

/// All that the exports, the start, and data that belongs to no symbol lead to.
fn reach(
    module: &Module,
    links: &Links,
    indices: &[FunctionId],
    rewritten: &BTreeSet<FunctionId>,
) -> BTreeSet<Target> {
    let exported = module.exports.iter().filter_map(|export| match export.item {
        ExportItem::Function(id) => Some(id),
        _ => None,
    });
    let roots: BTreeSet<FunctionId> = exported.chain(module.start).collect();
    let starts = indices.iter().enumerate().filter(|(_, id)| roots.contains(id));
    let mut next: Vec<Target> = starts.map(|(index, _)| Target::Function(index)).collect();
    next.extend(&links.loose);
    let mut reached = BTreeSet::new();
    while let Some(target) = next.pop() {
        if !reached.insert(target) {
            continue;
        }
        let targets = match target {
            Target::Function(index) if indices.get(index).is_some_and(|id| rewritten.contains(id)) => None,
            Target::Function(index) => links.functions.get(index),
            Target::Data(place) => links.data.get(place).map(|piece| &piece.targets),
        };
        next.extend(targets.into_iter().flatten());
    }
    reached
}

/// Leaves of each segment what is in `live`, at its address.
fn cut(module: &mut Module, mut live: HashMap<usize, Vec<Range<usize>>>) {
    let segments: Vec<_> = module.data.iter().map(|data| data.id()).collect();
    for (number, id) in segments.into_iter().enumerate() {
        let data = module.data.get(id);
        let DataKind::Active { memory, offset: ConstExpr::Value(Value::I32(at)) } = data.kind else {
            continue;
        };
        let value = data.value.clone();
        for range in joined(live.remove(&number).unwrap_or_default()) {
            let Some(bytes) = value.get(range.clone()) else { continue };
            add(module, memory, at.saturating_add_unsigned(range.start as u32), bytes.to_vec());
        }
        module.memories.get_mut(memory).data_segments.remove(&id);
        module.data.delete(id);
    }
}

fn add(module: &mut Module, memory: MemoryId, at: i32, bytes: Vec<u8>) {
    let offset = ConstExpr::Value(Value::I32(at));
    let id = module.data.add(DataKind::Active { memory, offset }, bytes);
    module.memories.get_mut(memory).data_segments.insert(id);
}

/// The ranges in order, without overlaps and small gaps.
fn joined(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|range| range.start);
    let mut joined: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end.saturating_add(GAP) => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_joined_over_small_gaps() {
        let ranges = vec![100..110, 0..4, 2..10, 20..30, 43..44, 110..120];
        assert_eq!(joined(ranges), [0..30, 43..44, 100..120]);
        assert_eq!(joined(Vec::new()), []);
    }
}

//! Taking out what nothing refers to, data included.
//!
//! Garbage collection alone keeps all data, and every function whose address stands somewhere in it: the texts and the
//! tables of methods of all that was muted or dropped after linking. With the linker's notes ([`Links`]) it is known what
//! still leads to them.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use walrus::ir::Value;
use walrus::{
    ConstExpr, DataKind, ElementItems, ExportItem, FunctionBuilder, FunctionId, FunctionKind, GlobalKind,
    MemoryId, Module,
};

use crate::calls::called;
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
        if reached.contains(&Target::Data(place)) {
            live.entry(piece.segment).or_default().push(piece.range.clone());
        }
    }
    for (segment, range) in nobodys(module, links) {
        live.entry(segment).or_default().push(range);
    }
    cut(module, live);
}

/// The bytes that belong to no symbol: nobody can tell whether they are needed.
fn nobodys(module: &Module, links: &Links) -> Vec<(usize, Range<usize>)> {
    let mut found = Vec::new();
    for (segment, data) in module.data.iter().enumerate() {
        let pieces = links.data.iter().filter(|piece| piece.segment == segment);
        let mut end = 0;
        for piece in joined(pieces.map(|piece| piece.range.clone()).collect(), 0) {
            found.push((segment, end..piece.start));
            end = piece.end;
        }
        found.push((segment, end..data.value.len()));
    }
    // Between two pieces stand zeros, for the sake of their places.
    let is_needed = |(segment, range): &(usize, Range<usize>)| {
        let data = module.data.iter().nth(*segment);
        data.and_then(|data| data.value.get(range.clone()))
            .is_some_and(|bytes| bytes.iter().any(|byte| *byte != 0))
    };
    found.retain(is_needed);
    found
}

/// All that the exports, the start, tables that are not lists of functions, and data that belongs to no symbol lead to.
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
    let listed = module.elements.iter().flat_map(|element| match &element.items {
        ElementItems::Expressions(_, functions) => functions.as_slice(),
        ElementItems::Functions(_) => &[],
    });
    let listed = listed.filter_map(|function| match function {
        ConstExpr::RefFunc(id) => Some(*id),
        _ => None,
    });
    let roots: BTreeSet<FunctionId> = exported.chain(module.start).chain(listed).collect();
    let starts = indices.iter().enumerate().filter(|(_, id)| roots.contains(id));
    let mut next: Vec<Target> = starts.map(|(index, _)| Target::Function(index)).collect();
    next.extend(&links.loose);
    next.extend(at_exported_addresses(module, links));
    let calls = calls(module, indices);
    let mut reached = BTreeSet::new();
    while let Some(target) = next.pop() {
        if !reached.insert(target) {
            continue;
        }
        let targets = match target {
            Target::Function(index) if indices.get(index).is_some_and(|id| rewritten.contains(id)) => None,
            Target::Function(index) => {
                next.extend(calls.get(&index).into_iter().flatten().copied().map(Target::Function));
                links.functions.get(index)
            }
            Target::Data(place) => links.data.get(place).map(|piece| &piece.targets),
        };
        next.extend(targets.into_iter().flatten());
    }
    reached
}

/// Which functions each function names in its code. The linker has no notes on those it writes itself, such as the one that calls
/// constructors.
fn calls(module: &Module, indices: &[FunctionId]) -> HashMap<usize, BTreeSet<usize>> {
    let numbers: HashMap<FunctionId, usize> =
        indices.iter().enumerate().map(|(index, id)| (*id, index)).collect();
    let mut all = HashMap::new();
    for (id, index) in &numbers {
        if let FunctionKind::Local(function) = &module.funcs.get(*id).kind {
            all.insert(*index, called(function).iter().filter_map(|id| numbers.get(id)).copied().collect());
        }
    }
    all
}

/// The data at the addresses that exported globals are: whoever reads them reads it.
fn at_exported_addresses(module: &Module, links: &Links) -> Vec<Target> {
    let addresses: Vec<i64> =
        module.exports.iter().filter_map(|export| exported_address(module, export.item)).collect();
    let starts: Vec<Option<i64>> = module.data.iter().map(|data| start(&data.kind)).collect();
    let pieces = links.data.iter().enumerate().filter(|(_, piece)| {
        let at = starts.get(piece.segment).copied().flatten();
        let place = |offset: usize| at.map(|at| at.saturating_add_unsigned(offset as u64));
        addresses.iter().any(|address| {
            place(piece.range.start).is_some_and(|start| start <= *address)
                && place(piece.range.end).is_some_and(|end| *address < end)
        })
    });
    pieces.map(|(place, _)| Target::Data(place)).collect()
}

fn exported_address(module: &Module, item: ExportItem) -> Option<i64> {
    let ExportItem::Global(id) = item else { return None };
    match module.globals.get(id).kind {
        GlobalKind::Local(ConstExpr::Value(Value::I32(address))) => Some(i64::from(address)),
        _ => None,
    }
}

fn start(kind: &DataKind) -> Option<i64> {
    match kind {
        DataKind::Active { offset: ConstExpr::Value(Value::I32(at)), .. } => Some(i64::from(*at)),
        _ => None,
    }
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
        for range in joined(live.remove(&number).unwrap_or_default(), GAP) {
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

/// The ranges that are not empty, in order, without overlaps and gaps up to this size.
fn joined(mut ranges: Vec<Range<usize>>, gap: usize) -> Vec<Range<usize>> {
    ranges.retain(|range| !range.is_empty());
    ranges.sort_by_key(|range| range.start);
    let mut joined: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end.saturating_add(gap) => last.end = last.end.max(range.end),
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
        let ranges = vec![100..110, 0..4, 2..10, 20..30, 43..44, 35..35, 110..120];
        assert_eq!(joined(ranges.clone(), 12), [0..30, 43..44, 100..120]);
        assert_eq!(joined(ranges, 0), [0..10, 20..30, 43..44, 100..120]);
        assert_eq!(joined(Vec::new(), 12), []);
    }
}

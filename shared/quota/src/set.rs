//! Eight keys in one entry of the store. Who is least indebted makes room, and that debt is not forgotten: newcomers begin with it,
//! so that no flood of keys refills a bucket.
//!
//! In the store, little-endian: `layout u8 = 1 | windows k u8 | ways in use u8 | 0 | floor [u64; k]`, then per way
//! `print u64 | epoch u32 | held [u32; 2] | tat [u64; k]`.

use crate::plan::{MOST_WINDOWS, Ns, Plan, SLACK};
use crate::slot::Slot;

/// Keys per set.
pub const WAYS: usize = 1 << WAYS_LOG;
pub(crate) const WAYS_LOG: u32 = 3;
const LAYOUT: u8 = 1;
const HEAD: usize = 4;

/// One key of a set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Way {
    /// 0 when free.
    print: u64,
    slot: Slot,
}

/// Eight keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Set {
    floor: [Ns; MOST_WINDOWS],
    ways: [Way; WAYS],
}

/// Where a key stands in its set.
#[derive(Debug)]
pub struct Placed<'s> {
    /// The key's state.
    pub slot: &'s mut Slot,
    /// Another key, in debt still, had to make room: there are more keys than the table holds.
    pub crowded: bool,
}

impl Set {
    /// The slot of this key, made for it where it has none.
    pub fn place(&mut self, print: u64, now: Ns, plan: &Plan) -> Placed<'_> {
        let at = |wanted: u64| self.ways.iter().position(|way| way.print == wanted);
        let known = at(print);
        let at = known.or_else(|| at(0)).unwrap_or_else(|| self.least());
        // To the front, where it is found soonest.
        self.ways.swap(0, at);
        let [way, ..] = &mut self.ways;
        let mut crowded = false;
        if known.is_none() {
            right(&mut self.floor, now, plan);
            if way.print != 0 {
                for (floor, debt) in self.floor.iter_mut().zip(way.slot.debts(now, plan)) {
                    crowded |= debt > now;
                    *floor = debt.max(*floor);
                }
            }
            *way = Way { print, slot: Slot::indebted(&self.floor, now, plan) };
        }
        Placed { slot: &mut way.slot, crowded }
    }

    fn least(&self) -> usize {
        let debt = |way: &Way| way.slot.tats.iter().copied().max();
        let least = self.ways.iter().enumerate().min_by_key(|(_, way)| debt(way));
        least.map(|(at, _)| at).unwrap_or_default()
    }
}

/// Forgets floors that no plan of the limit leads to: the clock was set back.
fn right(floor: &mut [Ns; MOST_WINDOWS], now: Ns, plan: &Plan) {
    for (floor, reach) in floor.iter_mut().zip(plan.reach) {
        if *floor > now.saturating_add(reach).saturating_add(SLACK) {
            *floor = 0;
        }
    }
}

/// Bytes from the front.
struct Reader<'b>(&'b [u8]);

impl Reader<'_> {
    fn u64(&mut self) -> Option<u64> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*bytes))
    }

    fn u32(&mut self) -> Option<u32> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_le_bytes(*bytes))
    }

    fn windows(&mut self, count: u8) -> Option<[Ns; MOST_WINDOWS]> {
        let mut values = [0; MOST_WINDOWS];
        for value in values.iter_mut().take(usize::from(count)) {
            *value = self.u64()?;
        }
        Some(values)
    }
}

impl Set {
    /// What an entry of the store holds. Anything else than a set of this layout is an empty one.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Self {
        Self::read(bytes).unwrap_or_default()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (&[LAYOUT, windows @ 1..=4, used, 0], rest) = bytes.split_first_chunk::<HEAD>()? else {
            return None;
        };
        let mut reader = Reader(rest);
        let mut set = Self { floor: reader.windows(windows)?, ..Self::default() };
        if usize::from(used) > WAYS {
            return None;
        }
        for way in set.ways.iter_mut().take(usize::from(used)) {
            way.print = reader.u64()?;
            way.slot.epoch = reader.u32()?;
            way.slot.held = [reader.u32()?, reader.u32()?];
            way.slot.tats = reader.windows(windows)?;
        }
        reader.0.is_empty().then_some(set)
    }

    /// As an entry of the store, with so many windows.
    #[must_use]
    pub fn encode(&self, windows: usize) -> Vec<u8> {
        let windows = windows.clamp(1, MOST_WINDOWS);
        let used = || self.ways.iter().filter(|way| way.print != 0);
        let mut bytes = Vec::with_capacity(Self::size(windows));
        bytes.extend_from_slice(&[LAYOUT, windows as u8, used().count() as u8, 0]);
        let put = |bytes: &mut Vec<u8>, values: &[Ns; MOST_WINDOWS]| {
            values.iter().take(windows).for_each(|value| bytes.extend_from_slice(&value.to_le_bytes()));
        };
        put(&mut bytes, &self.floor);
        for Way { print, slot } in used() {
            bytes.extend_from_slice(&print.to_le_bytes());
            bytes.extend_from_slice(&slot.epoch.to_le_bytes());
            slot.held.iter().for_each(|held| bytes.extend_from_slice(&held.to_le_bytes()));
            put(&mut bytes, &slot.tats);
        }
        bytes
    }

    /// The longest entry with so many windows, in bytes.
    #[must_use]
    pub const fn size(windows: usize) -> usize {
        let values = windows.saturating_mul(size_of::<Ns>());
        HEAD.saturating_add(values).saturating_add(WAYS.saturating_mul(values.saturating_add(20)))
    }
}

#[cfg(test)]
mod tests;

//! Who has how many requests of which key under way.
//!
//! In the store, little-endian: `layout u8 = 2 | records u8 | 0 0`, then per record `print u64 | owner u32 | count u16 | 0 0`.

/// Records of one entry: one per key and VM.
pub const MOST: usize = 32;
const LAYOUT: u8 = 2;

/// The records of one entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Records(Vec<Record>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Record {
    print: u64,
    owner: u32,
    /// Not 0.
    count: u16,
}

impl Records {
    /// What an entry of the store holds. Anything else than records of this layout is none.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Self {
        let Some((&[LAYOUT, count, 0, 0], rest)) = bytes.split_first_chunk() else { return Self::default() };
        let (records, rest) = rest.as_chunks::<16>();
        if records.len() != usize::from(count) || !rest.is_empty() || records.len() > MOST {
            return Self::default();
        }
        let record = |bytes: &[u8; 16]| {
            let (print, rest) = bytes.split_first_chunk()?;
            let (owner, rest) = rest.split_first_chunk()?;
            let count = u16::from_le_bytes(*rest.first_chunk()?);
            Some(Record { print: u64::from_le_bytes(*print), owner: u32::from_le_bytes(*owner), count })
        };
        Self(records.iter().filter_map(record).filter(|record| record.count > 0).collect())
    }

    /// As an entry of the store.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![LAYOUT, self.0.len() as u8, 0, 0];
        for Record { print, owner, count } in &self.0 {
            bytes.extend_from_slice(&print.to_le_bytes());
            bytes.extend_from_slice(&owner.to_le_bytes());
            bytes.extend_from_slice(&u32::from(*count).to_le_bytes());
        }
        bytes
    }

    /// Who has requests under way.
    pub fn owners(&self) -> impl Iterator<Item = u32> {
        self.0.iter().map(|record| record.owner)
    }

    /// Drops what others have left behind.
    pub fn retain(&mut self, keep: impl Fn(u32) -> bool) {
        self.0.retain(|record| keep(record.owner));
    }

    /// How many requests of this key are under way.
    #[must_use]
    pub fn count(&self, print: u64, live: impl Fn(u32) -> bool) -> u64 {
        let counted = self.0.iter().filter(|record| record.print == print && live(record.owner));
        counted.map(|record| u64::from(record.count)).fold(0, u64::saturating_add)
    }

    /// Counts one in. False when there is no room: the dead make room, and nobody else.
    pub fn add(&mut self, print: u64, owner: u32, live: impl Fn(u32) -> bool) -> bool {
        if let Some(record) = self.find(print, owner) {
            let room = record.count < u16::MAX;
            record.count = record.count.saturating_add(1);
            return room;
        }
        if self.0.len() >= MOST {
            self.retain(live);
        }
        let room = self.0.len() < MOST;
        if room {
            self.0.push(Record { print, owner, count: 1 });
        }
        room
    }

    /// Counts some out. False when they are not there.
    pub fn subtract(&mut self, print: u64, owner: u32, count: u32) -> bool {
        let Some(record) = self.find(print, owner) else { return false };
        record.count = record.count.saturating_sub(u16::try_from(count).unwrap_or(u16::MAX));
        self.0.retain(|record| record.count > 0);
        true
    }

    fn find(&mut self, print: u64, owner: u32) -> Option<&mut Record> {
        self.0.iter_mut().find(|record| record.print == print && record.owner == owner)
    }
}

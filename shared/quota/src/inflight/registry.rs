//! Who is there, and who is alive. Beats are counted, not timed: no step of a clock makes a VM look dead.
//!
//! In the store, little-endian: `layout u8 = 1 | VMs u8 | 0 0`, then per VM `id u32 | beat u32`.

/// VMs of one proxy.
pub const MOST: usize = 128;
/// Ticks after which a VM that did not beat counts as dead.
const DEAD: u8 = 3;
/// Ticks after which its place is for others.
const GONE: u8 = 30;
const LAYOUT: u8 = 1;

/// Who is there: id and beat.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registry(Vec<(u32, u32)>);

impl Registry {
    /// What an entry of the store holds. Anything else than a registry of this layout is an empty one.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Self {
        let Some((&[LAYOUT, count, 0, 0], rest)) = bytes.split_first_chunk() else { return Self::default() };
        let (pairs, rest) = rest.as_chunks::<8>();
        if pairs.len() != usize::from(count) || !rest.is_empty() || pairs.len() > MOST {
            return Self::default();
        }
        let number = |bytes: [u8; 4]| u32::from_le_bytes(bytes);
        let pair = |[a, b, c, d, e, f, g, h]: &[u8; 8]| (number([*a, *b, *c, *d]), number([*e, *f, *g, *h]));
        Self(pairs.iter().map(pair).collect())
    }

    /// As an entry of the store.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![LAYOUT, self.0.len() as u8, 0, 0];
        for (id, beat) in &self.0 {
            bytes.extend_from_slice(&id.to_le_bytes());
            bytes.extend_from_slice(&beat.to_le_bytes());
        }
        bytes
    }

    /// True when this VM is there.
    #[must_use]
    pub fn has(&self, id: u32) -> bool {
        self.0.iter().any(|(known, _)| *known == id)
    }

    /// Adds a beat, and the VM if it is not there. False when there is no room.
    pub fn beat(&mut self, id: u32) -> bool {
        if let Some((_, beat)) = self.0.iter_mut().find(|(known, _)| *known == id) {
            *beat = beat.wrapping_add(1);
            return true;
        }
        let room = self.0.len() < MOST;
        if room {
            self.0.push((id, 1));
        }
        room
    }

    /// Removes VMs.
    pub fn remove(&mut self, gone: impl Fn(u32) -> bool) {
        self.0.retain(|(id, _)| !gone(*id));
    }
}

/// What one VM has seen of the others.
#[derive(Debug, Clone, Default)]
pub struct Observer(Vec<Seen>);

#[derive(Debug, Clone)]
struct Seen {
    id: u32,
    beat: u32,
    /// For how many ticks the beat stood still.
    still: u8,
}

impl Observer {
    /// False for a VM that is dead, and for one that is not in the registry.
    #[must_use]
    pub fn live(&self, id: u32) -> bool {
        self.0.iter().any(|seen| seen.id == id && seen.still < DEAD)
    }

    /// True for a VM that was in the registry at the last look.
    #[must_use]
    pub fn knows(&self, id: u32) -> bool {
        self.0.iter().any(|seen| seen.id == id)
    }

    /// True for a VM whose place is for others.
    #[must_use]
    pub fn gone(&self, id: u32) -> bool {
        self.0.iter().any(|seen| seen.id == id && seen.still >= GONE)
    }

    /// Takes note of who has come or has beaten. Ages nobody.
    pub fn look(&mut self, registry: &Registry) {
        self.update(registry, 0);
    }

    /// The same, and whose beat stands still has done so for one more tick.
    pub fn tick(&mut self, registry: &Registry) {
        self.update(registry, 1);
    }

    fn update(&mut self, registry: &Registry, ticks: u8) {
        let seen = |(id, beat): &(u32, u32)| match self.0.iter().find(|seen| seen.id == *id) {
            Some(seen) if seen.beat == *beat => {
                Seen { still: seen.still.saturating_add(ticks), ..seen.clone() }
            }
            _ => Seen { id: *id, beat: *beat, still: 0 },
        };
        self.0 = registry.0.iter().map(seen).collect();
    }
}

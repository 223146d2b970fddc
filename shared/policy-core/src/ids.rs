//! Values by ids of a sequence that somebody else counts, such as Envoy's of contexts and of callouts.

/// A map by ids that mostly grow.
///
/// A sorted list: a new id goes to its end, and one that is removed leaves its place empty until half of all are. So any of very
/// many can go first, at no more than a search. An id that is smaller than others, as when the sequence begins again, moves those.
///
/// ```
/// use policy_core::ids::Ids;
/// let mut ids = Ids::new();
/// ids.insert(7, "a");
/// assert_eq!(ids.get(7), Some(&"a"));
/// assert_eq!(ids.remove(7), Some("a"));
/// assert_eq!(ids.get(7), None);
/// ```
pub struct Ids<V> {
    places: Vec<(u32, Option<V>)>,
    /// How many places are empty.
    empty: usize,
}

impl<V> Ids<V> {
    /// An empty map.
    #[must_use]
    pub const fn new() -> Self {
        Self { places: Vec::new(), empty: 0 }
    }

    /// The value of this id.
    #[must_use]
    pub fn get(&self, id: u32) -> Option<&V> {
        let (_, value) = self.places.get(self.find(id).ok()?)?;
        value.as_ref()
    }

    /// Puts in a value in place of the one before.
    pub fn insert(&mut self, id: u32, value: V) {
        if let Ok(at) = self.find(id)
            && let Some((_, place)) = self.places.get_mut(at)
        {
            self.empty = self.empty.saturating_sub(usize::from(place.is_none()));
            *place = Some(value);
            return;
        }
        if self.empty > self.places.len() / 2 {
            self.retain(|_| true);
        }
        let (Ok(at) | Err(at)) = self.find(id);
        self.places.insert(at, (id, Some(value)));
    }

    /// Takes the value of this id out.
    pub fn remove(&mut self, id: u32) -> Option<V> {
        let at = self.find(id).ok()?;
        let value = self.places.get_mut(at)?.1.take()?;
        self.empty = self.empty.saturating_add(1);
        Some(value)
    }

    /// Keeps what is to be kept.
    pub fn retain(&mut self, mut keep: impl FnMut(&V) -> bool) {
        self.places.retain(|(_, value)| value.as_ref().is_some_and(&mut keep));
        self.empty = 0;
    }

    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len().saturating_sub(self.empty)
    }

    /// True when there are no values.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where an id stands, or would.
    fn find(&self, id: u32) -> Result<usize, usize> {
        match self.places.last() {
            Some((last, _)) if *last >= id => self.places.binary_search_by_key(&id, |(id, _)| *id),
            _ => Err(self.places.len()),
        }
    }
}

impl<V> Default for Ids<V> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn what_goes_out_and_comes_back_is_there() {
        let mut ids = Ids::new();
        for id in [3, 1, 2, u32::MAX, 0] {
            ids.insert(id, id);
        }
        assert_eq!((ids.remove(2), ids.remove(2), ids.get(2), ids.len()), (Some(2), None, None, 4));
        ids.insert(2, 5);
        ids.insert(2, 6);
        assert_eq!((ids.get(2), ids.get(u32::MAX), ids.len()), (Some(&6), Some(&u32::MAX), 5));
        ids.retain(|value| *value > 2);
        assert_eq!((ids.get(1), ids.get(2), ids.len()), (None, Some(&6), 3));
    }

    #[test]
    fn empty_places_are_used_again() {
        let mut ids = Ids::new();
        ids.insert(0, ());
        for id in 1..10_000 {
            ids.insert(id, ());
            assert_eq!(ids.remove(id), Some(()));
            assert!(ids.places.len() <= 3, "{}", ids.places.len());
        }
        assert_eq!((ids.len(), ids.get(0)), (1, Some(&())));
    }

    #[test]
    fn the_oldest_of_very_many_go_as_fast_as_any() {
        let mut ids = Ids::new();
        for id in 0..400_000_u32 {
            ids.insert(id, id);
            if let Some(old) = id.checked_sub(100_000) {
                assert_eq!(ids.remove(old), Some(old));
            }
            assert!(ids.places.len() <= 200_003);
        }
        assert_eq!(ids.len(), 100_000);
    }
}

//! Numbers by the prints of what they stand for.

use std::mem;

/// No number: the end of a chain.
const END: usize = usize::MAX;

/// Finds numbers, which are given from 0 on: a chain for each beginning of a print, about as many as numbers.
#[derive(Default)]
pub(super) struct Index {
    /// The first number of each chain.
    heads: Vec<usize>,
    /// The print of each number, and the next one of its chain.
    links: Vec<(u32, usize)>,
}

impl Index {
    /// The first number that may have this print; one that was never given where there is none.
    pub(super) fn first(&self, print: u32) -> usize {
        self.heads.get(chain(print, self.heads.len())).copied().unwrap_or(END)
    }

    /// The one after.
    pub(super) fn next(&self, number: usize) -> usize {
        self.links.get(number).map_or(END, |(_, next)| *next)
    }

    /// Gives the next number to a print.
    pub(super) fn push(&mut self, print: u32) {
        let number = self.links.len();
        self.links.push((print, END));
        if number < self.heads.len() {
            return self.link(number);
        }
        self.heads = vec![END; number.saturating_mul(2).max(8)];
        (0..=number).for_each(|number| self.link(number));
    }

    fn link(&mut self, number: usize) {
        let Some((print, next)) = self.links.get_mut(number) else { return };
        let chain = chain(*print, self.heads.len());
        if let Some(head) = self.heads.get_mut(chain) {
            *next = mem::replace(head, number);
        }
    }
}

/// Which of so many chains: by the print's upper bits.
fn chain(print: u32, chains: usize) -> usize {
    let scaled = u64::from(print).wrapping_mul(u64::try_from(chains).unwrap_or_default());
    usize::try_from(scaled.wrapping_shr(32)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn all(index: &Index, print: u32) -> Vec<usize> {
        let known = |number: &usize| *number < index.links.len();
        let chain = std::iter::successors(Some(index.first(print)), |number| Some(index.next(*number)));
        chain.take_while(known).filter(|number| index.links[*number].0 == print).collect()
    }

    #[test]
    fn every_number_is_found_by_its_print() {
        for spread in [0x9E37_79B9, 1, 1 << 28, 0] {
            let mut index = Index::default();
            assert!(all(&index, 0).is_empty());
            let prints: Vec<u32> = (0..1000_u32).map(|n| (n / 2).wrapping_mul(spread)).collect();
            for (number, print) in prints.iter().enumerate() {
                index.push(*print);
                assert!(all(&index, *print).contains(&number), "{number} of {spread}");
            }
            for (number, print) in prints.iter().enumerate() {
                assert!(all(&index, *print).contains(&number), "{number} of {spread}");
            }
        }
    }

    #[test]
    fn chains_are_short_when_prints_are_spread() {
        let mut index = Index::default();
        let print = |n: u32| n.wrapping_mul(0x9E37_79B9);
        (0..10_000).for_each(|n| index.push(print(n)));
        let steps = |n: u32| {
            let chain =
                std::iter::successors(Some(index.first(print(n))), |number| Some(index.next(*number)));
            chain.take_while(|number| *number < 10_000).count()
        };
        assert!((0..10_000).map(steps).all(|steps| (1..=4).contains(&steps)));
    }
}

use super::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

impl Key for usize {
    fn word(&self) -> u64 {
        u64::try_from(*self).unwrap()
    }
}

fn of(entries: usize, weight: usize) -> Recent<usize, usize> {
    Recent::new(Limits { entries, weight })
}

fn weight(recent: &Recent<usize, usize>) -> usize {
    recent.young.weight.saturating_add(recent.old.weight)
}

#[test]
fn it_never_holds_more_than_it_may() {
    for (most, heaviest) in [(100, 5000), (101, 5001), (3, 5000), (2, 5000), (1, 5000), (100, 199)] {
        let mut recent = of(most, heaviest);
        for n in 0..10_000 {
            recent.insert(n % 700, n, 10 + n % 200);
            if n % 3 == 0 {
                let _ = recent.get(&(n % 50));
            }
            let (entries, weighs) = (recent.len(), weight(&recent));
            assert!(entries <= most && weighs <= heaviest, "{entries} of {most}, {weighs} of {heaviest}");
            let counted = |generation: &Generation<usize, usize>| {
                let held = generation.entries.iter().filter_map(|(_, entry)| entry.as_ref());
                held.map(|(_, weight)| weight).sum::<usize>()
            };
            assert_eq!(weighs, counted(&recent.young) + counted(&recent.old));
        }
    }
}

#[test]
fn what_is_in_use_stays() {
    for entries in [3, 4, 10, 11] {
        let mut recent = of(entries, 1000);
        recent.insert(0, 0, 1);
        for n in 1..1000 {
            recent.insert(n, n, 1);
            assert_eq!(recent.get(&0), Some(0), "{n} of {entries}");
        }
        assert_eq!(recent.get(&1), None);
    }
}

#[test]
fn the_last_one_is_there_however_small_the_map() {
    for entries in [0, 1, 2, 3] {
        let mut recent = of(entries, 0);
        for n in 0..10 {
            recent.insert(n, n, 0);
            assert_eq!(recent.get(&n), Some(n), "{entries}");
        }
        assert_eq!(recent.get(&0), None, "{entries}");
    }
}

#[test]
fn what_is_too_heavy_or_forgotten_is_not_there() {
    let mut recent = of(10, 100);
    recent.insert(1, 1, 51);
    assert!(recent.get(&1).is_none());
    recent.insert(2, 2, 50);
    recent.insert(3, 3, 10);
    recent.remove(&2);
    assert!(recent.get(&2).is_none() && recent.get(&3).is_some());
    recent.insert(3, 4, 99);
    assert!(recent.is_empty(), "the value before is not the one of this key any more");
    recent.insert(3, 5, 10);
    recent.clear();
    assert!(recent.get(&3).is_none());
    assert_eq!((recent.len(), weight(&recent)), (0, 0));
}

#[test]
fn a_new_value_takes_the_place_of_the_one_before() {
    let mut recent = of(4, 100);
    for n in 0..100 {
        recent.insert(n % 2, n, 10);
        assert_eq!((recent.get(&(n % 2)), recent.len()), (Some(n), 2.min(n + 1)));
    }
    assert_eq!(weight(&recent), 20);
}
#[test]
fn keys_that_are_looked_for_in_one_place_are_told_apart() {
    let key = |n: u8| {
        let mut key = [7; 32];
        key[31] = n;
        key
    };
    for mut recent in [Recent::new, Recent::salted].map(|new| new(Limits { entries: 400, weight: 9 })) {
        (0..200).for_each(|n| recent.insert(key(n), n, 0));
        assert!((0..200).all(|n| recent.get(&key(n)) == Some(n)));
        assert_eq!((recent.get(&key(200)), recent.get(&[7; 32])), (None, Some(7)));
    }
    let mut recent = Recent::new(Limits { entries: 4, weight: 9 });
    recent.insert(1_u128, 1, 0);
    recent.insert(1 << 64 | 1, 2, 0);
    assert_eq!((recent.get(&1), recent.get(&(1 << 64 | 1))), (Some(1), Some(2)));
}

#[test]
fn what_comes_and_goes_takes_one_place() {
    let mut recent = of(10, 100);
    for n in 0..10 {
        recent.insert(n % 2, n, 1);
    }
    for n in 0..1000 {
        recent.remove(&0);
        recent.insert(0, n, 1);
    }
    assert_eq!((recent.young.entries.len(), recent.get(&0), recent.get(&1)), (2, Some(999), Some(9)));
}

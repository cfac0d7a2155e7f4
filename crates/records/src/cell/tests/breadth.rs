use super::*;

#[test]
fn a_sketch_is_exact_below_its_size_and_near_above() {
    let mut sketch = Kmv::default();
    let key = |n: u64| {
        let n = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (n ^ n >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9)
    };
    (0..31).for_each(|n| sketch.insert(key(n)));
    (0..31).for_each(|n| sketch.insert(key(n)));
    assert_eq!((sketch.count(), sketch.is_exact()), (31, true));
    (0..10_000).for_each(|n| sketch.insert(key(n)));
    assert!(!sketch.is_exact());
    assert!((5_000..20_000).contains(&sketch.count()), "{}", sketch.count());
}

#[test]
fn sketches_of_parts_merge_into_that_of_the_whole() {
    bolero::check!()
        .with_type::<(Vec<u64>, Vec<u64>)>()
        .for_each(|(left, right)| {
            let sketch = |keys: &mut dyn Iterator<Item = &u64>| {
                let mut sketch = Kmv::default();
                keys.for_each(|key| sketch.insert(*key));
                sketch
            };
            let mut merged = sketch(&mut left.iter());
            merged.merge(&sketch(&mut right.iter()));
            assert_eq!(merged, sketch(&mut left.iter().chain(right)));
        });
}

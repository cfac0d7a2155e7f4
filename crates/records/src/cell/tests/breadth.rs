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
fn no_estimate_says_more_networks_than_clients() {
    bolero::check!()
        .with_type::<(u16, u8, u64)>()
        .for_each(|(clients, of_network, seed)| {
            let mut breadth = Breadth::default();
            let hash = |n: u64| blobwatch_wire::splitmix(n ^ seed);
            for client in 0..u64::from(*clients) {
                let network = client / (u64::from(*of_network) + 1);
                breadth.insert(ClientKey(hash(client)), NetworkKey(hash(!network)));
            }
            let (clients, networks) = (breadth.count_clients(), breadth.count_networks());
            assert!(networks <= clients, "{clients} clients in {networks} networks");
        });
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

//! The order of an epoch.

use super::*;

fn order(seed: u64, epoch: u64, n: usize) -> Vec<u32> {
    let mut order = vec![7; 3];
    epoch_order(seed, epoch, n, &mut order);
    order
}

#[test]
fn an_epoch_s_order_follows_from_seed_and_epoch() {
    assert_eq!(order(1, 2, 500), order(1, 2, 500));
    assert_ne!(order(1, 2, 500), order(1, 3, 500));
    assert_ne!(order(1, 2, 500), order(2, 2, 500));
    // By the program in core/src/random.rs: Rng(7, 2, 5).shuffled(10).
    assert_eq!(order(7, 5, 10), [0, 9, 4, 7, 8, 3, 1, 6, 2, 5]);
}

proptest! {
    #[test]
    fn an_epoch_sees_every_sample_once(seed: u64, epoch: u64, n in 0..300_usize) {
        let mut order = order(seed, epoch, n);
        order.sort_unstable();
        prop_assert!(order.into_iter().eq(0..n as u32));
    }
}

//! The ids by which requests are told apart in answers and logs.
//!
//! They look like AWS's (a version 4 UUID) and must never be taken for secrets. Start at [`RequestIds::next`].

use std::{
    fmt::Write,
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicU64, Ordering},
};

/// An endless sequence of request ids, fixed by its seed.
#[derive(Debug)]
pub(crate) struct RequestIds {
    seed: u64,
    issued: AtomicU64,
}

impl RequestIds {
    /// The sequence of `seed`; the same seed gives the same ids.
    pub(crate) fn seeded(seed: u64) -> Self {
        Self { seed, issued: AtomicU64::new(0) }
    }

    /// A sequence that differs in each process.
    pub(crate) fn random() -> Self {
        Self::seeded(RandomState::new().hash_one(0))
    }

    /// The next id.
    pub(crate) fn next(&self) -> String {
        let number = self.issued.fetch_add(1, Ordering::Relaxed);
        let high = scramble(self.seed ^ scramble(number));
        let low = scramble(high ^ number);
        let mut id = String::with_capacity(36);
        // The version nibble is 4 and the variant bits are 10, as RFC 9562 asks for a random UUID.
        let written = write!(
            id,
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xfff,
            low >> 48 & 0x3fff | 0x8000,
            low & 0xffff_ffff_ffff
        );
        debug_assert!(written.is_ok(), "writing to a String cannot fail");
        id
    }
}

/// The finaliser of `SplitMix64`: neighbouring numbers come out unrelated.
fn scramble(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_version_4_uuids_and_never_repeat() {
        let ids = RequestIds::seeded(7);
        let seen: HashSet<String> = (0..10_000).map(|_| ids.next()).collect();
        assert_eq!(seen.len(), 10_000);
        for id in seen {
            assert_eq!(id.len(), 36);
            assert_eq!(id.as_bytes()[14], b'4', "{id}");
            assert!(matches!(id.as_bytes()[19], b'8' | b'9' | b'a' | b'b'), "{id}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_ids() {
        assert_eq!(RequestIds::seeded(3).next(), RequestIds::seeded(3).next());
        assert_ne!(RequestIds::seeded(3).next(), RequestIds::seeded(4).next());
    }
}

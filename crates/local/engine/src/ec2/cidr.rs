//! IPv4 CIDR blocks.

use std::net::Ipv4Addr;

/// A block in its canonical form: no bit set behind the prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cidr {
    first: u32,
    prefix: u8,
}

impl Cidr {
    /// Reads `10.0.0.0/16`. Bits behind the prefix are taken away, as EC2 does it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/')?;
        let address: Ipv4Addr = address.parse().ok()?;
        let prefix: u8 = prefix.parse().ok().filter(|prefix| *prefix <= 32)?;
        Some(Self { first: address.to_bits() & mask(prefix), prefix })
    }

    /// How many bits are the network's: 0–32.
    pub(super) fn prefix(self) -> u8 {
        self.prefix
    }

    /// Whether all of `other` is in this block.
    pub(super) fn contains(self, other: Self) -> bool {
        self.prefix <= other.prefix && other.first & mask(self.prefix) == self.first
    }

    /// Whether some address is in both.
    pub(super) fn overlaps(self, other: Self) -> bool {
        self.contains(other) || other.contains(self)
    }

    /// The addresses that a subnet of this block can give away: AWS keeps five.
    pub(super) fn usable(self) -> u32 {
        (1_u32.checked_shl(u32::from(32 - self.prefix)).unwrap_or(u32::MAX)).saturating_sub(5)
    }

    /// The address `at` places behind the first.
    pub(super) fn address(self, at: u32) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.first.wrapping_add(at))
    }
}

impl std::fmt::Display for Cidr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from_bits(self.first), self.prefix)
    }
}

fn mask(prefix: u8) -> u32 {
    u32::MAX.checked_shl(u32::from(32 - prefix)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_canonical_and_know_what_they_hold() {
        let block = |text| Cidr::parse(text).unwrap();
        assert_eq!(block("100.68.0.18/18").to_string(), "100.68.0.0/18");
        assert_eq!(block("0.0.0.0/0").to_string(), "0.0.0.0/0");
        assert!(block("10.0.0.0/16").contains(block("10.0.3.0/24")));
        assert!(!block("10.0.0.0/16").contains(block("10.1.0.0/24")));
        assert!(block("10.0.3.0/24").overlaps(block("10.0.0.0/16")));
        assert_eq!(block("10.0.3.0/24").usable(), 251);
        for text in ["10.0.0.0", "10.0.0/8", "10.0.0.0/33", "x/8", ""] {
            assert_eq!(Cidr::parse(text), None);
        }
    }
}

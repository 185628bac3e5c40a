//! Whose call it is, and the ids and ARNs that AWS would make.
//!
//! ARNs embed the account and the region, so they serve as keys of one state for all accounts and regions.

use serde::{Deserialize, Serialize};

/// The account and region that a call is made in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Scope {
    /// Twelve digits.
    pub account: String,
    /// For example `eu-west-1`.
    pub region: String,
}

impl Scope {
    /// The scope of what has this ARN.
    pub fn of_arn(arn: &str) -> Self {
        let mut parts = arn.splitn(6, ':').skip(3).map(str::to_owned);
        let region = parts.next().unwrap_or_default();
        Self { account: parts.next().unwrap_or_default(), region }
    }

    /// The ARN of `resource` of `service` in this scope.
    pub fn arn(&self, service: &str, resource: impl std::fmt::Display) -> String {
        format!("arn:aws:{service}:{}:{}:{resource}", self.region, self.account)
    }
}

/// Draws the random ids of AWS's forms from a seed.
#[derive(Debug)]
pub(crate) struct Ids(fastrand::Rng);

impl Ids {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// `length` lower-case hexadecimal digits: tasks have 32, balancers and target groups 16.
    pub(crate) fn hex(&mut self, length: usize) -> String {
        (0..length).map(|_| char::from(b"0123456789abcdef"[self.0.usize(..16)])).collect()
    }

    /// 19 decimal digits, the first one not zero: deployments and service revisions.
    pub(crate) fn digits19(&mut self) -> String {
        self.0.u64(1_000_000_000_000_000_000..10_000_000_000_000_000_000).to_string()
    }

    /// 21 characters of `A–Z a–z 0–9 _ -`: service deployments.
    pub(crate) fn token21(&mut self) -> String {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
        (0..21).map(|_| char::from(ALPHABET[self.0.usize(..64)])).collect()
    }

    /// `d-` and nine upper-case letters and digits: deployments of CodeDeploy.
    pub(crate) fn deployment(&mut self) -> String {
        const ALPHABET: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        let id: String = (0..9).map(|_| char::from(ALPHABET[self.0.usize(..36)])).collect();
        format!("d-{id}")
    }

    /// Six letters and digits: the end of a secret's ARN.
    pub(crate) fn suffix6(&mut self) -> String {
        (0..6).map(|_| self.0.alphanumeric()).collect()
    }

    /// What a key service might have made of `length` bytes: base64 of noise.
    pub(crate) fn ciphertext(&mut self, length: usize) -> String {
        const OVERHEAD: usize = 150;
        let noise = (0..(length + OVERHEAD).div_ceil(3) * 4).map(|_| self.0.alphanumeric());
        "AQICAHh0".chars().chain(noise).collect()
    }

    /// A positive number that nothing else has.
    pub(crate) fn number(&mut self) -> i64 {
        self.0.i64(1..)
    }

    /// An index below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0.usize(..end)
    }

    /// `prefix` and 17 upper-case letters and digits: roles, policies and instance profiles of IAM.
    pub(crate) fn unique(&mut self, prefix: &str) -> String {
        const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let id: String = (0..17).map(|_| char::from(ALPHABET[self.0.usize(..32)])).collect();
        format!("{prefix}{id}")
    }

    /// A version 4 UUID in its usual text form: service events, attachments.
    pub(crate) fn uuid(&mut self) -> String {
        let bits = self.0.u128(..);
        let bits = (bits & !(0xf << 76) | (0x4 << 76)) & !(0x3 << 62) | (0x2 << 62);
        let hex = format!("{bits:032x}");
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_forms_that_aws_gives_them() {
        let mut ids = Ids::seeded(7);
        assert_eq!(ids.hex(32).len(), 32);
        assert_eq!(ids.digits19().len(), 19);
        assert_eq!(ids.token21().len(), 21);
        let uuid = ids.uuid();
        assert_eq!((uuid.len(), &uuid[14..15]), (36, "4"));
        assert!("89ab".contains(&uuid[19..20]));
    }
}

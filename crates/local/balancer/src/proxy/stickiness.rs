//! The cookies by which a client stays with a group or a target.
//!
//! Like AWS's they tell their reader nothing; unlike AWS's they are no secret, since whoever can forge one only chooses
//! among targets of the same machine. They outlive a restart, because ids follow from names. Start at
//! [`StickyCookie`].

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderValue, header::COOKIE};
use sha2::{Digest as _, Sha256};
use tidegate_clock::Timestamp;

/// The cookies of group stickiness.
pub(crate) const GROUP_COOKIE: &str = "AWSALBTG";
/// The cookie of target stickiness with the balancer's own cookie.
pub(crate) const TARGET_COOKIE: &str = "AWSALB";
/// The cookie of target stickiness with the application's.
pub(crate) const APP_TARGET_COOKIE: &str = "AWSALBAPP-0";

const KEY: &[u8] = b"tidegate stickiness 1";

/// What a cookie says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StickyCookie {
    /// Of the group or the target.
    pub(crate) id: u64,
    /// After this it counts as absent.
    pub(crate) expires: Timestamp,
}

impl StickyCookie {
    /// As a cookie's value: hexadecimal digits.
    pub(crate) fn encode(self, nonce: u32) -> String {
        let nonce = nonce.to_be_bytes();
        let mut payload = [0; 16];
        payload[..8].copy_from_slice(&self.id.to_be_bytes());
        payload[8..].copy_from_slice(&self.expires.as_millis().to_be_bytes());
        let tag = tag(nonce, payload);
        let masked = masked(nonce, payload);
        let bytes = nonce.into_iter().chain(masked).chain(tag);
        bytes.fold(String::with_capacity(48), |mut text, byte| {
            for digit in [byte >> 4, byte & 0xf] {
                text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
            }
            text
        })
    }

    /// What [`encode`](Self::encode) made; `None` for anything else.
    pub(crate) fn decode(text: &str) -> Option<Self> {
        if text.len() != 48 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let mut bytes = [0; 24];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
        }
        let nonce: [u8; 4] = bytes[..4].try_into().ok()?;
        let payload = masked(nonce, bytes[4..20].try_into().ok()?);
        if tag(nonce, payload) != bytes[20..] {
            return None;
        }
        Some(Self {
            id: u64::from_be_bytes(payload[..8].try_into().ok()?),
            expires: Timestamp::from_millis(i64::from_be_bytes(payload[8..].try_into().ok()?)),
        })
    }

    /// The id in the request's cookie of this name, as long as it holds.
    pub(crate) fn read(headers: &HeaderMap, name: &str, now: Timestamp) -> Option<u64> {
        cookies(headers, name)
            .filter_map(Self::decode)
            .find(|cookie| now < cookie.expires)
            .map(|cookie| cookie.id)
    }
}

/// A number that stands for a group or a target, the same after every restart.
pub(crate) fn sticky_id(parts: &[&str]) -> u64 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    u64::from_be_bytes(first_bytes(&hash.finalize()))
}

/// The values of a request's cookies of this name.
pub(crate) fn cookies<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(COOKIE)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(move |(found, _)| *found == name)
        .map(|(_, value)| value)
}

/// The `Set-Cookie` fields for `value`: the plain one, and the one for requests across sites. `lifetime` is in real
/// time, since the client's clock is.
pub(crate) fn set_cookies(name: &str, value: &str, lifetime: Duration) -> Vec<HeaderValue> {
    let expires = httpdate::fmt_http_date(SystemTime::now() + lifetime);
    let plain = format!("{name}={value}; Expires={expires}; Path=/");
    let across_sites = format!("{name}CORS={value}; Expires={expires}; Path=/; SameSite=None");
    let of_application = name == APP_TARGET_COOKIE;
    [Some(plain), (!of_application).then_some(across_sites)]
        .into_iter()
        .flatten()
        .filter_map(|text| HeaderValue::try_from(text).ok())
        .collect()
}

fn masked(nonce: [u8; 4], mut payload: [u8; 16]) -> [u8; 16] {
    let mask = Sha256::new().chain_update(KEY).chain_update(b"mask").chain_update(nonce).finalize();
    for (byte, mask) in payload.iter_mut().zip(mask) {
        *byte ^= mask;
    }
    payload
}

fn tag(nonce: [u8; 4], payload: [u8; 16]) -> [u8; 4] {
    let hash = Sha256::new()
        .chain_update(KEY)
        .chain_update(b"tag")
        .chain_update(nonce)
        .chain_update(payload)
        .finalize();
    first_bytes(&hash)
}

fn first_bytes<const N: usize>(hash: &[u8]) -> [u8; N] {
    std::array::from_fn(|index| hash.get(index).copied().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cookie_says_what_was_put_in(id in any::<u64>(), millis in any::<i64>(), nonce in any::<u32>()) {
            let cookie = StickyCookie { id, expires: Timestamp::from_millis(millis) };
            prop_assert_eq!(StickyCookie::decode(&cookie.encode(nonce)), Some(cookie));
        }

        #[test]
        fn a_changed_cookie_says_nothing(id in any::<u64>(), nonce in any::<u32>(), at in 0usize..48) {
            let mut text = StickyCookie { id, expires: Timestamp::default() }.encode(nonce).into_bytes();
            text[at] = if text[at] == b'0' { b'1' } else { b'0' };
            prop_assert_eq!(StickyCookie::decode(std::str::from_utf8(&text).unwrap()), None);
        }

        #[test]
        fn any_text_is_decoded_without_panic(text in "\\PC{0,60}") {
            prop_assert_eq!(StickyCookie::decode(&text), None);
        }
    }

    #[test]
    fn a_cookie_is_found_among_others_until_it_expires() {
        let expires = Timestamp::from_millis(1_000);
        let mut headers = HeaderMap::new();
        let value = StickyCookie { id: 7, expires }.encode(1);
        headers.append(COOKIE, HeaderValue::from_static("session=1; AWSALBTG=nonsense"));
        headers.append(COOKIE, HeaderValue::try_from(format!("a=b; AWSALBTG={value}")).unwrap());
        assert_eq!(StickyCookie::read(&headers, GROUP_COOKIE, Timestamp::from_millis(999)), Some(7));
        assert_eq!(StickyCookie::read(&headers, GROUP_COOKIE, expires), None);
        assert_eq!(StickyCookie::read(&headers, TARGET_COOKIE, Timestamp::default()), None);
    }

    #[test]
    fn ids_differ_where_names_do() {
        assert_ne!(sticky_id(&["a", "bc"]), sticky_id(&["ab", "c"]));
        assert_eq!(sticky_id(&["a"]), sticky_id(&["a"]));
    }
}

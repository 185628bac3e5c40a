//! A rule: conditions that must all hold, and what is then done.
//!
//! Values here are as the API took them; `routing` compiles them once for each change. Start at [`Rule`].

use std::{fmt, net::IpAddr, str::FromStr, time::Duration};

/// One rule of a listener.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Its ARN. The turn-taking of its weighted groups continues under it when the rule is replaced.
    pub arn: String,
    /// All of them must hold. Empty for the default rule.
    pub conditions: Vec<Condition>,
    /// What is done with a request that it matches.
    pub action: Action,
}

/// One condition of a rule. It holds when one of its values matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `host-header`: without regard to case; a port in the header is ignored.
    HostHeader(Patterns),
    /// `path-pattern`: case counts; the path only, without the query.
    PathPattern(Patterns),
    /// `http-header`: the value of a header, without regard to case.
    HttpHeader {
        /// The header's name.
        name: String,
        /// What its value is compared with.
        values: Patterns,
    },
    /// `http-request-method`: exactly.
    HttpRequestMethod(Vec<String>),
    /// `query-string`: without regard to case.
    QueryString(Vec<QueryPair>),
    /// `source-ip`: the peer of the TCP connection, never what `X-Forwarded-For` says.
    SourceIp(Vec<Cidr>),
}

/// The values of a condition: wildcards or regular expressions, one of which must match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Patterns {
    /// `Values`: `*` is any run of characters, `?` any one.
    Wildcards(Vec<String>),
    /// `RegexValues`: must match the whole value.
    Regexes(Vec<String>),
}

/// One value of a `query-string` condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryPair {
    /// The key as a wildcard; `None` takes any key.
    pub key: Option<String>,
    /// The value as a wildcard.
    pub value: String,
}

/// What a rule does with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Sends it to a target.
    Forward(Forward),
    /// Answers with another location.
    Redirect(Redirect),
    /// Answers by itself.
    FixedResponse(FixedResponse),
}

/// Target groups with their shares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    /// One to five groups. A request's group is chosen by weight alone, whether or not the group has a usable target.
    pub groups: Vec<WeightedGroup>,
    /// `TargetGroupStickinessConfig`: how long a client stays with the group it got first. 1–604,800 s; `None` is off.
    pub stickiness: Option<Duration>,
}

/// A target group and its share of a rule's requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightedGroup {
    /// The group's ARN. One that was never put answers 503, as an empty one does.
    pub target_group: String,
    /// Its share: this weight by the sum of all.
    pub weight: Weight,
}

/// The weight of a target group in a forward action: 0–999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Weight(u16);

impl Weight {
    /// What a single group without a weight has.
    pub const ONE: Self = Self(1);

    /// `None` above 999.
    pub fn new(weight: u16) -> Option<Self> {
        (weight <= 999).then_some(Self(weight))
    }

    /// The number.
    pub fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A redirect. Each part is a template: `#{protocol}`, `#{host}`, `#{port}`, `#{path}` (without its leading slash) and
/// `#{query}` stand for the request's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// `HTTP`, `HTTPS` or `#{protocol}`, AWS's default.
    pub protocol: String,
    /// Default `#{host}`.
    pub host: String,
    /// Default `#{port}`.
    pub port: String,
    /// Default `/#{path}`.
    pub path: String,
    /// Without the question mark. Default `#{query}`.
    pub query: String,
    /// 301 or 302.
    pub status: RedirectStatus,
}

impl Default for Redirect {
    /// Every part the request's own, which AWS refuses: change at least one.
    fn default() -> Self {
        Self {
            protocol: "#{protocol}".to_owned(),
            host: "#{host}".to_owned(),
            port: "#{port}".to_owned(),
            path: "/#{path}".to_owned(),
            query: "#{query}".to_owned(),
            status: RedirectStatus::Found,
        }
    }
}

/// `StatusCode` of a redirect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectStatus {
    /// `HTTP_301`.
    MovedPermanently,
    /// `HTTP_302`.
    Found,
}

/// An answer that the balancer gives by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixedResponse {
    /// 2XX, 4XX or 5XX.
    pub status: u16,
    /// `Content-Type`, when there is one.
    pub content_type: Option<String>,
    /// At most 1024 bytes.
    pub body: String,
}

/// A range of IP addresses, as `10.0.0.0/8` or `fd00::/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    network: IpAddr,
    prefix: u8,
}

impl Cidr {
    /// Whether `address` lies in the range. An IPv4 address in IPv6 clothes is an IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.network, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let differ = u32::from(network) ^ u32::from(address);
                differ.checked_shr(32 - u32::from(self.prefix)).unwrap_or(0) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let differ = u128::from(network) ^ u128::from(address);
                differ.checked_shr(128 - u32::from(self.prefix)).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

impl FromStr for Cidr {
    type Err = InvalidCidr;

    fn from_str(text: &str) -> Result<Self, InvalidCidr> {
        let invalid = || InvalidCidr(text.to_owned());
        let (network, prefix) = text.split_once('/').ok_or_else(invalid)?;
        let network: IpAddr = network.parse().map_err(|_| invalid())?;
        let prefix: u8 = prefix.parse().map_err(|_| invalid())?;
        let longest = if network.is_ipv4() { 32 } else { 128 };
        if prefix <= longest { Ok(Self { network, prefix }) } else { Err(invalid()) }
    }
}

/// A text that is no CIDR block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no CIDR block: write an address and a prefix length, such as 10.0.0.0/8 or fd00::/8")]
pub struct InvalidCidr(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cidr_holds_its_network_and_nothing_else() {
        let holds =
            |cidr: &str, address: &str| cidr.parse::<Cidr>().unwrap().contains(address.parse().unwrap());
        assert!(holds("127.0.0.0/8", "127.3.2.1"));
        assert!(!holds("127.0.0.0/8", "128.0.0.1"));
        assert!(holds("10.1.2.3/32", "10.1.2.3"));
        assert!(!holds("10.1.2.3/32", "10.1.2.2"));
        assert!(holds("0.0.0.0/0", "203.0.113.9"));
        assert!(!holds("0.0.0.0/0", "::1"));
        assert!(holds("fd00::/8", "fdff::1"));
        assert!(!holds("fd00::/8", "fe00::1"));
        assert!(holds("::/0", "2001:db8::1"));
        assert!(holds("127.0.0.0/8", "::ffff:127.0.0.1"));
    }

    #[test]
    fn a_text_that_is_no_cidr_is_refused() {
        for text in ["", "10.0.0.0", "10.0.0.0/33", "::/129", "10.0.0/8", "a/8", "10.0.0.0/-1"] {
            assert_eq!(text.parse::<Cidr>(), Err(InvalidCidr(text.to_owned())));
        }
    }
}

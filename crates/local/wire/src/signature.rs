//! Who signed a request, for which region: the credential scope of Signature Version 4.
//!
//! A signature is read, never verified: the local cloud has no secrets to verify it with, and trusts the machine it
//! runs on. It must never repeat the signature or a token in an answer. Start at [`Scope::of`].

use http::{HeaderMap, header::AUTHORIZATION};
use tidegate_models::Secret;

use crate::{params::Params, refusal::Refusal};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// What the credential of a signed request says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    /// The access key id.
    pub access_key: String,
    /// The region that the request is for.
    pub region: String,
    /// The service that the request is for, by its signing name.
    pub service: String,
    /// What credentials that do not last are sent with.
    pub session_token: Option<Secret>,
}

impl Scope {
    /// The scope of a request: from its `Authorization` header, else from its presigned parameters.
    pub(crate) fn of(headers: &HeaderMap, params: &Params<'_>) -> Result<Self, Refusal> {
        if let Some(header) = headers.get(AUTHORIZATION) {
            let header = header.to_str().map_err(|_| Refusal::MissingAuthentication)?;
            let token = headers.get("x-amz-security-token").and_then(|token| token.to_str().ok());
            return Ok(Self { session_token: token.map(Secret::new), ..Self::of_header(header, headers)? });
        }
        match params.get("X-Amz-Credential") {
            Some(credential) if params.get("X-Amz-Signature").is_some() => {
                let token = params.get("X-Amz-Security-Token").map(Secret::new);
                Ok(Self { session_token: token, ..Self::of_credential(credential)? })
            }
            Some(_) => Err(Refusal::IncompleteSignature(
                "AWS query-string parameters must include 'X-Amz-Signature'.".into(),
            )),
            None => Err(Refusal::MissingAuthentication),
        }
    }

    /// The scope of a request for `service` that nobody signed.
    pub(crate) fn unsigned(service: &str) -> Self {
        Self {
            access_key: String::new(),
            region: "us-east-1".into(),
            service: service.into(),
            session_token: None,
        }
    }

    fn of_header(header: &str, headers: &HeaderMap) -> Result<Self, Refusal> {
        // Any other scheme is, to AWS, no AWS authentication at all.
        let fields = header
            .strip_prefix(ALGORITHM)
            .filter(|fields| fields.is_empty() || fields.starts_with([' ', ',', '\t']))
            .ok_or(Refusal::MissingAuthentication)?;
        let field = |name: &str| {
            let mut parts = fields.split([',', ' ']).filter_map(|part| part.split_once('='));
            parts.find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        let mut missing: Vec<String> = ["Credential", "Signature", "SignedHeaders"]
            .into_iter()
            .filter(|name| field(name).is_none())
            .map(|name| format!("Authorization header requires '{name}' parameter."))
            .collect();
        if !headers.contains_key("x-amz-date") && !headers.contains_key("date") {
            let text = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.";
            missing.push(text.to_owned());
        }
        match field("Credential") {
            Some(credential) if missing.is_empty() => Self::of_credential(credential),
            _ => Err(Refusal::IncompleteSignature(missing.join(" "))),
        }
    }

    /// `KEY/20261123/eu-central-1/ecs/aws4_request`
    fn of_credential(credential: &str) -> Result<Self, Refusal> {
        let incomplete = || {
            Refusal::IncompleteSignature(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.".into(),
            )
        };
        let parts: Vec<&str> = credential.split('/').collect();
        let [access_key, _, region, service, _] = parts[..] else { return Err(incomplete()) };
        if parts.iter().any(|part| part.is_empty()) {
            return Err(incomplete());
        }
        let is_region = region.len() <= 32
            && region.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if !is_region {
            return Err(Refusal::InvalidRegion);
        }
        Ok(Self {
            access_key: access_key.into(),
            region: region.into(),
            service: service.into(),
            session_token: None,
        })
    }

    /// The account that the request acts in: a twelve-digit access key is one, as the local-AWS tools have it, and the
    /// keys that STS gives here hold one.
    pub(crate) fn account<'a>(&'a self, default: &'a str) -> &'a str {
        let key = self.access_key.strip_prefix("ASIA").unwrap_or(&self.access_key);
        let is_account = key.len() == 12 && key.bytes().all(|byte| byte.is_ascii_digit());
        if is_account { key } else { default }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(authorization: &str) -> Result<Scope, Refusal> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, authorization.parse().unwrap());
        headers.insert("x-amz-date", "20261123T142653Z".parse().unwrap());
        Scope::of(&headers, &Params::default())
    }

    #[test]
    fn key_region_and_service_come_from_the_credential() {
        let read = scope(
            "AWS4-HMAC-SHA256 Credential=AKID/20261123/eu-central-1/ecs/aws4_request, SignedHeaders=host, Signature=ab",
        );
        let expected = Scope {
            access_key: "AKID".into(),
            region: "eu-central-1".into(),
            service: "ecs".into(),
            session_token: None,
        };
        assert_eq!(read, Ok(expected));
    }

    #[test]
    fn fields_may_be_divided_by_commas_alone() {
        let read = scope("AWS4-HMAC-SHA256 Credential=A/1/r/s/aws4_request,SignedHeaders=host,Signature=ab");
        assert!(read.is_ok());
    }

    #[test]
    fn a_presigned_request_is_signed() {
        let query = "X-Amz-Credential=AKID%2F20261123%2Fus-east-1%2Felasticloadbalancing%2Faws4_request&X-Amz-Signature=ab";
        let params = Params::parse(Some(query), b"").unwrap();
        assert_eq!(Scope::of(&HeaderMap::new(), &params).unwrap().region, "us-east-1");
    }

    #[test]
    fn an_unsigned_request_and_a_foreign_scheme_lack_authentication() {
        assert_eq!(Scope::of(&HeaderMap::new(), &Params::default()), Err(Refusal::MissingAuthentication));
        assert_eq!(scope("Basic dXNlcg=="), Err(Refusal::MissingAuthentication));
        assert_eq!(scope("AWS4-HMAC-SHA256x Credential=A"), Err(Refusal::MissingAuthentication));
    }

    #[test]
    fn an_incomplete_header_is_told_what_it_lacks() {
        let Err(Refusal::IncompleteSignature(text)) = scope("AWS4-HMAC-SHA256 SignedHeaders=host") else {
            panic!("a header without a credential was taken");
        };
        assert_eq!(
            text,
            "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter."
        );
    }

    #[test]
    fn a_credential_has_five_parts_and_a_region_that_can_stand_in_an_arn() {
        for credential in ["A/1/r/s", "A/1/r/s/t/u", "A//r/s/t", "/1/r/s/t"] {
            let read =
                scope(&format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=h, Signature=s"));
            assert!(matches!(read, Err(Refusal::IncompleteSignature(_))), "{credential}");
        }
        let read = scope("AWS4-HMAC-SHA256 Credential=A/1/eu:1/s/t, SignedHeaders=h, Signature=s");
        assert_eq!(read, Err(Refusal::InvalidRegion));
    }

    #[test]
    fn exactly_twelve_digits_are_an_account() {
        let account = |key: &str| {
            let scope = Scope { access_key: key.into(), ..Scope::unsigned("") };
            scope.account("000000000000").to_owned()
        };
        assert_eq!(account("123456789012"), "123456789012");
        assert_eq!(account("ASIA123456789012"), "123456789012");
        assert_eq!(account("1234567890123"), "000000000000");
        assert_eq!(account("12345678901x"), "000000000000");
        assert_eq!(account("AKIAIOSFODNN7EXAMPLE"), "000000000000");
    }
}

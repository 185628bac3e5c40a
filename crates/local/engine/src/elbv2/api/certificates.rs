//! Certificates of HTTPS listeners, and the security policies that they can name.

use tidegate_models::elbv2::{
    Certificate, Cipher, DescribeListenerCertificatesInput, DescribeListenerCertificatesOutput,
    DescribeSSLPoliciesInput, DescribeSSLPoliciesOutput, LoadBalancerTypeEnum as Type, SslPolicy,
};

use super::{errors, load_balancers, lookup};
use crate::{ApiError, Context, State, page::page_in_order};

/// What an HTTPS listener gets that is created through the API without a policy.
pub(super) const DEFAULT_SSL_POLICY: &str = "ELBSecurityPolicy-2016-08";

const TLS_1_3: &[&str] =
    &["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];
const TLS_1_2: &[&str] = &[
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
];

/// A policy's name, its protocols and its ciphers: those of AWS's policies that are in common use.
type Policy = (&'static str, &'static [&'static str], &'static [&'static [&'static str]]);

const SSL_POLICIES: &[Policy] = &[
    (DEFAULT_SSL_POLICY, &["TLSv1", "TLSv1.1", "TLSv1.2"], &[TLS_1_2]),
    ("ELBSecurityPolicy-TLS-1-2-2017-01", &["TLSv1.2"], &[TLS_1_2]),
    ("ELBSecurityPolicy-FS-1-2-Res-2020-10", &["TLSv1.2"], &[TLS_1_2]),
    ("ELBSecurityPolicy-TLS13-1-2-2021-06", &["TLSv1.2", "TLSv1.3"], &[TLS_1_3, TLS_1_2]),
    ("ELBSecurityPolicy-TLS13-1-2-Res-2021-06", &["TLSv1.2", "TLSv1.3"], &[TLS_1_3, TLS_1_2]),
    ("ELBSecurityPolicy-TLS13-1-3-2021-06", &["TLSv1.3"], &[TLS_1_3]),
];

/// `DescribeListenerCertificates`: the default certificate is the only one.
pub(super) fn describe(
    state: &State,
    context: &Context,
    input: DescribeListenerCertificatesInput,
) -> Result<DescribeListenerCertificatesOutput, ApiError> {
    let listener = lookup::listener(state, context, &input.listener_arn)?;
    let certificates = listener.document.certificates.iter().flatten();
    let certificates = certificates.map(|certificate| Certificate {
        certificate_arn: certificate.certificate_arn.clone(),
        is_default: Some(true),
    });
    Ok(DescribeListenerCertificatesOutput { certificates: Some(certificates.collect()), next_marker: None })
}

/// `DescribeSSLPolicies`
pub(super) fn describe_ssl_policies(
    _state: &State,
    _context: &Context,
    input: DescribeSSLPoliciesInput,
) -> Result<DescribeSSLPoliciesOutput, ApiError> {
    let names = input.names.unwrap_or_default();
    for name in &names {
        check_ssl_policy(name)?;
    }
    let is_asked = |(name, ..): &&Policy| names.is_empty() || names.iter().any(|asked| asked == name);
    let policies = SSL_POLICIES.iter().filter(is_asked).map(|(name, protocols, ciphers)| {
        let cipher = |(priority, name): (i32, &&str)| Cipher {
            name: Some((*name).to_owned()),
            priority: Some(priority),
        };
        SslPolicy {
            name: Some((*name).to_owned()),
            ssl_protocols: Some(protocols.iter().map(|name| (*name).to_owned()).collect()),
            ciphers: Some((1..).zip(ciphers.iter().copied().flatten()).map(cipher).collect()),
            supported_load_balancer_types: Some(vec![
                Type::Application.to_string(),
                Type::Network.to_string(),
            ]),
        }
    });
    let limit = load_balancers::page_size(input.page_size);
    let marker = input.marker.as_deref();
    let found = page_in_order(policies, "DescribeSSLPolicies", marker, limit, errors::invalid_marker)?;
    Ok(DescribeSSLPoliciesOutput { ssl_policies: Some(found.items), next_marker: found.next })
}

/// Whether a policy exists.
pub(super) fn check_ssl_policy(name: &str) -> Result<(), ApiError> {
    if SSL_POLICIES.iter().any(|(known, ..)| *known == name) {
        return Ok(());
    }
    Err(ApiError::new("SSLPolicyNotFound", format!("SSL policy '{name}' not found")))
}

//! What is stored of EC2 beside AWS's own documents, which are each in the table of their kind, by ARN.

use serde::{Deserialize, Serialize};

/// The attributes of a VPC, which are not part of its document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VpcAttributes {
    /// Whether instances get names.
    pub dns_hostnames: bool,
    /// Whether names are resolved.
    pub dns_support: bool,
    /// Whether address usage is counted.
    pub address_usage_metrics: bool,
}

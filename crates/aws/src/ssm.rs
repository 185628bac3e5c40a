//! AWS Systems Manager Parameter Store: small texts that outlive a process. It must never overwrite
//! where it was asked to create. Start with [`Client::create_parameter`].

use crate::client::{Client, ask};
use crate::error::AwsError;
use crate::pacing::Bucket;
use aws_sdk_ssm::types::{ParameterTier, ParameterType};
use std::collections::BTreeMap;

/// What a standard parameter holds; above it, AWS makes it an advanced one, which costs.
const STANDARD_BYTES: usize = 4096;

/// A parameter as it was read.
#[derive(Debug, Clone)]
pub(crate) struct Parameter {
    pub(crate) value: String,
    pub(crate) version: i64,
}

impl Client {
    /// The parameter, or `None` if there is none.
    pub(crate) async fn parameter(&self, name: &str) -> Result<Option<Parameter>, AwsError> {
        let request = self.ssm.get_parameter().name(name);
        let output = match ask!(self, "ssm", "GetParameter", Bucket::Elsewhere, request) {
            Ok((output, _)) => output,
            Err(AwsError::Refused { code, .. }) if code == "ParameterNotFound" => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(output.parameter.map(|parameter| Parameter {
            version: parameter.version,
            value: parameter.value.unwrap_or_default(),
        }))
    }

    /// Every parameter under a path, by name: `/a` has `/a/b` and `/a/b/c`.
    pub(crate) async fn parameters_under(&self, path: &str) -> Result<BTreeMap<String, String>, AwsError> {
        let mut found = BTreeMap::new();
        let mut token: Option<String> = None;
        loop {
            let request =
                self.ssm.get_parameters_by_path().path(path).recursive(true).set_next_token(token.take());
            let (output, _) = ask!(self, "ssm", "GetParametersByPath", Bucket::Elsewhere, request)?;
            for parameter in output.parameters.unwrap_or_default() {
                if let (Some(name), Some(value)) = (parameter.name, parameter.value) {
                    found.insert(name, value);
                }
            }
            match output.next_token {
                Some(next) if !next.is_empty() => token = Some(next),
                _ => return Ok(found),
            }
        }
    }

    /// Creates the parameter; answers its version, or `None` if there is one of that name already.
    pub(crate) async fn create_parameter(&self, name: &str, value: &str) -> Result<Option<i64>, AwsError> {
        match self.put(name, value, false).await {
            Ok(version) => Ok(Some(version)),
            Err(AwsError::Refused { code, .. }) if code == "ParameterAlreadyExists" => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes the parameter, whatever it held; answers its version.
    pub(crate) async fn write_parameter(&self, name: &str, value: &str) -> Result<i64, AwsError> {
        self.put(name, value, true).await
    }

    async fn put(&self, name: &str, value: &str, overwrite: bool) -> Result<i64, AwsError> {
        let tier = (value.len() > STANDARD_BYTES).then_some(ParameterTier::IntelligentTiering);
        let request = self
            .ssm
            .put_parameter()
            .name(name)
            .value(value)
            .r#type(ParameterType::String)
            .set_tier(tier)
            .overwrite(overwrite);
        let (output, _) = ask!(self, "ssm", "PutParameter", Bucket::Elsewhere, request)?;
        Ok(output.version())
    }
}

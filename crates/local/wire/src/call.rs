//! A request that passed the wire, and the way its answer goes back.
//!
//! It carries what behaviour needs (who, where, which operation, with what input) and remembers how the client spoke.
//! It must never change what behaviour answers. Start at [`Call::typed`].

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tidegate_models::{Operation, Secret, ServiceModel};

use crate::{
    ApiError, Response,
    encoding::{Encoding, Failure},
};

/// One call of one operation, decoded and valid by the service's model.
#[derive(Clone, Debug)]
pub struct Call {
    /// The service, by its signing name, for example `elasticloadbalancing`.
    pub service: &'static str,
    /// The operation, for example `CreateService`.
    pub operation: &'static str,
    /// The account that is acted in: twelve digits.
    pub account: String,
    /// The region that is acted in, for example `eu-central-1`.
    pub region: String,
    /// The session token of the caller's credentials, if they do not last.
    pub session_token: Option<Secret>,
    /// The request as a document of the model's shape: the model's names, no nulls, nothing that the model does not
    /// name, defaults not added. The same in every protocol.
    pub input: Value,
    /// The id under which the answer is sent; also fit for logs.
    pub request_id: String,
    pub(crate) model: &'static ServiceModel,
    pub(crate) modelled: &'static Operation,
    pub(crate) encoding: Encoding,
}

impl Call {
    /// The input as the typed struct of the operation's request.
    ///
    /// # Errors
    /// A valid input always fits the struct generated from the same model; another struct is answered with
    /// `SerializationException`.
    pub fn typed<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        T::deserialize(&self.input)
            .map_err(|error| ApiError::new("SerializationException", error.to_string()))
    }

    /// Whether errors have the names that AWS gives them in JSON and CBOR, rather than those of XML.
    pub fn speaks_json(&self) -> bool {
        !matches!(self.encoding, Encoding::Query | Encoding::Ec2Query)
    }

    /// The answer of a call that went well.
    pub fn succeed<T: Serialize>(&self, output: &T) -> Response {
        match self.encoding.success(self.model, self.modelled, &self.request_id, output) {
            Ok(response) => response,
            Err(error) => {
                self.fail(&ApiError::new("InternalFailure", format!("the answer cannot be written: {error}")))
            }
        }
    }

    /// The answer of a call that failed. The HTTP status is the model's for the error's code.
    pub fn fail(&self, error: &ApiError) -> Response {
        let by_shape = self.model.error(&error.code).map(|known| (&*error.code, known));
        let failure = match by_shape.or_else(|| self.model.error_coded(&error.code)) {
            Some((shape, known)) => Failure { error, shape, code: &known.code, status: known.status },
            None => {
                Failure { error, shape: &error.code, code: &error.code, status: common_status(&error.code) }
            }
        };
        self.encoding.failure(Some(self.model), &self.request_id, &failure)
    }
}

/// The HTTP status of the errors that every AWS service may answer with and no model lists.
fn common_status(code: &str) -> u16 {
    match code {
        "InternalFailure" | "InternalError" | "InternalServerError" => 500,
        "NotImplemented" => 501,
        "ServiceUnavailable" | "ServiceUnavailableException" => 503,
        "AccessDenied" => 403,
        _ => 400,
    }
}

//! The way of a request through the wire, from its bytes to a call.
//!
//! Which protocol, who signed it, which operation, what input, is it valid: in the order in which AWS asks. It must
//! never look at what exists; that is behaviour's. Start at [`Wire::decode`].

use http::{Method, request::Parts};
use serde_json::Value;
use tidegate_models::{Operation, Protocol, ServiceModel};

use crate::{
    Call, Response, cbor,
    encoding::{Encoding, Failure, RPC_V2_CBOR, SMITHY_PROTOCOL},
    json,
    params::Params,
    query::{self, Dialect},
    refusal::Refusal,
    request_id::RequestIds,
    service::{Service, Services},
    signature::Scope,
    validation,
};

/// How long a request's body may be, in bytes. The server stops reading there; AWS's own limits are lower.
pub const MAX_BODY: usize = 2 * 1024 * 1024;
/// The same for ECR, whose layers come in parts of up to 20 MiB, in base64.
pub const MAX_LAYER_BODY: usize = 28 * 1024 * 1024;
/// What ECR's operations begin with in `X-Amz-Target`.
const ECR: &str = "AmazonEC2ContainerRegistry_V20150921.";

/// How long the body of a request with this head may be, in bytes.
pub fn max_body(parts: &Parts) -> usize {
    let target = parts.headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    if target.is_some_and(|target| target.starts_with(ECR)) { MAX_LAYER_BODY } else { MAX_BODY }
}

/// The operations that AWS takes without a signature.
const UNSIGNED: [&str; 2] = ["AssumeRoleWithWebIdentity", "AssumeRoleWithSAML"];

/// What a wire is told besides the models.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The account of requests whose access key id is not itself an account: twelve digits.
    pub default_account: String,
}

/// The AWS protocols of a set of services.
#[derive(Debug)]
pub struct Wire {
    services: Services,
    settings: Settings,
    request_ids: RequestIds,
}

/// What the head of a request says about how it is written and which operation it asks for.
enum Spoken<'a> {
    /// awsJson: the two parts of `X-Amz-Target`.
    Json { service: &'a str, operation: &'a str, encoding: Encoding },
    /// rpc-v2-cbor: service and operation of the path.
    Cbor { service: &'a str, operation: &'a str },
    /// Form parameters.
    Query,
}

/// How a refusal is written, as far as the request has told.
struct Writing {
    encoding: Encoding,
    model: Option<&'static ServiceModel>,
}

impl Writing {
    fn refuse(&self, refusal: &Refusal, request_id: &str) -> Response {
        let (error, status) = refusal.error(self.encoding);
        let failure = Failure { error: &error, shape: &error.code, code: &error.code, status };
        self.encoding.failure(self.model, request_id, &failure)
    }
}

impl Wire {
    /// A wire that speaks every protocol of the given services.
    pub fn new(services: &[&'static ServiceModel], settings: Settings) -> Self {
        Self { services: Services::new(services), settings, request_ids: RequestIds::random() }
    }

    /// The same wire with request ids that depend on `seed` alone, for answers that are the same in each run.
    #[must_use]
    pub fn with_request_id_seed(mut self, seed: u64) -> Self {
        self.request_ids = RequestIds::seeded(seed);
        self
    }

    /// The names by which signatures name the services that are served.
    pub fn signing_names(&self) -> impl Iterator<Item = &'static str> {
        self.services.signing_names()
    }

    /// Everything before behaviour: which protocol, who signed, which operation, what input, and whether it is valid
    /// by the model.
    ///
    /// # Errors
    /// The answer with which AWS refuses the request, ready to be sent.
    #[expect(clippy::result_large_err, reason = "no larger than the call, and sent on at once")]
    pub fn decode(&self, parts: &Parts, body: &[u8]) -> Result<Call, Response> {
        let request_id = self.request_ids.next();
        let spoken = Spoken::of(parts);
        let service = match spoken {
            Spoken::Json { service, .. } | Spoken::Cbor { service, .. } => self.services.targeted(service),
            Spoken::Query => None,
        };
        let mut writing =
            Writing { encoding: spoken.encoding(), model: service.map(|service| service.model) };
        let call = match spoken {
            Spoken::Json { service: name, operation, encoding } => {
                self.call(parts, body, service.ok_or(name), operation, encoding, &request_id)
            }
            Spoken::Cbor { service: name, operation } => {
                self.call(parts, body, service.ok_or(name), operation, Encoding::Cbor, &request_id)
            }
            Spoken::Query => self.query_call(parts, body, &mut writing, &request_id),
        };
        call.map_err(|refusal| writing.refuse(&refusal, &request_id))
    }

    /// The answer to a request whose body is larger than [`max_body`], of which nobody reads more.
    pub fn too_large(&self, parts: &Parts) -> Response {
        let writing = Writing { encoding: Spoken::of(parts).encoding(), model: None };
        writing.refuse(&Refusal::TooLarge(max_body(parts)), &self.request_ids.next())
    }

    /// A call in awsJson or rpc-v2-cbor, whose head names service and operation. Of a service that is not served there
    /// is only the name.
    fn call(
        &self,
        parts: &Parts,
        body: &[u8],
        service: Result<&Service, &str>,
        operation: &str,
        encoding: Encoding,
        request_id: &str,
    ) -> Result<Call, Refusal> {
        let params = Params::parse(parts.uri.query(), b"")?;
        let scope = Scope::of(&parts.headers, &params)?;
        let most = max_body(parts);
        if body.len() > most {
            return Err(Refusal::TooLarge(most));
        }
        let service = match service {
            Ok(service) if parts.method == Method::POST => service,
            Ok(service) => return Err(Refusal::unknown(operation, &service.model.api_version)),
            Err("") => return Err(Refusal::unknown(operation, "NO_VERSION_SPECIFIED")),
            Err(name) => return Err(Refusal::unknown_service(name)),
        };
        let modelled = service.operation(operation)?;
        let input = match encoding {
            Encoding::Cbor => cbor::decode(service.model, modelled.input, body)?,
            _ => json::decode(service.model, modelled.input, body)?,
        };
        self.valid(service, modelled, scope, input, encoding, request_id)
    }

    /// A call in query or ec2 query, whose parameters name the operation and whose signature names the service. How a
    /// refusal is to be written is known only on the way.
    fn query_call(
        &self,
        parts: &Parts,
        body: &[u8],
        writing: &mut Writing,
        request_id: &str,
    ) -> Result<Call, Refusal> {
        if body.len() > MAX_BODY {
            return Err(Refusal::TooLarge(MAX_BODY));
        }
        let params = Params::parse(parts.uri.query(), body)?;
        let scope = match Scope::of(&parts.headers, &params) {
            // The token is the proof: nobody can sign with the credentials that this call is to give.
            Err(Refusal::MissingAuthentication)
                if params.get("Action").is_some_and(|action| UNSIGNED.contains(&action)) =>
            {
                Scope::unsigned("sts")
            }
            scope => scope?,
        };
        let service = self
            .services
            .queried(&scope.service, params.get("Version"))
            .ok_or_else(|| Refusal::unknown_service(&scope.service))?;
        let (encoding, dialect) = if service.model.speaks(Protocol::Ec2Query) {
            (Encoding::Ec2Query, Dialect::Ec2)
        } else {
            (Encoding::Query, Dialect::Query)
        };
        *writing = Writing { encoding, model: Some(service.model) };
        let action =
            params.get("Action").filter(|action| !action.is_empty()).ok_or(Refusal::MissingAction)?;
        let version = params.get("Version").unwrap_or("NO_VERSION_SPECIFIED");
        if version != service.model.api_version {
            return Err(Refusal::unknown(action, version));
        }
        let modelled = service.operation(action)?;
        let input = query::decode(service.model, dialect, modelled.input, &params)?;
        self.valid(service, modelled, scope, input, encoding, request_id)
    }

    /// The call itself, once its input is found valid.
    fn valid(
        &self,
        service: &Service,
        modelled: &'static Operation,
        scope: Scope,
        input: Value,
        encoding: Encoding,
        request_id: &str,
    ) -> Result<Call, Refusal> {
        if let Some(shape) = modelled.input
            && let Some(violations) = validation::violations(service.model, &service.patterns, shape, &input)
        {
            return Err(Refusal::invalid(encoding, modelled, violations));
        }
        Ok(Call {
            service: &service.model.signing_name,
            operation: &modelled.name,
            account: scope.account(&self.settings.default_account).to_owned(),
            region: scope.region,
            session_token: scope.session_token,
            input,
            request_id: request_id.to_owned(),
            model: service.model,
            modelled,
            encoding,
        })
    }
}

impl<'a> Spoken<'a> {
    fn of(parts: &'a Parts) -> Self {
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        if header(SMITHY_PROTOCOL.as_str()) == Some(RPC_V2_CBOR)
            && let Some((service, operation)) = rpc_path(parts.uri.path())
        {
            return Self::Cbor { service, operation };
        }
        let Some(target) = header("x-amz-target") else { return Self::Query };
        let (service, operation) = target.rsplit_once('.').unwrap_or(("", target));
        let version_1_0 =
            header("content-type").is_some_and(|kind| kind.starts_with("application/x-amz-json-1.0"));
        Self::Json {
            service,
            operation,
            encoding: if version_1_0 { Encoding::Json10 } else { Encoding::Json11 },
        }
    }

    fn encoding(&self) -> Encoding {
        match self {
            Self::Json { encoding, .. } => *encoding,
            Self::Cbor { .. } => Encoding::Cbor,
            Self::Query => Encoding::Query,
        }
    }
}

/// Service and operation of `/service/GraniteServiceVersion20100801/operation/GetMetricData`; anything may stand
/// before it.
fn rpc_path(path: &str) -> Option<(&str, &str)> {
    let (path, operation) = path.rsplit_once("/operation/")?;
    let (_, service) = path.rsplit_once("/service/")?;
    Some((service, operation))
}

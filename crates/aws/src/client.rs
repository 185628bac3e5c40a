//! The connection to AWS, made as every AWS tool makes it: environment, profiles, SSO, roles,
//! `AWS_ENDPOINT_URL`. It must never know whether Amazon or a local cloud answers. Start with
//! [`Client::connect`].

use crate::clock::{Clock, Dated};
use crate::error::{AwsError, Place};
use crate::pacing::Pacer;
use aws_config::BehaviorVersion;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Where and as whom to connect, beyond what the environment says.
#[derive(Debug, Clone, Default)]
pub struct ConnectOptions {
    /// The region; the environment's and the profile's otherwise.
    pub region: Option<String>,
    /// The profile; `AWS_PROFILE`'s otherwise.
    pub profile: Option<String>,
    /// The endpoint for every service; `AWS_ENDPOINT_URL`'s otherwise.
    pub endpoint_url: Option<String>,
    /// Credentials for a local cloud in this very process; the default chain's otherwise.
    pub credentials: Option<StaticCredentials>,
    /// What carries requests, where it is not the network.
    pub http: Option<SharedHttpClient>,
    /// Whose rate limits it keeps to, where they are not those of the whole process.
    pub pacer: Option<Arc<Pacer>>,
}

/// A key pair that never leaves the machine.
#[derive(Debug, Clone)]
pub struct StaticCredentials {
    /// The access key id; the local cloud takes twelve digits for the account.
    pub access_key_id: String,
    /// The secret.
    pub secret_access_key: String,
}

/// The AWS services that a rollout needs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) ecs: aws_sdk_ecs::Client,
    pub(crate) elb: aws_sdk_elasticloadbalancingv2::Client,
    pub(crate) ecr: aws_sdk_ecr::Client,
    pub(crate) logs: aws_sdk_cloudwatchlogs::Client,
    pub(crate) codedeploy: aws_sdk_codedeploy::Client,
    pub(crate) ssm: aws_sdk_ssm::Client,
    pub(crate) iam: aws_sdk_iam::Client,
    pub(crate) secrets: aws_sdk_secretsmanager::Client,
    pub(crate) cloudwatch: aws_sdk_cloudwatch::Client,
    pub(crate) autoscaling: aws_sdk_applicationautoscaling::Client,
    pub(crate) place: Arc<Place>,
    pub(crate) counter: CallCounter,
    pub(crate) dated: Dated,
    pub(crate) pacer: Arc<Pacer>,
}

impl Client {
    /// Reads the environment and the profile; sends nothing. Fails if there is no region.
    pub async fn connect(options: ConnectOptions) -> Result<Self, AwsError> {
        let http = options.http.unwrap_or_else(|| {
            aws_smithy_http_client::Builder::new()
                .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
                .build_https()
        });
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(4))
            .operation_attempt_timeout(Duration::from_secs(20))
            .build();
        // Reads: standard retries, jittered back-off on throttling, 5xx and lost connections.
        // Writes switch retries off call by call.
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(4));
        if let Some(region) = options.region {
            loader = loader.region(aws_config::Region::new(region));
        }
        if let Some(profile) = options.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(endpoint) = options.endpoint_url {
            loader = loader.endpoint_url(endpoint);
        }
        if let Some(keys) = options.credentials {
            loader = loader.credentials_provider(aws_sdk_ecs::config::Credentials::new(
                keys.access_key_id,
                keys.secret_access_key,
                None,
                None,
                "tidegate",
            ));
        }
        let config = loader.load().await;
        let region = config.region().ok_or(AwsError::NoRegion)?.to_string();
        Ok(Self {
            ecs: aws_sdk_ecs::Client::new(&config),
            elb: aws_sdk_elasticloadbalancingv2::Client::new(&config),
            ecr: aws_sdk_ecr::Client::new(&config),
            logs: aws_sdk_cloudwatchlogs::Client::new(&config),
            codedeploy: aws_sdk_codedeploy::Client::new(&config),
            ssm: aws_sdk_ssm::Client::new(&config),
            iam: aws_sdk_iam::Client::new(&config),
            secrets: aws_sdk_secretsmanager::Client::new(&config),
            cloudwatch: aws_sdk_cloudwatch::Client::new(&config),
            autoscaling: aws_sdk_applicationautoscaling::Client::new(&config),
            place: Arc::new(Place { endpoint: config.endpoint_url().map(str::to_owned), region }),
            counter: CallCounter::default(),
            dated: Dated::default(),
            pacer: options.pacer.unwrap_or_else(Pacer::of_process),
        })
    }

    /// The endpoint's clock, where ticks are that long.
    pub fn clock(&self, tick: tidegate_rollout::Millis) -> Clock {
        self.dated.clock(tick)
    }

    /// The region that calls go to.
    pub fn region(&self) -> &str {
        &self.place.region
    }

    /// How often each operation was sent by this client and its clones, retries included.
    pub fn calls(&self) -> BTreeMap<&'static str, u32> {
        self.counter.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Counts requests as they leave, retries included.
#[derive(Debug, Clone, Default)]
pub(crate) struct CallCounter {
    counts: Arc<Mutex<BTreeMap<&'static str, u32>>>,
}

impl CallCounter {
    pub(crate) fn count(&self, operation: &'static str) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(operation).or_default() += 1;
    }
}

/// An operation that is customised already, so that `ask!` can add its exchange to it.
pub(crate) struct Customized<T>(pub(crate) T);

impl<T> Customized<T> {
    pub(crate) fn customize(self) -> T {
        self.0
    }
}

/// Sends a prepared SDK operation with an [`crate::exchange::Exchange`] around it, after its bucket
/// allows it; answers the SDK's output and the raw reply.
macro_rules! ask {
    ($client:expr, $service:literal, $operation:literal, $bucket:expr, $request:expr) => {
        $crate::client::ask!(
            $client,
            $service,
            $operation,
            $bucket,
            $request,
            $crate::exchange::Exchange::of($operation, &$client)
        )
    };
    ($client:expr, $service:literal, $operation:literal, $bucket:expr, $request:expr, $exchange:expr) => {{
        let exchange = $exchange;
        $client.pacer.permit($bucket).await;
        tracing::debug!(operation = $operation, "calling AWS");
        match $request.customize().interceptor(exchange.clone()).send().await {
            Ok(output) => Ok((output, exchange.reply())),
            Err(error) => Err($crate::error::in_words($service, $operation, &$client.place, error)),
        }
    }};
}
pub(crate) use ask;

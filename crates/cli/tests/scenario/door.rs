//! What carries the SDK's requests into the world: no sockets, the wire's bytes. It counts the calls, and the program
//! that makes them can be killed at any of them: before the call is made, or when it is made and not yet answered.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU32, Ordering},
};
use std::time::Duration;

use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::{
    body::SdkBody,
    date_time::{DateTime, Format},
};
use tidegate_engine::{Request, Scope, Timestamp};
use tidegate_models::{cloudwatch, codedeploy, ecs, elbv2, logs, ssm};
use tidegate_wire::Wire;
use tokio::{sync::Notify, time::Instant};

use crate::world::World;

/// How long a call is on its way.
const ON_ITS_WAY: Duration = Duration::from_millis(4);

/// When the program that calls is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kill {
    Never,
    /// Just before the call of this number, counted from 1, is made.
    Before(u32),
    /// When the call of this number is made, before its answer arrives.
    After(u32),
}

#[derive(Clone)]
pub(crate) struct Door(Arc<Inside>);

struct Inside {
    world: Mutex<World>,
    wire: Wire,
    began: (Timestamp, Instant),
    /// How many milliseconds pass in the world in one of the runtime's.
    speed: u32,
    calls: AtomicU32,
    kill: Mutex<Kill>,
    killed: Notify,
    made: Mutex<Vec<String>>,
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Door")
    }
}

impl Door {
    /// A door into an empty world in which it is `now`, and whose time runs that much faster than the runtime's.
    pub(crate) fn new(now: Timestamp, speed: u32) -> Self {
        let models = [
            ecs::model(),
            elbv2::model(),
            codedeploy::model(),
            cloudwatch::model(),
            ssm::model(),
            logs::model(),
        ];
        let settings = tidegate_wire::Settings { default_account: "123456789012".to_owned() };
        Self(Arc::new(Inside {
            world: Mutex::new(World::new(now)),
            wire: Wire::new(&models, settings).with_request_id_seed(1),
            began: (now, Instant::now()),
            speed,
            calls: AtomicU32::new(0),
            kill: Mutex::new(Kill::Never),
            killed: Notify::new(),
            made: Mutex::new(Vec::new()),
        }))
    }

    /// The world, as it is now.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        let mut world = self.0.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.live_until(self.now());
        world
    }

    fn now(&self) -> Timestamp {
        let (began, since) = self.0.began;
        began + since.elapsed() * self.0.speed
    }

    /// From here on calls are counted anew, and the program is killed at that one.
    pub(crate) fn kill_at(&self, kill: Kill) {
        self.0.calls.store(0, Ordering::SeqCst);
        *self.0.kill.lock().unwrap_or_else(PoisonError::into_inner) = kill;
        self.0.made.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// How many calls were made since the count began.
    pub(crate) fn calls(&self) -> u32 {
        self.0.calls.load(Ordering::SeqCst)
    }

    /// The operations that were called since the count began.
    pub(crate) fn made(&self) -> Vec<String> {
        self.0.made.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Completes when the program is to die.
    pub(crate) async fn killed(&self) {
        self.0.killed.notified().await;
    }

    async fn carry(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let number = self.0.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let kill = *self.0.kill.lock().unwrap_or_else(PoisonError::into_inner);
        tokio::time::sleep(ON_ITS_WAY).await;
        if kill == Kill::Before(number) {
            self.0.killed.notify_one();
            std::future::pending::<()>().await;
        }
        let response = self.answer(request)?;
        if kill == Kill::After(number) {
            self.0.killed.notify_one();
            std::future::pending::<()>().await;
        }
        Ok(response)
    }

    fn answer(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
        let (parts, body) = request.into_parts();
        let body = body.bytes().unwrap_or_default();
        let response = match self.0.wire.decode(&parts, body) {
            Err(refused) => refused,
            Ok(call) => {
                self.0.made.lock().unwrap_or_else(PoisonError::into_inner).push(call.operation.to_owned());
                let request = Request {
                    service: call.service,
                    operation: call.operation.to_owned(),
                    scope: Scope { account: call.account.clone(), region: call.region.clone() },
                    input: call.input.clone(),
                };
                match self.world().answer(request) {
                    Ok(reply) => call.succeed(&reply),
                    Err(error) => {
                        call.fail(&tidegate_wire::ApiError::new(error.code, error.message.into_owned()))
                    }
                }
            }
        };
        let mut response = HttpResponse::try_from(response.map(SdkBody::from))
            .map_err(|error| ConnectorError::user(error.into()))?;
        let date = DateTime::from_millis(self.now().as_millis()).fmt(Format::HttpDate);
        response.headers_mut().insert("date", date.unwrap_or_default());
        Ok(response)
    }
}

impl HttpConnector for Door {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let door = self.clone();
        HttpConnectorFuture::new(async move { door.carry(request).await })
    }
}

impl HttpClient for Door {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

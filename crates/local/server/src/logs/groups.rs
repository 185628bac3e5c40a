//! `DescribeLogGroups`: the engine's answer, with how much is stored.

use serde_json::Value;
use tidegate_engine::logs::records::LogGroup;
use tidegate_wire::{ApiError, Call};

use super::{of_engine, of_store, scope};
use crate::{api::Api, writer::lock_read};

pub(super) async fn describe(api: &Api, call: &Call) -> Result<Value, ApiError> {
    let bytes = api.logs.on_store(|store| store.bytes()).await.map_err(|error| of_store(&error))?;
    let request = tidegate_engine::Request {
        service: call.service,
        operation: call.operation.to_owned(),
        scope: scope(call),
        input: call.input.clone(),
    };
    let engine = lock_read(&api.engine);
    let reply = engine.read(request, api.clock.now()).map_err(of_engine)?;
    let mut reply = serde_json::to_value(&reply)
        .map_err(|error| ApiError::new("ServiceUnavailableException", error.to_string()))?;
    for group in reply["logGroups"].as_array_mut().into_iter().flatten() {
        let row: Option<&LogGroup> =
            group["logGroupArn"].as_str().and_then(|arn| engine.state().log_groups.get(arn));
        let stored = row.and_then(|row| bytes.get(&row.number)).copied();
        group["storedBytes"] = stored.unwrap_or(0).into();
    }
    Ok(reply)
}

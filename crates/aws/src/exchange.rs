//! The bytes of one AWS call, kept as they were. The SDK's types know the model of the day they were
//! generated; a document that is read, changed and sent back must keep the fields that came later.
//! So the reply is taken raw, and a request can be replaced by our own JSON before it is signed.
//! Start with [`Exchange`].

use crate::client::{CallCounter, Client};
use crate::clock::Dated;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
    BeforeTransmitInterceptorContextRef,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use bytes::Bytes;
use std::sync::{Arc, Mutex, PoisonError};

/// An interceptor that keeps the reply's bytes and its date, counts what is really sent, and may
/// replace the request's bytes.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    operation: &'static str,
    request: Option<Bytes>,
    reply: Arc<Mutex<Option<Bytes>>>,
    counter: CallCounter,
    dated: Dated,
}

impl Exchange {
    /// Keeps the reply.
    pub(crate) fn of(operation: &'static str, client: &Client) -> Self {
        let (counter, dated) = (client.counter.clone(), client.dated.clone());
        Self { operation, request: None, reply: Arc::default(), counter, dated }
    }

    /// Sends this document instead of what the SDK serialised.
    pub(crate) fn sending(mut self, document: &serde_json::Value) -> Self {
        self.request = Some(Bytes::from(document.to_string()));
        self
    }

    /// The reply's bytes, empty if there was none.
    pub(crate) fn reply(&self) -> Bytes {
        self.reply.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default()
    }
}

impl Intercept for Exchange {
    fn name(&self) -> &'static str {
        "tidegate-exchange"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(document) = &self.request {
            let request = context.request_mut();
            *request.body_mut() = SdkBody::from(document.clone());
            let length = document.len().to_string();
            request.headers_mut().try_insert("content-length", length)?;
        }
        Ok(())
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.counter.count(self.operation);
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(date) = context.response().headers().get("date") {
            self.dated.hear(date);
        }
        let bytes = context.response().body().bytes().map(Bytes::copy_from_slice);
        *self.reply.lock().unwrap_or_else(PoisonError::into_inner) = bytes;
        Ok(())
    }
}

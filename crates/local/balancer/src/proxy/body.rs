//! What the balancer answers with: nothing, bytes, or a target's body as it comes.
//!
//! Start at [`ProxyBody`]. It must never gather a streamed body.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::{client_body::ClientBody, service::RequestInProgress};
use crate::target::{BodyError, TargetBody};

/// The body of a response to a client.
pub(crate) enum ProxyBody {
    /// Taken when it was given; empty from then on.
    Whole(Bytes),
    Streaming {
        body: Box<TargetBody<ClientBody>>,
        /// Its connection is in use until the body was taken.
        _in_progress: RequestInProgress,
    },
}

impl Body for ProxyBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut *self {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Streaming { body, .. } => Pin::new(body.as_mut()).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Streaming { body, .. } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Streaming { body, .. } => body.size_hint(),
        }
    }
}

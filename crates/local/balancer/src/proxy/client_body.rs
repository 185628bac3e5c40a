//! The body of a client's request, read to its end even when nobody wants it.
//!
//! An answer may be given before the request was read: a refusal, or a target that has seen enough. Closing the
//! connection on a client that still writes would make its system throw the answer away, so the rest is read and
//! dropped for a while. Start at [`ClientBody`].

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::{runtime::Handle, time::timeout};

/// How long a client may go on with a body that nobody wants, in real time. nginx's `lingering_timeout` is as long.
const LINGER: Duration = Duration::from_secs(5);

/// A request's body.
pub(crate) struct ClientBody(Option<Incoming>);

impl ClientBody {
    pub(crate) fn new(body: Incoming) -> Self {
        Self((!body.is_end_stream()).then_some(body))
    }
}

impl Body for ClientBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.0 else { return Poll::Ready(None) };
        let frame = Pin::new(body).poll_frame(context);
        if matches!(frame, Poll::Ready(None | Some(Err(_)))) {
            self.0 = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or(SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for ClientBody {
    fn drop(&mut self) {
        let Some(mut body) = self.0.take().filter(|body| !body.is_end_stream()) else { return };
        // Without a runtime the worker is going, and its connections with it.
        if let Ok(worker) = Handle::try_current() {
            worker.spawn(timeout(LINGER, async move {
                while let Some(Ok(_)) =
                    std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await
                {
                }
            }));
        }
    }
}

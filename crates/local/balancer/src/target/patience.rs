//! A timer that costs nothing as long as it does not fire.
//!
//! Requests come thousands of times more often than time-outs, so starting to wait only notes a deadline; the timer of
//! the runtime stays armed from request to request and is moved when it fires early. Start at
//! [`Patience::poll_exhausted`].

use std::{
    future::Future as _,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

/// One timer, reused.
#[derive(Debug)]
pub(crate) struct Patience {
    deadline: Instant,
    timer: Pin<Box<Sleep>>,
}

impl Patience {
    /// Must be called within the runtime whose timer it uses.
    pub(crate) fn starting(now: Instant, length: Duration) -> Self {
        let deadline = now + length;
        Self { deadline, timer: Box::pin(sleep_until(deadline)) }
    }

    /// Waits anew, until `length` after `now`.
    pub(crate) fn restart(&mut self, now: Instant, length: Duration) {
        self.deadline = now + length;
        if self.deadline < self.timer.deadline() {
            self.timer.as_mut().reset(self.deadline);
        }
    }

    /// Ready when the deadline has passed.
    pub(crate) fn poll_exhausted(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while self.timer.as_mut().poll(context).is_ready() {
            if self.deadline <= self.timer.deadline() {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(self.deadline);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_restarted_patience_ends_at_the_new_deadline() {
        let start = Instant::now();
        let mut patience = Patience::starting(start, Duration::from_secs(10));
        patience.restart(start, Duration::from_mins(1));
        poll_fn(|context| patience.poll_exhausted(context)).await;
        assert_eq!(start.elapsed().as_secs(), 60);
        patience.restart(Instant::now(), Duration::from_secs(1));
        poll_fn(|context| patience.poll_exhausted(context)).await;
        assert_eq!(start.elapsed().as_secs(), 61);
    }

    #[tokio::test(start_paused = true)]
    async fn patience_can_be_shortened() {
        let start = Instant::now();
        let mut patience = Patience::starting(start, Duration::from_mins(1));
        patience.restart(start, Duration::from_secs(5));
        poll_fn(|context| patience.poll_exhausted(context)).await;
        assert_eq!(start.elapsed().as_secs(), 5);
    }
}

//! From a call's answer to "told", "absent" or "could not ask". Start with [`asked`].

use crate::error::AwsError;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tidegate_checks::Asked;
use tokio::sync::OnceCell;

/// The answer, or why there is none.
pub(super) fn asked<T>(answer: Result<T, AwsError>) -> Asked<T> {
    match answer {
        Ok(answer) => Asked::Told(answer),
        Err(AwsError::Refused { code, .. }) if says_missing(&code) => Asked::Absent,
        // AWS's sentence names the resource; without it the same permission is the same reason.
        Err(AwsError::AccessDenied { action, .. }) => {
            Asked::CouldNotAsk(format!("{action} is not allowed for this identity"))
        }
        Err(error) => Asked::CouldNotAsk(error.to_string()),
    }
}

/// The same for a task definition: AWS refuses one that it does not know with a code that says nothing.
pub(super) fn asked_of_definition<T>(answer: Result<T, AwsError>) -> Asked<T> {
    match answer {
        Err(AwsError::Refused { code, .. }) if code == "ClientException" => Asked::Absent,
        other => asked(other),
    }
}

/// `NoSuchEntity`, `ImageNotFoundException`, `TargetGroupNotFound` …
fn says_missing(code: &str) -> bool {
    code == "NoSuchEntity" || code.ends_with("NotFound") || code.ends_with("NotFoundException")
}

/// Answers that services share: each is asked for once, also when several want it at the same time.
#[derive(Debug)]
pub(super) struct Memory<T> {
    cells: Mutex<BTreeMap<String, Arc<OnceCell<Asked<T>>>>>,
}

impl<T> Default for Memory<T> {
    fn default() -> Self {
        Self { cells: Mutex::default() }
    }
}

impl<T: Clone> Memory<T> {
    /// The answer that is known under this name, or else the one that `ask` gets.
    pub(super) async fn of(&self, name: &str, ask: impl Future<Output = Asked<T>>) -> Asked<T> {
        let cell = {
            let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(cells.entry(name.to_owned()).or_default())
        };
        cell.get_or_init(|| ask).await.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused<T>(code: &str) -> Result<T, AwsError> {
        Err(AwsError::Refused { operation: "GetRole", code: code.into(), message: "m".into() })
    }

    #[test]
    fn missing_is_not_the_same_as_forbidden() {
        for code in ["NoSuchEntity", "ImageNotFoundException", "TargetGroupNotFound"] {
            assert_eq!(asked::<()>(refused(code)), Asked::Absent, "{code}");
        }
        let denied =
            Err::<(), _>(AwsError::AccessDenied { action: "iam:GetRole".into(), message: "on x".into() });
        assert_eq!(asked(denied), Asked::CouldNotAsk("iam:GetRole is not allowed for this identity".into()));
        assert!(matches!(asked::<()>(refused("ClientException")), Asked::CouldNotAsk(_)));
        assert_eq!(asked_of_definition::<()>(refused("ClientException")), Asked::Absent);
    }

    #[tokio::test]
    async fn what_several_want_is_asked_for_once() {
        let (memory, calls) = (Memory::default(), std::cell::Cell::new(0));
        let ask = async || {
            calls.set(calls.get() + 1);
            tokio::task::yield_now().await;
            Asked::Told(7)
        };
        let (one, other) = tokio::join!(memory.of("a", ask()), memory.of("a", ask()));
        assert_eq!((one, other, calls.get()), (Asked::Told(7), Asked::Told(7), 1));
    }
}

//! The API's handlers.

use crate::engine::Handlers;

/// Adds the handlers of ECS.
pub(crate) fn register(handlers: &mut Handlers) {
    let _ = handlers;
}

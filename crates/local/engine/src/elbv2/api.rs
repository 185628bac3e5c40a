//! The API's handlers.

use crate::engine::Handlers;

/// Adds the handlers of ELBv2.
pub(crate) fn register(handlers: &mut Handlers) {
    let _ = handlers;
}

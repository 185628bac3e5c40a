//! AWS protocols by the service models: bytes to typed requests and back. Knows no behaviour.

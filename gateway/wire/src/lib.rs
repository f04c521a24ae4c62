//! PostgreSQL protocol messages: bytes to values and back, no IO.

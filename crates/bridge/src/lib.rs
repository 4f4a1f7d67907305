//! Vetch: bridge.

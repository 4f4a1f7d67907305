//! Vetch: ns-mgmt.

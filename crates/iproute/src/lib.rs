//! Vetch: iproute.

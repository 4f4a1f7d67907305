//! Vetch: ipam.

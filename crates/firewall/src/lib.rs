//! Vetch: firewall.

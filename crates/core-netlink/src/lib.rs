//! Vetch: core-netlink.

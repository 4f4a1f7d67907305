//! The lab for privileged tests.

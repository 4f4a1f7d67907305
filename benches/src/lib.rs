//! The floor: exact messages by plain system calls.

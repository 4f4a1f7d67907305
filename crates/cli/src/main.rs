//! Vetch: container networking in one binary.
fn main() {}

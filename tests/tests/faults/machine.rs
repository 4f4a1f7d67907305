//! Whatever comes in whatever order.

use vetch_tests::faults::machine;

/// Always the same sequences: some that change much.
#[test]
fn whatever_comes_the_host_is_as_a_model_says() {
    machine(0..4, 12).check();
}

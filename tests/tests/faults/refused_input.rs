//! Input that cannot be right, under the eyes of the tracer.

use vetch_tests::{faults::bad_input, lab};

#[test]
fn bad_input_is_refused_before_the_first_write() {
    lab(|lab| {
        let row = bad_input(lab);
        row.check();
        assert!(row.trials >= 150, "{} rows", row.trials);
    });
}

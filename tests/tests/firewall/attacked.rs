//! Every attack of the campaign on networks that `vetch` makes: closed by default, open with the option that opens it.

use vetch_tests::{faults::isolation, lab};

#[test]
fn every_attack_fails_and_works_where_it_is_opened() {
    lab(|lab| isolation(lab).iter().for_each(|row| row.check()));
}

//! Many at once, again and again, and an address from hand to hand.

use vetch_tests::faults::{again_new, again_same, changes, crowd};
use vetch_tests::lab;

#[test]
fn sixty_four_at_once_attach_and_detach() {
    lab(|lab| crowd(lab, 64).check());
}

#[test]
fn the_same_attach_directly_after_detach() {
    lab(|lab| again_same(lab, 40).check());
}

#[test]
fn the_same_attach_into_a_new_namespace() {
    lab(|lab| again_new(lab, 40).check());
}

#[test]
fn an_address_that_changes_its_owner_is_reached_at_once() {
    lab(|lab| changes(lab, 2).check());
}

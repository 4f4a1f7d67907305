//! CNI's plugins that put a link other than the port of a bridge into a container: the same behaviour for every kind, then what each
//! kind is for, then the reference plugins beside ours.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod check;
mod device;
mod gone;
mod ipvlan;
mod life;
mod macvlan;
mod reference;
mod refused;
mod row;
mod scene;
mod tap;
mod vlan;

/// Each behaviour, for one kind.
macro_rules! kind {
    ($($kind:ident)*) => {
        $(mod $kind {
            use crate::*;

            fn run(behaviour: fn(&scene::Scene<'_>)) {
                scene::run(row::$kind, behaviour);
            }

            #[test]
            fn is_made_as_asked_for_and_taken_away() {
                run(life::is_made_as_asked_for_and_taken_away);
            }

            #[test]
            fn the_same_add_again_is_answered_the_same() {
                run(life::the_same_add_again_is_answered_the_same);
            }

            #[test]
            fn the_host_may_have_a_link_of_that_name() {
                run(life::the_host_may_have_a_link_of_that_name);
            }

            #[test]
            fn an_ipv6_address_switches_ipv6_on() {
                run(life::an_ipv6_address_switches_ipv6_on);
            }

            #[test]
            fn it_is_no_way_in_for_routers_of_others() {
                run(life::it_is_no_way_in_for_routers_of_others);
            }

            #[test]
            fn an_add_that_was_ended_early_is_begun_anew() {
                run(gone::an_add_that_was_ended_early_is_begun_anew);
            }

            #[test]
            fn del_needs_neither_path_nor_the_configuration_of_the_add() {
                run(gone::del_needs_neither_path_nor_the_configuration_of_the_add);
            }

            #[test]
            fn del_finds_it_under_another_name() {
                run(gone::del_finds_it_under_another_name);
            }

            #[test]
            fn del_succeeds_when_the_namespace_is_gone() {
                run(gone::del_succeeds_when_the_namespace_is_gone);
            }

            #[test]
            fn del_leaves_what_is_somebody_elses() {
                run(gone::del_leaves_what_is_somebody_elses);
            }

            #[test]
            fn gc_takes_exactly_the_others() {
                run(gone::gc_takes_exactly_the_others);
            }

            #[test]
            fn what_is_refused_changes_nothing() {
                run(refused::what_is_refused_changes_nothing);
            }

            #[test]
            fn an_add_that_fails_leaves_nothing() {
                run(refused::an_add_that_fails_leaves_nothing);
            }

            #[test]
            fn status_says_whether_an_add_would_do() {
                run(refused::status_says_whether_an_add_would_do);
            }

            #[test]
            fn check_finds_each_difference() {
                run(check::check_finds_each_difference);
            }

            #[test]
            fn check_finds_all_differences_at_once_and_other_links() {
                run(check::check_finds_all_differences_at_once_and_other_links);
            }

            #[test]
            fn check_finds_what_the_configuration_says_otherwise() {
                run(check::check_finds_what_the_configuration_says_otherwise);
            }
        })*
    };
}

/// The table of behaviours.
mod every {
    kind! { macvlan ipvlan vlan dummy tap host_device }
}

/// The same beside the reference, for the kinds that Debian's package has.
macro_rules! beside {
    ($($kind:ident)*) => {
        $(mod $kind {
            use crate::*;

            #[test]
            fn the_reference_answers_the_same() {
                reference::run(row::$kind, reference::the_reference_answers_the_same);
            }

            #[test]
            fn what_the_reference_made_is_checked_and_taken_away() {
                reference::run(row::$kind, reference::what_the_reference_made_is_checked_and_taken_away);
            }
        })*
    };
}

mod compared {
    beside! { macvlan ipvlan vlan host_device }
}

//! `ip address flush`.

use super::select::{Choice, nothing_chosen};
use super::show::{filter, oneline};
use crate::Done;
use crate::args::Args;
use crate::fault::Fault;
use crate::session::Session;
use core_netlink::Change;
use core_netlink::addr::{Address, AddressFlags};

const ROUNDS: u32 = 10;

pub(super) fn flush(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    let given = !args.is_empty();
    let choice = Choice::read(s, args)?;
    if !given || choice.is_nothing() {
        return Err(nothing_chosen());
    }
    for round in 1..=ROUNDS {
        let found = find(s, &choice)?;
        if found.is_empty() {
            return report_end(s, round - 1);
        }
        if s.opts.statistics > 1 {
            let rows = found
                .iter()
                .map(|address| oneline(s, address.link, address))
                .collect();
            s.print(rows)?;
        }
        delete(s, &found)?;
        if s.opts.statistics > 0 {
            s.say(format_args!(
                "\n*** Round {round}, deleting {} addresses ***\n",
                found.len()
            ))?;
        }
    }
    Err(Fault::new(
        1,
        "*** Flush remains incomplete after 10 rounds. ***",
        "cannot flush addresses",
        "new ones kept coming for 10 rounds",
    ))
}

fn find(s: &mut Session<'_>, choice: &Choice) -> Done<Vec<Address>> {
    let links = choice.links.find(s)?;
    let mut found = s.conn()?.addresses(&filter(choice, &links))?;
    found.retain(|address| {
        let link = links.iter().find(|link| link.index == address.link);
        link.is_some_and(|link| choice.passes(address, &link.name.to_string()))
    });
    Ok(found)
}

/// Secondary addresses first: those of a deleted primary go with it. One that is gone already is no error.
fn delete(s: &mut Session<'_>, found: &[Address]) -> Done {
    let mut order: Vec<&Address> = found.iter().collect();
    order.sort_by_key(|address| !address.flags.contains(AddressFlags::SECONDARY));
    let specs: Vec<_> = order.into_iter().map(Address::to_spec).collect();
    let failed = s.conn()?.batch(specs.iter().map(Change::delete))?;
    match failed
        .into_iter()
        .find(|failed| !failed.error.is_not_found())
    {
        Some(failed) => Err(failed.error.into()),
        None => Ok(()),
    }
}

fn report_end(s: &mut Session<'_>, rounds: u32) -> Done {
    match (s.opts.statistics, rounds) {
        (0, _) => Ok(()),
        (_, 0) => s.say("Nothing to flush.\n"),
        (_, 1) => s.say("*** Flush is complete after 1 round ***\n"),
        (_, more) => s.say(format_args!(
            "*** Flush is complete after {more} rounds ***\n"
        )),
    }
}

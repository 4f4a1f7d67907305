//! `ip route show` and `ip route flush`.

use super::filter::Filter;
use super::print::describe;
use crate::Done;
use crate::args::Args;
use crate::fault::Fault;
use crate::session::Session;
use core_netlink::Change;
use core_netlink::route::Route;

pub(super) const USAGE: &str = "[[root|match|exact] PREFIX] [table T|all] [dev LINK] [via PREFIX] [src PREFIX] [proto P] [scope S] [type TYPE] [metric N]";
const ROUNDS: u32 = 10;

pub(super) fn show(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    let filter = Filter::read(s, args)?;
    let printed = s.stream(&filter.kernel(), |s, route| {
        filter.shows(&route).then(|| describe(s, &route, &filter))
    });
    printed.map_err(|fault| fault.dump("Dump terminated"))
}

fn list(s: &mut Session<'_>, filter: &Filter) -> Done<Vec<Route>> {
    let mut routes = s.conn()?.routes(&filter.kernel())?;
    routes.retain(|route| filter.shows(route));
    Ok(routes)
}

pub(super) fn flush(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    if args.is_empty() {
        return Err(Fault::new(
            1,
            "\"ip route flush\" requires arguments.",
            "nothing says which routes to flush",
            "a flush without a filter would cut the host off",
        )
        .hint("`table main` for all of the main table, `dev LINK`, `proto P`, PREFIX ..."));
    }
    let filter = Filter::read(s, args)?;
    if filter.cache {
        return Ok(()); // there has been no route cache since Linux 3.6, and none for IPv6 to flush
    }
    for round in 1..=ROUNDS {
        let deleted = flush_round(s, &filter).map_err(|fault| fault.dump("Flush terminated"))?;
        if deleted == 0 {
            return report_end(s, round - 1);
        }
        if s.opts.statistics > 0 {
            s.say(format_args!(
                "\n*** Round {round}, deleting {deleted} entries ***\n"
            ))?;
        }
    }
    Err(Fault::new(
        1,
        "*** Flush not completed bailing out after 10 rounds",
        "cannot flush routes",
        "new ones kept coming for 10 rounds",
    ))
}

fn flush_round(s: &mut Session<'_>, filter: &Filter) -> Done<usize> {
    let specs: Vec<_> = list(s, filter)?.iter().filter_map(Route::to_spec).collect();
    let failed = s.conn()?.batch(specs.iter().map(Change::delete))?;
    let gone = failed
        .iter()
        .filter(|failed| failed.error.is_not_found())
        .count();
    match failed
        .into_iter()
        .find(|failed| !failed.error.is_not_found())
    {
        Some(failed) => Err(failed.error.into()),
        None => Ok(specs.len() - gone),
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

//! `ip link show`.

use super::print::{Part, brief, describe};
use super::select::Select;
use crate::Done;
use crate::args::Args;
use crate::session::Session;

pub(super) fn show(s: &mut Session<'_>, args: &mut Args<'_>) -> Done {
    let mut select = Select::default();
    while let Some(word) = args.next()? {
        if !select.take(s, args, word)? {
            select.take_dev(word)?;
        }
    }
    let links = select.find(s)?;
    let mut rows = Vec::new();
    for link in &links {
        let mut row = s.row();
        match s.opts.brief {
            true => brief(s, &mut row, link, true),
            false => describe(s, &mut row, link, Part::Link),
        }
        rows.push(row);
    }
    s.print(rows)
}

//! Plans and changes meet the kernel here.

use crate::tables::{COMMENT, MARK, TABLE, TablePlan, plans};
use crate::{Change, Element, Error, Owner, Result, Set, Step};
use core_netlink::nft::{self, Data, ElementSpec, TableSpec, Transaction};
use core_netlink::{Conn, Failed, Malformed};
use std::collections::HashSet;

const ATTEMPTS: usize = 8;
const ENOTEMPTY: i32 = 39; // an interval that overlaps another

/// What [`install`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Installed {
    /// Both tables were there and whole.
    Already,
    /// They were made, with all elements that were to be restored.
    Made,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Absent,
    Whole,
    /// Ours, but of another version, or not all is there.
    Broken,
}

/// Makes both tables, with the elements that `restore` answers, in one transaction; does nothing if they are there and whole.
///
/// `restore` is called only if the tables must be made: when they are not there (anybody may flush the ruleset), not whole, or of another version.
pub fn install(conn: &mut Conn, mut restore: impl FnMut() -> Result<Change>) -> Result<Installed> {
    for _ in 0..ATTEMPTS {
        let generation = conn.ruleset_generation()?;
        let states = states(conn)?;
        if states == [State::Whole; 2] {
            return Ok(Installed::Already);
        }
        let mut transaction = Transaction::new().at(generation);
        for (plan, state) in plans().iter().zip(states) {
            if state != State::Absent {
                transaction.delete(TableSpec::new(plan.family, TABLE));
            }
            plan.create(&mut transaction, COMMENT);
        }
        restore_all(&mut transaction, &restore()?);
        match conn.commit(&transaction) {
            Err(err) if err.is_stale() => continue,
            failed => {
                first(failed?)?;
                return Ok(Installed::Made);
            }
        }
    }
    Err(Error::Restless)
}

/// Of two records that claim the same key the first one wins: one that is wrong must not keep all others mute.
fn restore_all(transaction: &mut Transaction, change: &Change) {
    let mut seen = HashSet::new();
    for step in change.steps() {
        let element = step.element();
        if matches!(step, Step::Add(_)) && seen.insert((element.set, &element.key)) {
            transaction.create(spec(element));
        }
    }
}

fn first(failed: Vec<Failed>) -> Result<()> {
    match failed.into_iter().next() {
        Some(failed) => Err(failed.error.into()),
        None => Ok(()),
    }
}

/// Whether both tables are there and whole.
pub fn is_installed(conn: &mut Conn) -> Result<bool> {
    Ok(states(conn)? == [State::Whole; 2])
}

/// Whether anything of both tables is there.
pub fn is_left(conn: &mut Conn) -> Result<bool> {
    Ok(states(conn)? != [State::Absent; 2])
}

/// Which of them are: that of layer 2, and that of layer 3.
pub(crate) fn whole(conn: &mut Conn) -> Result<[bool; 2]> {
    Ok(states(conn)?.map(|state| state == State::Whole))
}

fn states(conn: &mut Conn) -> Result<[State; 2]> {
    let [guard, filter] = plans();
    Ok([state(conn, guard)?, state(conn, filter)?])
}

/// By name, whatever else is there: the fingerprint, and how much the kernel counts in table and chains.
fn state(conn: &mut Conn, plan: &TablePlan) -> Result<State> {
    let table = match conn.table(plan.family, TABLE) {
        Err(err) if err.is_not_found() => return Ok(State::Absent),
        table => table?,
    };
    let mark = table.comment.unwrap_or_default();
    if !mark.starts_with(MARK) {
        let table = format!("{} {TABLE}", plan.family);
        return Err(Error::Foreign { table });
    }
    if mark != COMMENT || !plan.uses().contains(&table.used) || table.flags != 0 {
        return Ok(State::Broken);
    }
    let names: Vec<&str> = plan.chains.iter().map(|chain| chain.name).collect();
    let chains = conn.chains_at(plan.family, TABLE, &names)?;
    for (chain, found) in plan.chains.iter().zip(chains) {
        match found {
            Ok(found) if found.used == plan.chain_uses(chain) && found.base == chain.base => {}
            Err(err) if !err.is_not_found() => return Err(err.into()),
            _ => return Ok(State::Broken),
        }
    }
    Ok(State::Whole)
}

/// Removes both tables and all that is in them; they may be gone already.
pub fn uninstall(conn: &mut Conn) -> Result<()> {
    for _ in 0..ATTEMPTS {
        let mut transaction = Transaction::new().at(conn.ruleset_generation()?);
        for (plan, state) in plans().iter().zip(states(conn)?) {
            if state != State::Absent {
                transaction.delete(TableSpec::new(plan.family, TABLE));
            }
        }
        match conn.commit(&transaction) {
            Err(err) if err.is_stale() => continue,
            failed => return first(failed?),
        }
    }
    Err(Error::Restless)
}

/// Makes a change in one transaction: all of it or nothing.
///
/// What is there already with the same owner is left; what another owner has is [`Error::Taken`]. What is to be removed may be gone, or
/// belong to another owner by now: it is left then.
pub fn apply(conn: &mut Conn, change: &Change) -> Result<()> {
    let mut wanted: Vec<&Step> = change.steps().iter().collect();
    for _ in 0..ATTEMPTS {
        let (mut transaction, steps) = still_wanted(conn, &wanted)?;
        for step in &steps {
            match step {
                Step::Add(element) => transaction.create(spec(element)),
                Step::Remove(element) => transaction.delete(spec(element)),
            }
        }
        match conn.commit(&transaction) {
            Err(err) if err.is_stale() => continue,
            failed => match failed? {
                none if none.is_empty() => return Ok(()),
                failed => wanted = without_done(conn, &steps, failed)?,
            },
        }
    }
    Err(Error::Restless)
}

/// Everything to add, and of what to remove all that is still the same owner's; and a transaction that holds only while it is.
fn still_wanted<'a>(conn: &mut Conn, steps: &[&'a Step]) -> Result<(Transaction, Vec<&'a Step>)> {
    let removed = steps.iter().filter_map(|step| match step {
        Step::Remove(element) => Some(spec(element)),
        Step::Add(_) => None,
    });
    let removed: Vec<ElementSpec> = removed.collect();
    if removed.is_empty() {
        return Ok((Transaction::new(), steps.to_vec()));
    }
    let (generation, found) = conn.elements_at(&removed)?;
    let (mut found, mut wanted) = (found.into_iter(), steps.to_vec());
    wanted.retain(|step| match step {
        Step::Add(_) => true,
        Step::Remove(element) => {
            let found = found.next().flatten();
            found.is_some_and(|found| held(element, &found) == Held::Same)
        }
    });
    Ok((Transaction::new().at(generation), wanted))
}

/// The steps that are still to do after some were refused: those refused because they are done already fall away.
fn without_done<'a>(
    conn: &mut Conn,
    steps: &[&'a Step],
    failed: Vec<Failed>,
) -> Result<Vec<&'a Step>> {
    let mut done = vec![false; steps.len()];
    for Failed { index, error, .. } in failed {
        let Some(Step::Add(element)) = steps.get(index).copied() else {
            return Err(error.into());
        };
        if !error.is_exists() && error.errno() != Some(ENOTEMPTY) {
            return Err(error.into());
        }
        match holder(conn, element)? {
            Some(Held::Same) => done[index] = true,
            Some(Held::Other(holder)) => {
                return Err(Error::Taken {
                    element: Box::new(element.clone()),
                    holder,
                });
            }
            None if error.is_exists() => {} // gone meanwhile: again
            None => {
                return Err(Error::Taken {
                    element: Box::new(element.clone()),
                    holder: None,
                });
            }
        }
    }
    let todo = steps.iter().zip(done).filter(|(_, done)| !done);
    Ok(todo.map(|(step, _)| *step).collect())
}

#[derive(PartialEq, Eq)]
enum Held {
    /// By the same owner, for the same value.
    Same,
    Other(Option<Owner>),
}

fn holder(conn: &mut Conn, element: &Element) -> Result<Option<Held>> {
    let found = conn.element(&spec(element))?;
    Ok(found.map(|found| held(element, &found)))
}

fn held(element: &Element, found: &nft::Element) -> Held {
    let same = decode(element.set, found).is_ok_and(|found| found.as_ref() == Some(element));
    match same {
        true => Held::Same,
        false => Held::Other(found.comment.as_deref().and_then(Owner::from_comment)),
    }
}

/// All elements of ours, by their comments.
pub fn elements(conn: &mut Conn) -> Result<Vec<Element>> {
    let mut all = Vec::new();
    for set in Set::ALL {
        all.extend(elements_of(conn, set)?);
    }
    Ok(all)
}

/// Those of the elements to add that are there, by their keys; without a look at any other.
pub fn elements_among(conn: &mut Conn, wanted: &Change) -> Result<Vec<Element>> {
    let wanted: Vec<&Element> = wanted.steps().iter().map(Step::element).collect();
    let specs: Vec<ElementSpec> = wanted.iter().map(|element| spec(element)).collect();
    let found = match conn.elements_at(&specs) {
        Err(err) if err.is_not_found() => return Ok(Vec::new()),
        found => found?.1,
    };
    let found = wanted.iter().zip(found);
    let ours = found.filter_map(|(wanted, found)| decode(wanted.set, &found?).ok().flatten());
    Ok(ours.collect())
}

/// The elements of ours in one set; none if it is not there.
pub fn elements_of(conn: &mut Conn, set: Set) -> Result<Vec<Element>> {
    let found = match conn.elements(set.family(), TABLE, set.name()) {
        Err(err) if err.is_not_found() => return Ok(Vec::new()),
        found => found?,
    };
    let ours = found
        .iter()
        .filter_map(|element| decode(set, element).ok().flatten());
    Ok(ours.collect())
}

fn spec(element: &Element) -> ElementSpec {
    ElementSpec {
        family: element.set.family(),
        table: TABLE.into(),
        set: element.set.name().into(),
        key: element.key.clone(),
        end: element.end.clone(),
        data: (!element.value.is_empty()).then(|| Data::of(&element.value)),
        comment: element.owner.to_string(),
        ..ElementSpec::default()
    }
}

/// `None` for one without a comment of ours.
fn decode(set: Set, found: &nft::Element) -> Result<Option<Element>, Malformed> {
    let Some(owner) = found.comment.as_deref().and_then(Owner::from_comment) else {
        return Ok(None);
    };
    Ok(Some(Element {
        set,
        key: found.key_fields(set.key())?,
        end: found.end_fields(set.key())?,
        value: found.data_fields(set.value())?,
        owner,
    }))
}

//! Steps that are undone, last first, if a later one fails.

use crate::error::{Error, Result};

type Undo<C> = Box<dyn FnOnce(&mut C) -> Result<()>>;

/// What was done so far, by how it is undone in a context `C`, such as a connection.
pub(super) struct Done<C>(Vec<Undo<C>>);

impl<C> Done<C> {
    /// Nothing so far.
    pub(super) fn nothing() -> Done<C> {
        Done(Vec::new())
    }

    /// One more step was done, which this undoes.
    pub(super) fn undone_by(&mut self, undo: impl FnOnce(&mut C) -> Result<()> + 'static) {
        self.0.push(Box::new(undo));
    }

    /// After a failure everything is undone, past failures; those are added to the error's details.
    pub(super) fn or_undo<T>(self, context: &mut C, outcome: Result<T>) -> Result<T> {
        outcome.map_err(|err| {
            let undone = self.0.into_iter().rev().map(|undo| undo(context));
            let left = undone.filter_map(Result::err);
            let left: Vec<String> = left.map(|left| format!("not undone: {left}")).collect();
            with(err, left)
        })
    }
}

/// The same error with more to say.
fn with(err: Error, more: Vec<String>) -> Error {
    let said = Some(err.details.clone()).filter(|said| !said.is_empty());
    let all: Vec<String> = said.into_iter().chain(more).collect();
    err.with_details(all.join("; "))
}

/// All failures in one error; what does not fail is done nevertheless.
pub(super) fn all(done: impl IntoIterator<Item = Result<()>>) -> Result<()> {
    let mut failed: Vec<Error> = done.into_iter().filter_map(Result::err).collect();
    match failed.len() {
        0 => Ok(()),
        1 => failed.pop().map_or(Ok(()), Err),
        _ => {
            let (code, msgs): (_, Vec<&str>) = (
                failed.first().map(|err| err.code),
                failed.iter().map(|err| err.msg.as_str()).collect(),
            );
            let code = code.unwrap_or(crate::error::Code::Failed);
            Err(Error::new(code, msgs.join("; ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    fn failure(word: &str) -> Error {
        Error::new(Code::Failed, word)
    }

    #[test]
    fn the_last_step_is_undone_first_and_a_failure_stops_nothing() {
        let mut done = Done::nothing();
        for word in ["a", "b", "c"] {
            done.undone_by(move |log: &mut Vec<&str>| {
                log.push(word);
                match word {
                    "b" => Err(failure("b stays")),
                    _ => Ok(()),
                }
            });
        }
        let mut log = Vec::new();
        let err = failure("d").with_details("try e");
        let err = done.or_undo::<()>(&mut log, Err(err)).unwrap_err();
        assert_eq!(log, ["c", "b", "a"]);
        assert_eq!(err.details, "try e; not undone: b stays");
    }

    #[test]
    fn success_undoes_nothing() {
        let mut done = Done::nothing();
        done.undone_by(|log: &mut Vec<&str>| {
            log.push("undone");
            Ok(())
        });
        let mut log = Vec::new();
        assert_eq!(done.or_undo(&mut log, Ok(1)), Ok(1));
        assert!(log.is_empty());
    }

    #[test]
    fn several_failures_become_one() {
        assert_eq!(all([Ok(()), Ok(())]), Ok(()));
        let err = all([Err(failure("a")), Ok(()), Err(failure("b"))]);
        assert_eq!(err.unwrap_err().msg, "a; b");
    }
}

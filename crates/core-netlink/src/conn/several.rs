//! Several questions in one send, each with an answer of its own.

use super::{Conn, Query, Record, Request};
use crate::attr::Malformed;
use crate::error::{Cause, Error, Result};
use crate::wire::Flags;
use nix::libc;

/// What the kernel says to one of several questions.
enum Word<'a> {
    Object(u16, &'a [u8]),
    Refused(Error),
    Done,
}

/// The answer to the first question, and those to the others.
type Answers<A, B> = (Result<A>, Vec<Result<B>>);

impl Conn {
    /// One object of a kind and some of another, in one send. What became of one question says nothing of the others.
    pub fn get_with<A: Query, B: Query>(
        &mut self,
        first: &A,
        others: &[B],
    ) -> Result<Answers<A::Record, B::Record>> {
        let mut one = no_answer(first);
        let mut rest: Vec<_> = others.iter().map(no_answer).collect();
        let requests = others.iter().map(|other| other as &dyn Request);
        let requests: Vec<_> = [first as &dyn Request]
            .into_iter()
            .chain(requests)
            .collect();
        self.ask(&requests, Flags::NONE, |at, word, _| {
            match at.checked_sub(1).and_then(|at| rest.get_mut(at)) {
                Some(answer) => read(answer, word)?,
                None => read(&mut one, word)?,
            }
            Ok(true)
        })?;
        Ok((one, rest))
    }

    /// Several objects in one send. What became of one question says nothing of the others.
    pub fn get_all<Q: Query>(&mut self, requests: &[Q]) -> Result<Vec<Result<Q::Record>>> {
        let mut answers: Vec<_> = requests.iter().map(no_answer).collect();
        let all: Vec<_> = requests.iter().map(|one| one as &dyn Request).collect();
        self.ask(&all, Flags::NONE, |at, word, _| {
            read(&mut answers[at], word)?;
            Ok(true)
        })?;
        Ok(answers)
    }

    /// Several changes in one send, each acknowledged or refused.
    pub fn change_all<R: Request>(&mut self, requests: &[R]) -> Result<Vec<Result<()>>> {
        let mut done: Vec<_> = requests.iter().map(|_| Ok(())).collect();
        let requests: Vec<_> = requests.iter().map(|one| one as &dyn Request).collect();
        self.ask(&requests, Flags::ACK, |at, word, _| match word {
            Word::Object(..) => Ok(false),
            Word::Done => Ok(true),
            Word::Refused(error) => {
                done[at] = Err(error);
                Ok(true)
            }
        })?;
        Ok(done)
    }

    /// Several lists in one send. A socket lists one thing at a time: those that would have to wait for an earlier one, or changed
    /// meanwhile, are asked for once more, by themselves.
    pub fn dump_all<Q: Query>(&mut self, requests: &[Q]) -> Result<Vec<Result<Vec<Q::Record>>>> {
        let mut lists: Vec<_> = requests.iter().map(|_| Ok(Vec::new())).collect();
        let all: Vec<_> = requests.iter().map(|one| one as &dyn Request).collect();
        let mut again = vec![false; requests.len()];
        self.ask(&all, Flags::DUMP, |at, word, interrupted| {
            again[at] |= interrupted;
            match (word, &mut lists[at]) {
                (Word::Object(kind, body), Ok(list)) => {
                    list.extend(Q::Record::decode(kind, body)?);
                    return Ok(false);
                }
                (Word::Refused(error), _) if error.errno() == Some(libc::EBUSY) => again[at] = true,
                (Word::Refused(error), list) => *list = Err(error),
                _ => {}
            }
            Ok(true)
        })?;
        for ((request, list), again) in requests.iter().zip(&mut lists).zip(again) {
            if again {
                *list = self.dump(request);
            }
        }
        Ok(lists)
    }

    /// Until `each` has said of every request that it is settled. Who lacks the privilege gets one refusal for all that is sent to
    /// nf_tables.
    fn ask(
        &mut self,
        requests: &[&dyn Request],
        extra: Flags,
        mut each: impl FnMut(usize, Word<'_>, bool) -> Result<bool, Malformed>,
    ) -> Result<()> {
        let Some(head) = requests.first() else {
            return Ok(());
        };
        self.out.clear();
        let placed = requests.iter().map(|one| self.write(*one, extra));
        let placed = placed.collect::<Result<Vec<_>>>()?;
        let (first, mut open) = (placed[0].seq, vec![true; requests.len()]);
        self.send(*head)?;
        self.each_frame(*head, |frame, out, warnings| {
            let at = frame.seq.wrapping_sub(first) as usize;
            if !open.get(at).is_some_and(|open| *open) || frame.is_noop() {
                return Ok(false); // an answer to an earlier request that ran out of time
            }
            let Some(verdict) = frame.verdict() else {
                let word = Word::Object(frame.kind, frame.body);
                open[at] = !each(at, word, frame.interrupted()).map_err(Cause::Malformed)?;
                return Ok(!open.contains(&true));
            };
            let verdict = verdict.map_err(Cause::Malformed)?;
            warnings.extend(verdict.text().filter(|_| verdict.errno == 0));
            let all = verdict.errno == libc::EPERM && at == 0;
            let settled = at..if all { requests.len() } else { at + 1 };
            for at in settled {
                let word = match verdict.errno {
                    0 => Word::Done,
                    _ => {
                        let cause = Cause::Kernel(verdict.error(&out[placed[at].start..]));
                        Word::Refused(Error::new(requests[at].what(), cause))
                    }
                };
                each(at, word, frame.interrupted()).map_err(Cause::Malformed)?;
                open[at] = false;
            }
            Ok(!open.contains(&true))
        })
    }
}

fn no_answer<Q: Query>(request: &Q) -> Result<Q::Record> {
    Err(Error::new(request.what(), Cause::NoAnswer))
}

fn read<R: Record>(answer: &mut Result<R>, word: Word<'_>) -> Result<(), Malformed> {
    match word {
        Word::Object(kind, body) => {
            if let Some(found) = R::decode(kind, body)? {
                *answer = Ok(found);
            }
        }
        Word::Refused(error) => *answer = Err(error),
        Word::Done => {}
    }
    Ok(())
}

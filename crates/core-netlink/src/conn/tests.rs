//! The conversation, against a function that plays the kernel.

use super::*;
use crate::attr::Attrs;
use std::sync::mpsc;

const THING: u16 = 70;

/// Asks for, makes or lists things; `0` is its number.
struct Ask(u32);

impl Request for Ask {
    fn kind(&self) -> u16 {
        THING
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.u32(1, self.0);
    }

    fn what(&self) -> String {
        format!("ask for thing {}", self.0)
    }

    fn check(&self) -> Result<(), String> {
        match self.0 {
            u32::MAX => Err("there is no such thing".to_owned()),
            _ => Ok(()),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Thing(u32);

impl Record for Thing {
    fn decode(kind: u16, body: &[u8]) -> Result<Option<Self>, Malformed> {
        if kind != THING {
            return Ok(None);
        }
        let number = Attrs::new(body).find(1)?;
        number.map(|attr| attr.u32().map(Thing)).transpose()
    }
}

impl Query for Ask {
    type Record = Thing;
}

fn thing(number: u32) -> (u16, Vec<u8>) {
    let mut bytes = Vec::new();
    Writer::new(&mut bytes).u32(1, number);
    (THING, bytes)
}

/// Which thing the request is about.
fn number(sent: &Sent<'_>) -> u32 {
    let attr = Attrs::new(sent.body).find(1).unwrap().unwrap();
    attr.u32().unwrap()
}

fn always(reply: Reply) -> Conn {
    Conn::fake(move |_| reply.clone())
}

#[test]
fn a_change_is_acknowledged_or_refused_with_the_kernels_words() {
    assert!(always(Reply::Ack).change(&Ask(1)).is_ok());
    let err = always(Reply::Errno(17)).change(&Ask(1)).unwrap_err();
    assert!(err.is_exists() && err.kernel_text().is_none());
    assert_eq!(err.to_string(), "cannot ask for thing 1");
    let words = Reply::Words(22, "not on a Sunday".to_owned());
    let err = always(words).change(&Ask(1)).unwrap_err();
    assert_eq!(err.kernel_text(), Some("not on a Sunday"));
    let source = std::error::Error::source(&err).unwrap().to_string();
    assert_eq!(source, "Invalid argument (not on a Sunday)");
}

#[test]
fn a_warning_is_kept_and_the_change_is_done() {
    let mut conn = always(Reply::Warning("deprecated".to_owned()));
    conn.change(&Ask(1)).unwrap();
    conn.change(&Ask(2)).unwrap();
    assert_eq!(conn.take_warnings(), ["deprecated", "deprecated"]);
    assert!(conn.take_warnings().is_empty());
}

#[test]
fn what_must_not_be_sent_is_not_sent() {
    let mut conn = Conn::fake(|_| panic!("the kernel was asked"));
    let err = conn.change(&Ask(u32::MAX)).unwrap_err();
    assert!(err.is_invalid() && err.errno().is_none());
    let err = conn.batch([Ask(u32::MAX)]).unwrap_err();
    assert!(err.is_invalid());
}

#[test]
fn a_get_takes_the_object_and_misses_it() {
    assert_eq!(
        always(Reply::Records(vec![thing(7)])).get(&Ask(7)).unwrap(),
        Thing(7)
    );
    let err = always(Reply::Errno(19)).get(&Ask(7)).unwrap_err();
    assert!(err.is_not_found());
    let other = (THING + 1, Vec::new());
    let err = always(Reply::Records(vec![other]))
        .get(&Ask(7))
        .unwrap_err();
    assert!(format!("{err:?}").contains("without an answer"), "{err:?}");
}

#[test]
fn a_create_takes_the_echo_or_does_without() {
    let mut conn = Conn::fake(|sent| {
        assert!(sent.flags.contains(Flags::ECHO));
        match number(sent) {
            1 => Reply::Records(vec![thing(1)]),
            _ => Reply::Ack,
        }
    });
    assert_eq!(conn.create(&Ask(1)).unwrap(), Some(Thing(1)));
    assert_eq!(conn.create(&Ask(2)).unwrap(), None);
}

#[test]
fn a_torn_object_is_an_error() {
    let torn = (THING, vec![9, 0, 1, 0, 1]);
    let err = always(Reply::Records(vec![torn])).get(&Ask(7)).unwrap_err();
    assert!(format!("{err:?}").contains("malformed"), "{err:?}");
}

/// A list that changes `times` times while it is read.
fn changing(times: usize) -> (Result<Vec<Thing>>, usize) {
    let (tell, told) = mpsc::channel();
    let mut left = times;
    let mut conn = Conn::fake(move |sent| {
        tell.send(()).unwrap();
        assert!(sent.flags.contains(Flags::DUMP));
        if left > 0 {
            left -= 1;
            return Reply::Interrupted(vec![thing(1)]);
        }
        Reply::Records(vec![thing(1), thing(2)])
    });
    let list = conn.dump(&Ask(0));
    drop(conn);
    (list, told.iter().count())
}

#[test]
fn an_interrupted_list_is_read_again_but_not_for_ever() {
    let whole = vec![Thing(1), Thing(2)];
    let (list, asked) = changing(0);
    assert_eq!((list.unwrap(), asked), (whole.clone(), 1));
    let (list, asked) = changing(3);
    assert_eq!((list.unwrap(), asked), (whole.clone(), 4));
    let (list, asked) = changing(DUMP_ATTEMPTS - 1);
    assert_eq!((list.unwrap(), asked), (whole, DUMP_ATTEMPTS));
    let (list, asked) = changing(100);
    assert!(list.unwrap_err().is_interrupted());
    assert_eq!(asked, DUMP_ATTEMPTS);
}

#[test]
fn an_empty_list_and_a_refused_list() {
    assert_eq!(always(Reply::Records(vec![])).dump(&Ask(0)).unwrap(), []);
    let err = always(Reply::Errno(1)).dump(&Ask(0)).unwrap_err();
    assert!(err.is_permission());
}

#[test]
fn silence_ends_with_an_error() {
    let mut conn = always(Reply::Silence);
    let err = conn.change(&Ask(1)).unwrap_err();
    assert!(err.is_outcome_unknown());
    assert!(conn.dump(&Ask(1)).unwrap_err().is_outcome_unknown());
    assert!(conn.batch([Ask(1)]).unwrap_err().is_outcome_unknown());
}

/// What is left over from an earlier request has another sequence number.
#[test]
fn late_answers_are_skipped() {
    let mut conn = Conn::fake(|sent| Reply::Records(vec![thing(number(sent))]));
    // a get ends with its object: the second one, and whatever follows, is still there when the next request asks
    conn.socket.send(&late(&mut Vec::new())).unwrap();
    conn.seq = 40;
    assert_eq!(conn.get(&Ask(2)).unwrap(), Thing(2));
}

/// Request 7 for thing 1, of which nobody will read the answer.
fn late(out: &mut Vec<u8>) -> Vec<u8> {
    let start = wire::begin(out, THING, Flags::NONE, 7);
    Ask(1).encode(&mut Writer::new(out));
    wire::finish(out, start);
    out.clone()
}

#[test]
fn a_batch_ties_each_error_to_its_request() {
    let mut conn = Conn::fake(|sent| match number(sent) % 100 {
        13 => Reply::Errno(17),
        99 => Reply::Words(22, "no".to_owned()),
        _ => Reply::Ack,
    });
    let failed = conn.batch((0..300).map(Ask)).unwrap();
    let failed: Vec<_> = failed
        .iter()
        .map(|f| (f.index, f.error.errno(), f.error.op().to_owned()))
        .collect();
    let said = |n: usize| format!("ask for thing {n}");
    let want = [13, 99, 113, 199, 213, 299]
        .map(|n| (n, Some(if n % 100 == 13 { 17 } else { 22 }), said(n)));
    assert_eq!(failed, want);
}

#[test]
fn a_batch_asks_for_one_acknowledgement_per_send() {
    let (tell, told) = mpsc::channel();
    let mut conn = Conn::fake(move |sent| {
        tell.send(sent.flags.contains(Flags::ACK)).unwrap();
        Reply::Ack
    });
    assert!(conn.batch((0..300).map(Ask)).unwrap().is_empty());
    assert!(conn.batch(std::iter::empty::<Ask>()).unwrap().is_empty());
    drop(conn);
    let acked: Vec<_> = told
        .iter()
        .enumerate()
        .filter(|(_, ack)| *ack)
        .map(|(at, _)| at)
        .collect();
    assert_eq!(acked, [127, 255, 299]);
}

#[test]
fn a_transaction_fails_as_a_whole_or_by_its_requests() {
    let mut conn = Conn::fake(|sent| match number(sent) {
        2 => Reply::Errno(17),
        50 => Reply::Errno(85),
        _ => Reply::Ack,
    });
    let requests = [&Ask(1) as &dyn Request, &Ask(2), &Ask(3)];
    let failed = conn.transact(&Ask(0), &requests, &Ask(9)).unwrap();
    assert_eq!(failed.iter().map(|f| f.index).collect::<Vec<_>>(), [1]);
    let err = conn.transact(&Ask(50), &requests, &Ask(9)).unwrap_err();
    assert!(err.is_stale());
    assert!(conn.transact(&Ask(0), &[], &Ask(9)).unwrap().is_empty());
}

#[test]
fn an_attribute_that_is_too_long_is_not_sent() {
    struct Long;
    impl Request for Long {
        fn kind(&self) -> u16 {
            THING
        }
        fn encode(&self, w: &mut Writer<'_>) {
            w.bytes(1, &[0; 70_000]);
        }
        fn what(&self) -> String {
            "be long".to_owned()
        }
    }
    let mut conn = Conn::fake(|_| panic!("the kernel was asked"));
    assert!(conn.change(&Long).unwrap_err().is_invalid());
}

#[test]
fn notices_come_one_datagram_at_a_time() {
    let mut conn = always(Reply::Records(vec![
        thing(1),
        (THING + 1, vec![]),
        thing(2),
    ]));
    conn.socket.send(&late(&mut Vec::new())).unwrap();
    let record = |n| Notice::Record {
        kind: THING,
        record: Thing(n),
        sender: 0,
    };
    assert_eq!(conn.try_next().unwrap(), Some(vec![record(1), record(2)]));
    assert_eq!(conn.try_next::<Thing>().unwrap(), None);
}

#[test]
fn each_of_several_questions_has_its_own_answer() {
    let mut conn = Conn::fake(|sent| match number(sent) {
        2 => Reply::Errno(2),
        n => Reply::Records(vec![thing(n)]),
    });
    let (one, others) = conn.get_with(&Ask(1), &[Ask(2), Ask(3)]).unwrap();
    assert_eq!(one.unwrap(), Thing(1));
    let [missing, there] = <[_; 2]>::try_from(others).unwrap();
    assert!(missing.unwrap_err().is_not_found());
    assert_eq!(there.unwrap(), Thing(3));
    assert_eq!(conn.get(&Ask(4)).unwrap(), Thing(4), "nothing is left over");
    let done = conn.change_all(&[Ask(1), Ask(2)]).unwrap();
    let refused: Vec<_> = done.iter().map(Result::is_err).collect();
    assert_eq!(refused, [false, true]);
}

/// nf_tables answers who lacks the privilege but once, whatever was sent.
#[test]
fn one_refusal_for_want_of_privilege_is_that_of_all() {
    let mut conn = Conn::fake(|sent| match number(sent) {
        1 => Reply::Errno(nix::libc::EPERM),
        _ => Reply::Silence,
    });
    let (one, others) = conn.get_with(&Ask(1), &[Ask(2)]).unwrap();
    let errors = [
        one.unwrap_err(),
        others.into_iter().next().unwrap().unwrap_err(),
    ];
    assert!(errors.iter().all(Error::is_permission));
    assert_eq!(errors[1].op(), "ask for thing 2");
}

#[test]
fn a_list_that_cannot_begin_yet_is_asked_for_again() {
    let mut busy = true;
    let mut conn = Conn::fake(move |sent| match number(sent) {
        2 if std::mem::take(&mut busy) => Reply::Errno(nix::libc::EBUSY),
        3 => Reply::Errno(2),
        n => Reply::Records(vec![thing(n), thing(n + 10)]),
    });
    let lists = conn.dump_all(&[Ask(1), Ask(2), Ask(3)]).unwrap();
    let [first, second, third] = <[_; 3]>::try_from(lists).unwrap();
    assert_eq!(first.unwrap(), [Thing(1), Thing(11)]);
    assert_eq!(second.unwrap(), [Thing(2), Thing(12)]);
    assert!(third.unwrap_err().is_not_found());
}

#[test]
fn a_list_that_was_not_read_is_read_out_before_the_next() {
    let mut first = true;
    let mut conn = Conn::fake(move |_| {
        let things = (0..2_000).map(thing).collect();
        match std::mem::take(&mut first) {
            true => Reply::Torn(things),
            false => Reply::Records(things),
        }
    });
    assert!(conn.dump(&Ask(1)).unwrap_err().is_of_receiving());
    assert_eq!(conn.dump(&Ask(1)).unwrap().len(), 2_000);
}

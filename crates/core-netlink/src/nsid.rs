//! The numbers by which a network namespace knows others (`RTM_*NSID`, linux/net_namespace.h, ip-netns(8) `set`).

use crate::attr::{Malformed, Writer, split_header};
use crate::conn::{Conn, Query, Record, Request};
use crate::error::Result;
use crate::trace::layout::{Field, Fixed, Shape, attributes, messages};
use crate::types::NsId;
use std::os::fd::{AsRawFd, BorrowedFd};

messages! {
    pub(crate) MESSAGES = "", HEADER, ATTRIBUTES {
        RTM_NEWNSID = 88,
        RTM_DELNSID = 89,
        RTM_GETNSID = 90,
    }
}

attributes! {
    ATTRIBUTES = "" {
        NETNSA_NSID = 1 Signed,
        NETNSA_PID = 2 Number,
        NETNSA_FD = 3 Number,
        NETNSA_TARGET_NSID = 4 Signed,
        NETNSA_CURRENT_NSID = 5 Signed,
    }
}

/// `struct rtgenmsg`.
static HEADER: Fixed = Fixed {
    size: 1,
    fields: &[Field("family", 0, 1, Shape::Number)],
};

const NOT_ASSIGNED: i32 = -1;

/// A network namespace, told to the kernel.
#[derive(Clone, Copy, Debug)]
pub enum NsRef<'a> {
    /// By an open descriptor of it.
    Fd(BorrowedFd<'a>),
    /// By a process in it.
    Pid(u32),
    /// By its number, for asking only: not found if nobody holds the namespace any more.
    Id(NsId),
}

impl NsRef<'_> {
    fn encode(self, w: &mut Writer<'_>) {
        match self {
            NsRef::Fd(fd) => w.i32(NETNSA_FD, fd.as_raw_fd()),
            NsRef::Pid(pid) => w.u32(NETNSA_PID, pid),
            NsRef::Id(id) => w.i32(NETNSA_NSID, id.get()),
        }
    }

    fn what(self) -> String {
        match self {
            NsRef::Fd(fd) => format!("the network namespace of descriptor {}", fd.as_raw_fd()),
            NsRef::Pid(pid) => format!("the network namespace of process {pid}"),
            NsRef::Id(id) => format!("the network namespace with number {}", id.get()),
        }
    }
}

/// `struct rtgenmsg`, of any family.
fn header(w: &mut Writer<'_>) {
    w.raw(&[0]);
}

/// A number, as the kernel reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NsIdRecord {
    /// The number; `None` if the namespace has none here.
    pub id: Option<NsId>,
    /// The number that the asking namespace gave it, if another's numbers were asked for.
    pub current: Option<NsId>,
}

impl Record for NsIdRecord {
    fn decode(kind: u16, body: &[u8]) -> Result<Option<Self>, Malformed> {
        if !matches!(kind, RTM_NEWNSID | RTM_DELNSID) {
            return Ok(None);
        }
        let (_, attrs) = split_header::<1>(body, "namespace id")?;
        let read = |kind| -> Result<Option<NsId>, Malformed> {
            let id = attrs.find(kind)?.map(|attr| attr.i32()).transpose()?;
            Ok(id.and_then(|id| NsId::try_from(id).ok()))
        };
        let missing = Malformed::new("namespace id without NETNSA_NSID", 4, 0);
        attrs.find(NETNSA_NSID)?.ok_or(missing)?;
        let (id, current) = (read(NETNSA_NSID)?, read(NETNSA_CURRENT_NSID)?);
        Ok(Some(NsIdRecord { id, current }))
    }
}

/// Asks for the number of a namespace.
#[derive(Clone, Copy, Debug)]
pub struct NsIdKey<'a> {
    /// Of which.
    pub of: NsRef<'a>,
    /// Among the numbers of this namespace in place of our own.
    pub target: Option<NsId>,
}

impl Request for NsIdKey<'_> {
    fn kind(&self) -> u16 {
        RTM_GETNSID
    }

    fn encode(&self, w: &mut Writer<'_>) {
        header(w);
        self.of.encode(w);
        if let Some(target) = self.target {
            w.i32(NETNSA_TARGET_NSID, target.get());
        }
    }

    fn what(&self) -> String {
        format!("get the id of {}", self.of.what())
    }
}

impl Query for NsIdKey<'_> {
    type Record = NsIdRecord;
}

/// Gives a namespace a number; once given it stays.
#[derive(Clone, Copy, Debug)]
pub struct NsIdSpec<'a> {
    /// To which.
    pub of: NsRef<'a>,
    /// The number; the kernel chooses unless given.
    pub id: Option<NsId>,
}

impl Request for NsIdSpec<'_> {
    fn kind(&self) -> u16 {
        RTM_NEWNSID
    }

    fn encode(&self, w: &mut Writer<'_>) {
        header(w);
        self.of.encode(w);
        w.i32(NETNSA_NSID, self.id.map_or(NOT_ASSIGNED, NsId::get));
    }

    fn what(&self) -> String {
        match self.id {
            Some(id) => format!("give id {id} to {}", self.of.what()),
            None => format!("give an id to {}", self.of.what()),
        }
    }
}

/// Lists the numbers in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NsIdFilter {
    /// Those of this namespace in place of our own.
    pub target: Option<NsId>,
}

impl Request for NsIdFilter {
    fn kind(&self) -> u16 {
        RTM_GETNSID
    }

    fn encode(&self, w: &mut Writer<'_>) {
        header(w);
        if let Some(target) = self.target {
            w.i32(NETNSA_TARGET_NSID, target.get());
        }
    }

    fn what(&self) -> String {
        "list namespace ids".into()
    }
}

impl Query for NsIdFilter {
    type Record = NsIdRecord;
}

impl Conn {
    /// The number of a namespace; `None` if it has none here.
    ///
    /// ```no_run
    /// use core_netlink::{Conn, Protocol, nsid::NsRef};
    /// use std::os::fd::AsFd;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut conn = Conn::open(Protocol::Route)?;
    /// let file = std::fs::File::open("/run/netns/blue")?;
    /// let id = conn.nsid(NsRef::Fd(file.as_fd()))?;
    /// # drop(id);
    /// # Ok(())
    /// # }
    /// ```
    pub fn nsid(&mut self, of: NsRef<'_>) -> Result<Option<NsId>> {
        let found = self.get(&NsIdKey { of, target: None })?;
        Ok(found.id)
    }

    /// Gives a namespace a number (one that the kernel chooses unless given); an error for which `is_exists` holds if it has one.
    pub fn set_nsid(&mut self, of: NsRef<'_>, id: Option<NsId>) -> Result<()> {
        self.change(&NsIdSpec { of, id })
    }

    /// Every number in use here.
    pub fn nsids(&mut self) -> Result<Vec<NsId>> {
        let found = self.dump(&NsIdFilter::default())?;
        Ok(found.into_iter().filter_map(|record| record.id).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Reply;
    use crate::testing::{body, check_cuts, decode, hex, sorted};
    use std::os::fd::AsFd;

    /// Bytes of `ip netns set blue 7` and `ip netns list-id` of iproute2 6.1.
    #[test]
    fn messages_are_those_of_ip_and_the_kernel() {
        let file = std::fs::File::open("/dev/null").unwrap();
        let of = NsRef::Fd(file.as_fd());
        let mut words = hex("00 000000  0800 0300 06000000  0800 0100 07000000");
        words[8..12].copy_from_slice(&file.as_raw_fd().to_ne_bytes());
        let id = Some(NsId::try_from(7).unwrap());
        assert_eq!(body(&NsIdSpec { of, id }), words);
        assert_eq!(body(&NsIdKey { of, target: None }), words[..12]);
        assert_eq!(body(&NsIdFilter::default()), hex("00 000000"));
        let pid = NsIdKey {
            of: NsRef::Pid(5),
            target: id,
        };
        assert_eq!(
            sorted::<4>(&body(&pid)),
            sorted::<4>(&hex("00 000000  0800 0200 05000000  0800 0400 07000000"))
        );
        let answer = hex("00 000000  0800 0100 07000000");
        assert_eq!(
            decode::<NsIdRecord>(RTM_NEWNSID, &answer),
            NsIdRecord { id, current: None }
        );
        check_cuts::<NsIdRecord, 4>(RTM_NEWNSID, &answer);
    }

    #[test]
    fn a_namespace_without_a_number_has_none() {
        let mut conn = Conn::fake(|_| {
            Reply::Records(vec![(RTM_NEWNSID, hex("00 000000  0800 0100 ffffffff"))])
        });
        assert_eq!(conn.nsid(NsRef::Pid(5)).unwrap(), None);
        let mut conn = Conn::fake(|_| Reply::Errno(17));
        let err = conn.set_nsid(NsRef::Pid(5), None).unwrap_err();
        assert_eq!(
            err.to_string(),
            "cannot give an id to the network namespace of process 5"
        );
    }
}

//! Traffic control against the bytes of tc (iproute2 6.1) and of Linux 6.18, random values and a fake kernel.

mod filters;
mod qdiscs;
mod random;

use super::*;
use crate::fake::Reply;
use crate::testing::{body, check_cuts, decode, hex, sorted};
use crate::{Change, Conn, Record, Request};

fn tbf() -> Tbf {
    Tbf {
        rate: 1_000_000,
        burst: 10_240,
        limit: 30_000,
        peak: None,
    }
}

fn qdisc(kind: QdiscKind) -> QdiscSpec {
    QdiscSpec {
        link: IfIndex(3),
        kind: Some(kind),
        ..QdiscSpec::default()
    }
}

fn other(name: &str, options: Vec<u8>) -> QdiscKind {
    let name = name.to_owned();
    QdiscKind::Other { name, options }
}

fn to_ifb(mode: MirredMode) -> Action {
    Action::Mirred(Mirred {
        link: IfIndex(4),
        mode,
        control: None,
    })
}

fn filter(kind: FilterKind, mode: MirredMode) -> FilterSpec {
    FilterSpec {
        link: IfIndex(3),
        parent: Handle::INGRESS,
        kind: Some(kind),
        actions: vec![to_ifb(mode)],
        ..FilterSpec::default()
    }
}

fn all() -> FilterKind {
    FilterKind::Matchall(Matchall::default())
}

/// TCP to 10.0.0.0/8.
fn words() -> U32 {
    let to = U32Key {
        value: 0x0a00_0000,
        mask: 0xff00_0000,
        offset: 16,
    };
    let tcp = U32Key {
        value: 0x0006_0000,
        mask: 0x00ff_0000,
        offset: 8,
    };
    U32 {
        keys: vec![to, tcp],
        ..U32::default()
    }
}

#[track_caller]
fn check_refused(request: &impl Request, why: &str) {
    assert_eq!(request.check(), Err(why.to_owned()));
}

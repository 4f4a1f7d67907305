//! What is done with packets that pass a filter (`TCA_ACT_*` of linux/pkt_cls.h): a list, carried out in its order.

use super::mirred::{self, Mirred};
use super::{Stats, check_kind, stats};
use crate::attr::{Attr, Attrs, Malformed, Writer};
use crate::table::numbered;
use crate::trace::layout::{Row, Shape, Table, attributes};

attributes! {
    /// One action.
    ONE = "" {
        TCA_ACT_KIND = 1 Text,
        TCA_ACT_OPTIONS = 2 Chosen(options),
        TCA_ACT_INDEX = 3 Number,
        TCA_ACT_STATS = 4 Nest(&stats::ATTRIBUTES),
        TCA_ACT_COOKIE = 6 Bytes,
        TCA_ACT_FLAGS = 7 Bytes,
        TCA_ACT_HW_STATS = 8 Bytes,
        TCA_ACT_USED_HW_STATS = 9 Bytes,
        TCA_ACT_IN_HW_COUNT = 10 Number,
    }
}

/// The list, by place from 1; more than one action seldom stands there.
pub(super) static LIST: Table = Table {
    prefix: "action ",
    rows: &[place(1, "1"), place(2, "2"), place(3, "3"), place(4, "4")],
    more: &[],
};

const fn place(number: u16, name: &'static str) -> Row {
    let shape = Shape::Nest(&ONE);
    Row {
        number,
        name,
        shape,
    }
}

fn options(kind: &str) -> Option<&'static Table> {
    match kind {
        "mirred" => Some(&mirred::ATTRIBUTES),
        _ => None,
    }
}

const MOST: usize = 32; // TCA_ACT_MAX_PRIO

numbered! {
    /// What happens to a packet after an action (`TC_ACT_*`); the words of tc.
    Control(i32), "control" {
        /// The next filter is asked.
        Continue = -1 "continue",
        /// It goes on as if nothing had been.
        Pass = 0 "pass",
        /// The filters are asked again.
        Reclassify = 1 "reclassify",
        /// It is dropped.
        Drop = 2 "drop",
        /// The next action follows.
        Pipe = 3 "pipe",
        /// It is somewhere else now.
        Stolen = 4 "stolen",
        /// It waits somewhere else.
        Queued = 5 "queued",
        /// The same action follows.
        Repeat = 6 "repeat",
        /// It was sent to another link.
        Redirect = 7 "redirect",
        /// It goes to the processor (offload).
        Trap = 8 "trap",
    }
}

/// What is done with a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// It goes to another link, or a copy of it.
    Mirred(Mirred),
    /// An action not known here: its name, and its options as the kernel has them.
    Other {
        /// As in `action NAME`.
        name: String,
        /// What `TCA_ACT_OPTIONS` holds: attributes.
        options: Vec<u8>,
    },
}

impl Action {
    /// As in `action NAME`.
    pub fn name(&self) -> &str {
        match self {
            Action::Mirred(_) => "mirred",
            Action::Other { name, .. } => name,
        }
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.str(TCA_ACT_KIND, self.name());
        w.nest(TCA_ACT_OPTIONS, |w| match self {
            Action::Mirred(mirred) => mirred.encode(w),
            Action::Other { options, .. } => w.raw(options),
        });
    }

    fn check(&self) -> Result<(), String> {
        match self {
            Action::Mirred(mirred) => mirred.check(),
            Action::Other { name, .. } => check_kind(name),
        }
    }
}

/// An action as the kernel reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FoundAction {
    /// What it does.
    pub action: Action,
    /// Its number among those of its kind; 0 if it is not told.
    pub index: u32,
    /// What it was done to.
    pub stats: Stats,
}

impl FoundAction {
    fn decode(attrs: Attrs<'_>) -> Result<Self, Malformed> {
        let (mut name, mut options) = (String::new(), None::<Attr<'_>>);
        let (mut index, mut stats) = (0, Stats::default());
        for attr in attrs {
            let attr = attr?;
            match attr.kind {
                TCA_ACT_KIND => name = attr.text(),
                TCA_ACT_OPTIONS => options = Some(attr),
                TCA_ACT_INDEX => index = attr.u32()?,
                TCA_ACT_STATS => stats = Stats::decode(attr.nested())?,
                _ => {}
            }
        }
        let action = match (name.as_str(), options) {
            ("mirred", Some(options)) => {
                let (mirred, generic) = Mirred::decode(options.nested())?;
                index = generic.index;
                Action::Mirred(mirred)
            }
            (_, options) => Action::Other {
                name,
                options: options.map_or(Vec::new(), |options| options.value.to_vec()),
            },
        };
        Ok(FoundAction {
            action,
            index,
            stats,
        })
    }
}

pub(super) fn check_list(actions: &[Action]) -> Result<(), String> {
    if actions.len() > MOST {
        return Err(format!("{} actions: {MOST} fit", actions.len()));
    }
    actions.iter().try_for_each(Action::check)
}

/// The attribute of a filter that lists its actions; none if there are none.
pub(super) fn encode_list(actions: &[Action], kind: u16, w: &mut Writer<'_>) {
    if actions.is_empty() {
        return;
    }
    w.nest_unmarked(kind, |w| {
        for (place, action) in (1..).zip(actions) {
            w.nest_unmarked(place, |w| action.encode(w));
        }
    });
}

pub(super) fn decode_list(attrs: Attrs<'_>) -> Result<Vec<FoundAction>, Malformed> {
    let each = attrs.map(|attr| FoundAction::decode(attr?.nested()));
    each.collect()
}

/// What the struct of every action begins with (`tc_gen` of linux/pkt_cls.h): index, capab, action, refcnt, bindcnt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Generic {
    pub(super) index: u32,
    pub(super) control: Control,
}

impl Generic {
    /// Of a new one, whose number the kernel chooses.
    pub(super) fn bytes(control: Control) -> [u8; 20] {
        let mut bytes = [0; 20];
        bytes[8..12].copy_from_slice(&control.number().to_ne_bytes());
        bytes
    }

    pub(super) fn decode(index: u32, control: u32) -> Self {
        let control = control.cast_signed().into();
        Generic { index, control }
    }
}

//! `vrf`: a link whose ports have a routing table of their own (`IFLA_VRF_*`; Linux 4.3, Documentation/networking/vrf.rst).

use crate::attr::{Attr, Malformed, Writer};
use crate::route::Table;
use crate::table::{Value, attrs};
use crate::trace::layout::Shape;

attrs! {
    /// A table for the routes of the links that have this one as master.
    ///
    /// With the first in a namespace the kernel also makes a rule of priority 1000 for each family (`lookup [l3mdev-table]`), which
    /// stays when the link goes.
    pub struct Vrf {
        /// Which table; necessary at creation.
        table: Table = 1,
    }
}

attrs! {
    /// A link that is the port of a [`Vrf`].
    pub struct VrfPort {
        /// The table of its routes (read only).
        table: Table = 1,
    }
}

impl Value for Table {
    const SHAPE: Shape = Shape::Number;

    fn read(attr: &Attr<'_>) -> Result<Self, Malformed> {
        attr.u32().map(Table)
    }

    fn write(&self, kind: u16, w: &mut Writer<'_>) {
        w.u32(kind, self.0);
    }
}

impl Vrf {
    pub(super) fn check(&self) -> Result<(), String> {
        match self.table {
            None | Some(Table::UNSPEC) => Err("a vrf needs a table, from 1".to_owned()),
            Some(_) => Ok(()),
        }
    }
}

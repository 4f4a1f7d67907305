//! Expressions: the words a rule is made of, one file each.
//!
//! To add one: its file, and its line in `expressions!`. Names and numbers: linux/netfilter/nf_tables.h. An expression of which not all is
//! understood is kept as it came.

mod bitwise;
mod cmp;
mod counter;
mod ct;
mod fib;
mod immediate;
mod lookup;
mod masquerade;
mod meta;
mod nat;
mod payload;
mod range;
mod reject;

pub use bitwise::Bitwise;
pub use cmp::{Cmp, CmpOp};
pub use counter::Counter;
pub use ct::{Ct, CtKey};
pub use fib::{Fib, FibResult};
pub use immediate::Immediate;
pub use lookup::Lookup;
pub use masquerade::Masquerade;
pub use meta::{Meta, MetaKey};
pub use nat::{Nat, NatType};
pub use payload::{Base, Payload};
pub use range::Range;
pub use reject::{Reject, RejectType};

use super::Data;
use crate::attr::{Attr, Attrs, Malformed, Writer};
use crate::trace::layout::{Table, attributes};

attributes! {
    pub(super) ATTRIBUTES = "" {
        NFTA_EXPR_NAME = 1 Text,
        NFTA_EXPR_DATA = 2 Chosen(Expr::attributes),
    }
}

const NESTED: u16 = 1 << 15;
const VERDICT: u32 = 0; // NFT_REG_VERDICT

/// A register: one of sixteen words of four bytes. Longer values take the words behind it too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reg(u8);

impl Reg {
    /// The first word.
    pub const FIRST: Reg = Reg(0);

    /// A word from 0 to 15; the last one for greater numbers.
    pub const fn word(word: u8) -> Reg {
        Reg(if word > 15 { 15 } else { word })
    }

    /// The register behind a value of so many bytes.
    #[must_use]
    pub const fn after(self, bytes: usize) -> Reg {
        let words = bytes.div_ceil(4);
        Reg::word(if words > 15 { 15 } else { self.0 + words as u8 })
    }

    /// The kernel's number: registers of 16 bytes are 1 to 4, of 4 bytes 8 to 23; the same place may have two.
    const fn number(self) -> u32 {
        match self.0 % 4 {
            0 => self.0 as u32 / 4 + 1,
            _ => self.0 as u32 + 8,
        }
    }

    fn from_number(number: u32) -> Result<Reg, Malformed> {
        match number {
            1..=4 => Ok(Reg(number as u8 * 4 - 4)),
            8..=23 => Ok(Reg(number as u8 - 8)),
            _ => Err(Malformed::new("register number", 1, number as usize)),
        }
    }
}

/// One expression, both ways.
trait Expression: Sized {
    const NAME: &'static str;
    const ATTRIBUTES: &'static Table;

    /// Its attributes.
    fn write(&self, w: &mut Writer<'_>);

    /// From its attributes; `None` if it says more than is understood here.
    fn read(fields: &Fields<'_>) -> Result<Option<Self>, Malformed>;
}

macro_rules! expressions {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// One step of a rule.
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum Expr {
            $($(#[$doc])* $name($name),)+
            /// One that is not known here, as it came.
            Other {
                /// Its name.
                name: String,
                /// Its attributes.
                data: Vec<u8>,
            },
        }

        impl Expr {
            /// Its name, as the kernel calls it.
            pub fn name(&self) -> &str {
                match self {
                    $(Expr::$name(_) => $name::NAME,)+
                    Expr::Other { name, .. } => name,
                }
            }

            /// The attributes of an expression, by its name.
            fn attributes(name: &str) -> Option<&'static Table> {
                match name {
                    $($name::NAME => Some($name::ATTRIBUTES),)+
                    _ => None,
                }
            }

            fn write_fields(&self, w: &mut Writer<'_>) {
                match self {
                    $(Expr::$name(expr) => w.nest(NFTA_EXPR_DATA, |w| expr.write(w)),)+
                    Expr::Other { data, .. } => w.bytes(NFTA_EXPR_DATA | NESTED, data),
                }
            }

            fn read_known(name: &str, fields: &Fields<'_>) -> Result<Option<Expr>, Malformed> {
                Ok(match name {
                    $($name::NAME => $name::read(fields)?.map(Expr::$name),)+
                    _ => None,
                })
            }
        }

        $(impl From<$name> for Expr {
            fn from(expr: $name) -> Expr {
                Expr::$name(expr)
            }
        })+
    };
}

expressions! {
    /// Masks bits.
    Bitwise,
    /// Goes on if a register compares so.
    Cmp,
    /// Counts packets and bytes.
    Counter,
    /// Loads what connection tracking knows.
    Ct,
    /// Asks the routing table.
    Fib,
    /// Sets a register, or decides.
    Immediate,
    /// Goes on if a set has the key; loads what it stands for, or decides.
    Lookup,
    /// Sends out with the address of the outgoing interface.
    Masquerade,
    /// Loads what is known about the packet besides its bytes.
    Meta,
    /// Translates addresses.
    Nat,
    /// Loads bytes of the packet.
    Payload,
    /// Goes on if a register is inside a range, or outside.
    Range,
    /// Refuses, and says so.
    Reject,
}

impl Expr {
    /// A decision.
    pub fn verdict(verdict: super::Verdict) -> Expr {
        Immediate::Verdict(verdict).into()
    }

    pub(crate) fn write(&self, w: &mut Writer<'_>) {
        w.str(NFTA_EXPR_NAME, self.name());
        self.write_fields(w);
    }

    pub(crate) fn read(attrs: Attrs<'_>) -> Result<Expr, Malformed> {
        let missing = Malformed::new("expression name", 4, 0);
        let name = attrs.find(NFTA_EXPR_NAME)?.ok_or(missing)?.text();
        let data = attrs
            .find(NFTA_EXPR_DATA)?
            .map_or(&[][..], |attr| attr.value);
        let known = Expr::read_known(&name, &Fields(Attrs::new(data)))?;
        let data = data.to_vec();
        Ok(known.unwrap_or(Expr::Other { name, data }))
    }
}

/// The attributes of an expression.
struct Fields<'a>(Attrs<'a>);

impl<'a> Fields<'a> {
    fn find(&self, kind: u16) -> Result<Option<Attr<'a>>, Malformed> {
        self.0.find(kind)
    }

    fn has(&self, kind: u16) -> Result<bool, Malformed> {
        self.find(kind).map(|attr| attr.is_some())
    }

    fn need(&self, kind: u16) -> Result<Attr<'a>, Malformed> {
        let missing = Malformed::new("expression without an attribute it needs", kind.into(), 0);
        self.find(kind)?.ok_or(missing)
    }

    /// A number in network byte order, as nearly all are.
    fn number(&self, kind: u16) -> Result<u32, Malformed> {
        self.need(kind)?.be32()
    }

    fn number_or_zero(&self, kind: u16) -> Result<u32, Malformed> {
        self.find(kind)?.map_or(Ok(0), |attr| attr.be32())
    }

    fn reg(&self, kind: u16) -> Result<Reg, Malformed> {
        Reg::from_number(self.number(kind)?)
    }

    fn optional_reg(&self, kind: u16) -> Result<Option<Reg>, Malformed> {
        let number = self.find(kind)?.map(|attr| attr.be32()).transpose()?;
        number.map(Reg::from_number).transpose()
    }

    fn value(&self, kind: u16) -> Result<Vec<u8>, Malformed> {
        Data::read(self.need(kind)?).map(Data::into_bytes)
    }
}

fn write_reg(w: &mut Writer<'_>, kind: u16, reg: Reg) {
    w.be32(kind, reg.number());
}

fn write_optional_reg(w: &mut Writer<'_>, kind: u16, reg: Option<Reg>) {
    if let Some(reg) = reg {
        write_reg(w, kind, reg);
    }
}

fn write_value(w: &mut Writer<'_>, kind: u16, bytes: &[u8]) {
    Data::Value(bytes.to_vec()).write(w, kind);
}

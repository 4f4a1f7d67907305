//! How messages are laid out: the numbers of types and attributes with their names, each written down once.
//!
//! [`messages!`] and [`attributes!`] stand in the file of each object. They give the constants by which it is written and read, and the
//! table by which [`super::print`] names what it finds.

/// What a value is, to be printed.
pub(crate) enum Shape {
    /// Bytes whose meaning is not known here.
    Bytes,
    /// A number in the byte order of the host, of 1, 2, 4 or 8 bytes.
    Number,
    /// The same with a sign.
    Signed,
    /// The same in network byte order.
    BigEndian,
    /// A number for which there may be a name.
    Named(fn(u32) -> Option<&'static str>),
    /// Bits, of which some have names.
    Bits(fn(u32) -> Vec<&'static str>),
    /// Text, ended by a zero byte or the end.
    Text,
    /// An address of 4 or 16 bytes.
    Ip,
    /// An address of a link.
    Mac,
    /// Attributes.
    Nest(&'static Table),
    /// A header, and attributes behind it.
    Headed(&'static Fixed, &'static Table),
    /// Attributes when sent; received, an array of words, of which the first is that of this number.
    Settings(&'static Table, u16),
    /// Attributes of what the last text before says.
    Chosen(fn(&str) -> Option<&'static Table>),
    /// It depends on the address family in the message's header.
    ByFamily(fn(u8) -> &'static Shape),
}

/// Attributes of one place.
pub(crate) struct Table {
    /// Before every name, where the constants go without it.
    pub(crate) prefix: &'static str,
    pub(crate) rows: &'static [Row],
    /// Those of other tables that stand in the same place.
    pub(crate) more: &'static [&'static Table],
}

/// One attribute.
pub(crate) struct Row {
    pub(crate) number: u16,
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
}

impl Table {
    /// The row of a number, and what stands before its name.
    pub(crate) fn row(&self, number: u16) -> Option<(&'static str, &'static Row)> {
        let own = self.rows.iter().find(|row| row.number == number);
        let more = || self.more.iter().find_map(|table| table.row(number));
        own.map(|row| (self.prefix, row)).or_else(more)
    }
}

/// The fixed part of a message.
pub(crate) struct Fixed {
    pub(crate) size: usize,
    pub(crate) fields: &'static [Field],
}

/// A field of it: name, where, how many bytes.
pub(crate) struct Field(
    pub(crate) &'static str,
    pub(crate) usize,
    pub(crate) usize,
    pub(crate) Shape,
);

/// Message types with the same layout.
pub(crate) struct Messages {
    pub(crate) prefix: &'static str,
    pub(crate) names: &'static [(u16, &'static str)],
    pub(crate) header: &'static Fixed,
    pub(crate) attributes: &'static Table,
}

/// Message types: constants, and the table that names them.
macro_rules! messages {
    ($(#[$doc:meta])* $vis:vis $table:ident = $prefix:literal, $header:path, $attributes:path {
        $($item_vis:vis $item:ident = $number:expr,)+
    }) => {
        $($item_vis const $item: u16 = $number;)+

        $(#[$doc])*
        $vis static $table: $crate::trace::layout::Messages = $crate::trace::layout::Messages {
            prefix: $prefix,
            names: &[$(($item, stringify!($item)),)+],
            header: &$header,
            attributes: &$attributes,
        };
    };
}

/// Attributes: constants, and the table that names them.
macro_rules! attributes {
    ($(#[$doc:meta])* $vis:vis $table:ident = $prefix:literal {
        $($item_vis:vis $item:ident = $number:literal $shape:expr,)+
    }) => {
        $(
            #[allow(dead_code, reason = "some are only named")]
            $item_vis const $item: u16 = $number;
        )+

        $(#[$doc])*
        $vis static $table: $crate::trace::layout::Table = {
            #[allow(unused_imports)]
            use $crate::trace::layout::Shape::*;
            $crate::trace::layout::Table {
                prefix: $prefix,
                rows: &[$($crate::trace::layout::Row {
                    number: $number,
                    name: stringify!($item),
                    shape: $shape,
                },)+],
                more: &[],
            }
        };
    };
}

pub(crate) use {attributes, messages};

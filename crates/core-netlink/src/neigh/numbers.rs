//! The numbers of a neighbour's message: types, header, attributes.

use super::{NeighbourFlags, NeighbourState};
use crate::object::Family;
use crate::trace::layout::{Field, Fixed, Shape, attributes, messages};

messages! {
    pub(crate) MESSAGES = "", HEADER, ATTRIBUTES {
        pub(crate) RTM_NEWNEIGH = 28,
        pub(crate) RTM_DELNEIGH = 29,
        pub(crate) RTM_GETNEIGH = 30,
    }
}

attributes! {
    ATTRIBUTES = "" {
        pub(crate) NDA_DST = 1 Ip,
        pub(crate) NDA_LLADDR = 2 Mac,
        pub(crate) NDA_CACHEINFO = 3 Bytes,
        pub(crate) NDA_PROBES = 4 Number,
        pub(crate) NDA_VLAN = 5 Number,
        pub(crate) NDA_PORT = 6 BigEndian,
        pub(crate) NDA_VNI = 7 Number,
        pub(crate) NDA_IFINDEX = 8 Number,
        pub(crate) NDA_MASTER = 9 Number,
        pub(crate) NDA_LINK_NETNSID = 10 Signed,
        pub(crate) NDA_SRC_VNI = 11 Number,
        pub(crate) NDA_PROTOCOL = 12 Number,
        pub(crate) NDA_NH_ID = 13 Number,
        pub(crate) NDA_FLAGS_EXT = 15 Number,
        pub(crate) NDA_NDM_STATE_MASK = 16 Number,
    }
}

/// `struct ndmsg`.
static HEADER: Fixed = Fixed {
    size: 12,
    fields: &[
        Field("family", 0, 1, Shape::Named(Family::name_of)),
        Field("ifindex", 4, 4, Shape::Signed),
        Field(
            "state",
            8,
            2,
            Shape::Named(|n| NeighbourState::from(n as u16).name()),
        ),
        Field(
            "flags",
            10,
            1,
            Shape::Bits(|bits| NeighbourFlags::from_bits(bits).names().collect()),
        ),
        Field("type", 11, 1, Shape::Number),
    ],
};

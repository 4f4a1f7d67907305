//! `u32`: a filter that looks at words of the packet (tc-u32(8), `TCA_U32_*`, `struct tc_u32_sel` of linux/pkt_cls.h).

use super::{Handle, action};
use crate::attr::{Attr, Malformed, Writer};
use crate::trace::layout::attributes;

attributes! {
    pub(super) ATTRIBUTES = "" {
        TCA_U32_CLASSID = 1 Number,
        TCA_U32_HASH = 2 Number,
        TCA_U32_LINK = 3 Number,
        TCA_U32_DIVISOR = 4 Number,
        TCA_U32_SEL = 5 Bytes,
        TCA_U32_POLICE = 6 Bytes,
        pub(super) TCA_U32_ACT = 7 Nest(&action::LIST),
        TCA_U32_INDEV = 8 Text,
        TCA_U32_PCNT = 9 Bytes,
        TCA_U32_MARK = 10 Bytes,
        TCA_U32_FLAGS = 11 Number,
    }
}

const SELECTOR: usize = 16; // struct tc_u32_sel
const KEY: usize = 16; // struct tc_u32_key
const TC_U32_TERMINAL: u8 = 1;
const MOST_KEYS: usize = 128; // tc(8); the kernel's byte would hold 255

/// Packets all of whose keys fit.
///
/// The kernel also reports a row for each priority, and one for each hash table: neither has keys.
///
/// ```
/// use core_netlink::tc::{U32, U32Key};
/// // IPv4 to 10.0.0.0/8: the destination is 16 bytes from the start of the header.
/// let to_ten = U32Key { value: 0x0a00_0000, mask: 0xff00_0000, offset: 16 };
/// assert_eq!(U32 { keys: vec![to_ten], ..U32::default() }.keys.len(), 1);
/// assert_eq!(U32::all().keys, [U32Key::default()]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct U32 {
    /// What is looked at; 1 to 128.
    pub keys: Vec<U32Key>,
    /// The class that packets go to.
    pub class: Option<Handle>,
    /// Of a row that is a hash table: how many buckets it has. Read only.
    pub divisor: Option<u32>,
}

/// A word of the packet that must have a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct U32Key {
    /// As the number that it is in network byte order; no bits outside `mask`.
    pub value: u32,
    /// Which bits of it count; 0 fits every packet.
    pub mask: u32,
    /// Bytes from the start of the network header, a multiple of 4; negative in the link's header.
    pub offset: i32,
}

impl U32 {
    /// Every packet.
    pub fn all() -> Self {
        U32 {
            keys: vec![U32Key::default()],
            ..U32::default()
        }
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if !(1..=MOST_KEYS).contains(&self.keys.len()) {
            let many = self.keys.len();
            return Err(format!("{many} keys: 1 to {MOST_KEYS} fit"));
        }
        if self.divisor.is_some() {
            return Err("divisor is of a hash table, which cannot be made here".to_owned());
        }
        self.keys.iter().try_for_each(U32Key::check)
    }

    /// Only a selector that ends the search carries out actions, and it goes behind them as tc has it.
    pub(super) fn encode(&self, w: &mut Writer<'_>) {
        if let Some(class) = self.class {
            w.u32(TCA_U32_CLASSID, class.0);
        }
        let mut selector = vec![0; SELECTOR];
        selector[0] = TC_U32_TERMINAL;
        selector[2] = u8::try_from(self.keys.len()).unwrap_or(u8::MAX);
        for key in &self.keys {
            selector.extend_from_slice(&key.mask.to_be_bytes());
            selector.extend_from_slice(&key.value.to_be_bytes());
            selector.extend_from_slice(&key.offset.to_ne_bytes());
            selector.extend_from_slice(&[0; 4]); // no variable part of the offset
        }
        w.bytes(TCA_U32_SEL, &selector);
    }

    pub(super) fn read(&mut self, attr: &Attr<'_>) -> Result<(), Malformed> {
        match attr.kind {
            TCA_U32_CLASSID => self.class = Some(Handle(attr.u32()?)),
            TCA_U32_DIVISOR => self.divisor = Some(attr.u32()?),
            TCA_U32_SEL => self.keys = read_keys(attr)?,
            _ => {}
        }
        Ok(())
    }
}

fn read_keys(attr: &Attr<'_>) -> Result<Vec<U32Key>, Malformed> {
    let selector = attr.array::<SELECTOR>()?;
    let many = usize::from(selector[2]);
    let need = SELECTOR + many * KEY;
    let short = Malformed::new("u32 selector", need, attr.value.len());
    let keys = attr.value.get(SELECTOR..need).ok_or(short)?;
    let keys = keys.chunks_exact(KEY).filter_map(|key| key.first_chunk());
    Ok(keys.map(U32Key::decode).collect())
}

impl U32Key {
    fn decode(bytes: &[u8; KEY]) -> Self {
        let [m0, m1, m2, m3, v0, v1, v2, v3, o0, o1, o2, o3, ..] = *bytes;
        U32Key {
            value: u32::from_be_bytes([v0, v1, v2, v3]),
            mask: u32::from_be_bytes([m0, m1, m2, m3]),
            offset: i32::from_ne_bytes([o0, o1, o2, o3]),
        }
    }

    fn check(&self) -> Result<(), String> {
        let U32Key {
            value,
            mask,
            offset,
        } = self;
        if value & !mask != 0 {
            return Err(format!("value {value:#x} has bits outside mask {mask:#x}"));
        }
        match offset % 4 {
            0 => Ok(()),
            _ => Err(format!("offset {offset} is no multiple of 4")),
        }
    }
}

//! Which addresses `ip address show` and `flush` mean.

use crate::Done;
use crate::args::Args;
use crate::fault::Fault;
use crate::link::select::Select;
use crate::options::Family;
use crate::session::Session;
use crate::value::{destination, quoted};
use core_netlink::Prefix;
use core_netlink::addr::{Address, AddressFlags, Scope};

pub(super) const USAGE: &str = "[[dev] LINK] [up] [master LINK] [type KIND] [scope SCOPE] [to PREFIX] [label PATTERN] [[-]permanent|dynamic|secondary|primary|tentative|deprecated|dadfailed|temporary]";

/// What was asked for.
#[derive(Default)]
pub(super) struct Choice {
    pub(super) links: Select,
    pub(super) family: Option<Family>,
    scope: Option<Scope>,
    to: Option<Prefix>,
    label: Option<String>,
    on: AddressFlags,
    mask: AddressFlags,
}

impl Choice {
    pub(super) fn read(s: &mut Session<'_>, args: &mut Args<'_>) -> Done<Choice> {
        let mut choice = Choice {
            family: s.opts.family,
            ..Choice::default()
        };
        while let Some(word) = args.next()? {
            match word {
                "scope" => choice.scope = scope(s, args.value("scope")?)?,
                "to" => choice.to = Some(destination("to", args.value("to")?, s.opts.family)?),
                "label" => choice.label = Some(args.value("label")?.to_owned()),
                _ if choice.take_flag(word) => {}
                _ if choice.links.take(s, args, word)? => {}
                word => choice.links.take_dev(word)?,
            }
        }
        choice.family = choice.family.or(choice.to.map(|to| {
            if to.addr().is_ipv4() {
                Family::Inet
            } else {
                Family::Inet6
            }
        }));
        Ok(choice)
    }

    fn take_flag(&mut self, word: &str) -> bool {
        let (word, on) = match word.strip_prefix('-') {
            Some(rest) => (rest, false),
            None => (word, true),
        };
        let (flag, on) = match word {
            "dynamic" => (AddressFlags::PERMANENT, !on),
            "primary" => (AddressFlags::SECONDARY, !on),
            "temporary" => (AddressFlags::SECONDARY, on),
            _ => match AddressFlags::NAMED.iter().find(|(_, name)| *name == word) {
                Some((flag, _)) => (*flag, on),
                None => return false,
            },
        };
        self.mask |= flag;
        if on {
            self.on |= flag;
        }
        true
    }

    /// Whether a link without any address is meant as well.
    pub(super) fn shows_bare(&self) -> bool {
        self.family.is_none() && self.label.is_none()
    }

    /// Whether addresses are chosen, so that links without one are left out.
    pub(super) fn is_narrow(&self) -> bool {
        self.family.is_some()
            || self.scope.is_some()
            || self.to.is_some()
            || self.label.is_some()
            || !self.mask.is_empty()
    }

    /// Whether anything is chosen at all.
    pub(super) fn is_nothing(&self) -> bool {
        !self.is_narrow() && self.links.is_nothing()
    }

    pub(super) fn passes(&self, address: &Address, link: &str) -> bool {
        let v4 = address.address.addr().is_ipv4();
        let family = match self.family {
            Some(Family::Inet) => v4,
            Some(Family::Inet6) => !v4,
            _ => true,
        };
        let label = |pattern: &String| {
            let label = address
                .label
                .map_or(link.to_owned(), |label| label.to_string());
            matches_glob(pattern.as_bytes(), label.as_bytes())
        };
        family
            && self.scope.is_none_or(|scope| scope == address.scope)
            && self
                .to
                .is_none_or(|to| to.contains(&address.peer.unwrap_or(address.address.addr())))
            && self.label.as_ref().is_none_or(label)
            && address.flags.bits() & self.mask.bits() == self.on.bits()
    }
}

fn scope(s: &Session<'_>, text: &str) -> Done<Option<Scope>> {
    if text == "all" {
        return Ok(None);
    }
    let original = format!(
        "Error: argument \"{}\" is wrong: invalid \"scope\"\n",
        quoted(text)
    );
    crate::route::scope(s, text)
        .map(Some)
        .map_err(|fault| fault.original(original))
}

/// `*` for anything, `?` for one byte.
fn matches_glob(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => (0..=text.len()).any(|from| matches_glob(rest, &text[from..])),
        (Some((b'?', rest)), Some((_, text))) => matches_glob(rest, text),
        (Some((one, rest)), Some((same, text))) if one == same => matches_glob(rest, text),
        _ => false,
    }
}

/// The text of a fault shared by those who choose.
pub(super) fn nothing_chosen() -> Fault {
    Fault::new(
        1,
        "Flush requires arguments.",
        "nothing says which addresses to flush",
        "a flush without a filter would cut the host off",
    )
    .hint("`dev LINK`, `scope SCOPE`, `to PREFIX`, `label PATTERN` ...")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_matched_as_file_names_are() {
        for (pattern, text, want) in [
            ("br*", "br0:1", true),
            ("br?", "br0", true),
            ("br?", "br10", false),
            ("*:1", "br0:1", true),
            ("", "", true),
            ("x", "", false),
        ] {
            assert_eq!(
                matches_glob(pattern.as_bytes(), text.as_bytes()),
                want,
                "{pattern} {text}"
            );
        }
    }
}

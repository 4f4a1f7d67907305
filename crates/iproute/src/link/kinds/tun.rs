//! What `-d` prints of a tun or tap; `type tun` makes none.

use crate::row::Row;
use crate::value::quoted;
use core_netlink::link::{Tun, TunMode};
use std::fs;

pub(super) fn describe(row: &mut Row, tun: &Tun) {
    if let Some(mode) = tun.mode {
        let name = match mode {
            TunMode::Other(number) => format!("UNKNOWN:{number}"),
            mode => mode.to_string(),
        };
        row.word("type", name);
    }
    switch(row, "pi", tun.pi);
    switch(row, "vnet_hdr", tun.vnet_hdr);
    match tun.multi_queue {
        Some(true) => {
            row.flag("multi_queue");
            super::number(row, "numqueues", "numqueues", tun.queues);
            super::number(row, "numdisabled", "numdisabled", tun.disabled_queues);
        }
        _ => row.json("multi_queue", false),
    }
    switch(row, "persist", tun.persist);
    identity(row, "user", "/etc/passwd", tun.owner);
    identity(row, "group", "/etc/group", tun.group);
}

fn switch(row: &mut Row, key: &str, on: Option<bool>) {
    if let Some(on) = on {
        let text = if on { "on" } else { "off" };
        row.field(key, on, format_args!("{key} {text} "));
    }
}

/// By name, if the file has one for the number.
fn identity(row: &mut Row, key: &str, file: &str, number: Option<u32>) {
    let Some(number) = number else {
        return;
    };
    let text = fs::read_to_string(file).unwrap_or_default();
    match name_of(&text, number) {
        Some(name) => row.word(key, quoted(name)),
        None => row.word(key, number),
    }
}

/// "NAME:PASSWORD:NUMBER:...".
fn name_of(text: &str, number: u32) -> Option<&str> {
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        let found: u32 = fields.nth(1)?.parse().ok()?;
        (found == number).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_the_first_name_of_the_file() {
        let text = "root:x:0:0:root:/root:/bin/sh\n\nbroken\n:x:7:\nweb:x:7:7::/:\nwww:x:7:7::/:\n";
        assert_eq!(name_of(text, 0), Some("root"));
        assert_eq!(name_of(text, 7), Some("web"));
        assert_eq!(name_of(text, 8), None);
    }
}

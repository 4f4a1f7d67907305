//! The counters of a link, in columns as wide as the largest number.

use crate::row::Row;
use core_netlink::link::{Link, Stats64};

const LINE: &str = "\n    ";

/// A title, its columns and their JSON keys; JSON has some counters that text has not.
struct Table {
    title: &'static str,
    heads: [&'static str; 6],
    values: [Option<u64>; 6],
}

#[rustfmt::skip]
fn tables(link: &Link, t: &Stats64) -> [Table; 4] {
    let v = |values: [u64; 6]| values.map(Some);
    let errors = |[a, b, c, d, e]: [u64; 5]| [None, Some(a), Some(b), Some(c), Some(d), Some(e)];
    let changes = link.carrier_changes.unwrap_or(0).into();
    [
        Table {
            title: "RX:",
            heads: ["bytes", "packets", "errors", "dropped", "missed", "mcast"],
            values: v([t.rx_bytes, t.rx_packets, t.rx_errors, t.rx_dropped, t.rx_missed_errors, t.multicast]),
        },
        Table {
            title: "RX errors:",
            heads: ["", "length", "crc", "frame", "fifo", "overrun"],
            values: errors([t.rx_length_errors, t.rx_crc_errors, t.rx_frame_errors, t.rx_fifo_errors, t.rx_over_errors]),
        },
        Table {
            title: "TX:",
            heads: ["bytes", "packets", "errors", "dropped", "carrier", "collsns"],
            values: v([t.tx_bytes, t.tx_packets, t.tx_errors, t.tx_dropped, t.tx_carrier_errors, t.collisions]),
        },
        Table {
            title: "TX errors:",
            heads: ["", "aborted", "fifo", "window", "heartbt", "transns"],
            values: errors([t.tx_aborted_errors, t.tx_fifo_errors, t.tx_window_errors, t.tx_heartbeat_errors, changes]),
        },
    ]
}

/// Adds the counters; `all` with those of errors.
pub(crate) fn describe(row: &mut Row, link: &Link, all: bool) {
    let Some(stats) = &link.stats else { return };
    if row.is_json() {
        return json(row, link, stats, all);
    }
    let tables = tables(link, stats);
    let shown = |at: &usize| all || at.is_multiple_of(2);
    let mut widths = [10, 7, 6, 7, 7, 7];
    for at in (0..4).filter(shown) {
        for (width, value) in widths.iter_mut().zip(tables[at].values) {
            *width = (*width).max(value.map_or(0, |value| value.to_string().len()));
        }
    }
    for at in (0..4).filter(shown) {
        table(row, &tables[at], &widths);
    }
}

fn table(row: &mut Row, table: &Table, widths: &[usize; 6]) {
    let Table {
        title,
        heads,
        values,
    } = table;
    let plain = values[0].is_some();
    if plain {
        row.text(format_args!(
            "{LINE}{title} {:>1$}",
            heads[0],
            widths[0] - 4
        ));
    } else {
        row.text(format_args!("{LINE}{title:<0$}", widths[0]));
    }
    for (head, width) in heads.iter().zip(widths).skip(1) {
        row.text(format_args!(" {head:>width$}"));
    }
    row.text(if plain { "           " } else { "" });
    row.text(LINE);
    for (value, width) in values.iter().zip(widths) {
        let value = value.map_or(String::new(), |value| value.to_string());
        row.text(format_args!("{value:>width$} "));
    }
}

fn json(row: &mut Row, link: &Link, t: &Stats64, all: bool) {
    let changes = link.carrier_changes.unwrap_or(0).into();
    let rx = [
        ("bytes", t.rx_bytes),
        ("packets", t.rx_packets),
        ("errors", t.rx_errors),
        ("dropped", t.rx_dropped),
        ("over_errors", t.rx_over_errors),
        ("multicast", t.multicast),
    ];
    let rx_more = [
        ("length_errors", t.rx_length_errors),
        ("crc_errors", t.rx_crc_errors),
        ("frame_errors", t.rx_frame_errors),
        ("fifo_errors", t.rx_fifo_errors),
        ("missed_errors", t.rx_missed_errors),
    ];
    let tx = [
        ("bytes", t.tx_bytes),
        ("packets", t.tx_packets),
        ("errors", t.tx_errors),
        ("dropped", t.tx_dropped),
        ("carrier_errors", t.tx_carrier_errors),
        ("collisions", t.collisions),
    ];
    let tx_more = [
        ("aborted_errors", t.tx_aborted_errors),
        ("fifo_errors", t.tx_fifo_errors),
        ("window_errors", t.tx_window_errors),
        ("heartbeat_errors", t.tx_heartbeat_errors),
        ("carrier_changes", changes),
    ];
    let put = |row: &mut Row, first: [(&str, u64); 6], more: [(&str, u64); 5], squeezed: u64| {
        first.iter().for_each(|(key, value)| row.json(key, *value));
        if squeezed != 0 {
            row.json("compressed", squeezed);
        }
        more.iter()
            .filter(|_| all)
            .for_each(|(key, value)| row.json(key, *value));
    };
    row.nest("stats64", |row| {
        row.nest("rx", |row| put(row, rx, rx_more, t.rx_compressed));
        row.nest("tx", |row| put(row, tx, tx_more, t.tx_compressed));
    });
}

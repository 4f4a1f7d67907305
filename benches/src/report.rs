//! Rows for people and as JSON.

use crate::case::Row;
use crate::memory::Fact;
use crate::timing::Times;
use serde_json::{Value, json};
use std::fs;

/// The line above the rows.
pub fn heading() -> String {
    format!(
        "{:<28} {:>20}  {:<8} {}",
        "operation", "first", "target", "times the first (of single rounds: least .. most)"
    )
}

/// An operation: the floor's (or, where there is none, the first contender's) median per operation, the target and whether it holds, each contender's ratio with its spread.
pub fn line(row: &Row) -> String {
    let (name, floor) = &row.times[0];
    let verdict = match (row.target, row.holds()) {
        (Some(target), Some(true)) => format!("<={target:.2}"),
        (Some(target), Some(false)) => format!("<={target:.2} !"),
        _ => String::new(),
    };
    let mut line = format!(
        "{:<28} {name:>6} {:>10.2} us  {verdict:<8}",
        row.name,
        row.each(floor.median())
    );
    for (name, times) in &row.times[1..] {
        let ratios = times.ratios(floor);
        let (least, most) = (
            ratios.first().unwrap_or(&0.0),
            ratios.last().unwrap_or(&0.0),
        );
        let ratio = row.ratio(times);
        let wanted = match row.least_of(name) {
            Some(wanted) if ratio < wanted => format!(" >={wanted} !"),
            Some(wanted) => format!(" >={wanted}"),
            None => String::new(),
        };
        line += &format!(" {name} {ratio:.2}x{wanted} ({least:.2} .. {most:.2}) ");
    }
    line.trim_end().to_owned()
}

/// A figure by itself.
pub fn fact(fact: &Fact) -> String {
    let Fact {
        name, value, unit, ..
    } = fact;
    let verdict = match fact.target {
        Some(target) if *value <= target => format!("  <={target:.2}"),
        Some(target) => format!("  <={target:.2} !"),
        None => String::new(),
    };
    format!("{name:<28} {:>20}{verdict}", format!("{value:.2} {unit}"))
}

/// The whole run; times are microseconds per operation.
pub fn document(rows: &[Row], facts: &[Fact], load: [String; 2]) -> Value {
    let rows: Vec<_> = rows.iter().map(case).collect();
    let fact = |fact: &Fact| json!({ "name": fact.name, "value": fact.value, "unit": fact.unit, "target": fact.target });
    let facts: Vec<_> = facts.iter().map(fact).collect();
    json!({ "format": 1, "kernel": kernel(), "cores": cores(), "load": load, "rows": rows, "facts": facts })
}

fn case(row: &Row) -> Value {
    let each = |(name, times): &(&str, Times)| {
        json!({
            "name": name, "ratio": row.ratio(times), "at_least": row.least_of(name), "rounds": times.0.len(),
            "min": row.each(times.min()), "median": row.each(times.median()), "max": row.each(times.max()),
        })
    };
    let contenders: Vec<_> = row.times.iter().map(each).collect();
    json!({ "case": row.name, "operations": row.operations, "target": row.target, "contenders": contenders })
}

/// The kernel's release.
pub fn kernel() -> String {
    read("/proc/sys/kernel/osrelease")
}

/// How many processors there are for us.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(0, usize::from)
}

/// Mean number of runnable processes in the last 1, 5 and 15 minutes (proc(5), loadavg).
pub fn load() -> String {
    let words = read("/proc/loadavg");
    words.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

fn read(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn row() -> Row {
        let times = |micros: [u64; 3]| Times(micros.map(Duration::from_micros).to_vec());
        let times = vec![
            ("floor", times([10, 20, 40])),
            ("vetch", times([20, 30, 40])),
        ];
        Row {
            name: "thing add",
            operations: 10,
            target: Some(1.4),
            least: Vec::new(),
            times,
        }
    }

    #[test]
    fn a_row_says_ratio_spread_and_verdict() {
        let line = line(&row());
        assert!(line.contains("2.00 us  <=1.40 !"), "{line}");
        assert!(line.ends_with("vetch 1.50x (1.00 .. 2.00)"), "{line}");
    }

    #[test]
    fn json_is_per_operation() {
        let document = document(&[row()], &[], ["0".into(), "1".into()]);
        let vetch = &document["rows"][0]["contenders"][1];
        assert_eq!(
            (vetch["median"].as_f64(), vetch["ratio"].as_f64()),
            (Some(3.0), Some(1.5))
        );
    }
}

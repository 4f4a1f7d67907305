//! A run held against an earlier one: of each case the ratio of Vetch to the first contender, then and now.

use crate::case::Row;
use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// What is worse by more than this is marked.
const NOISE: f64 = 1.1;

/// One line for each case that both runs have; `then` is a document that [`report::document`](crate::report::document) made.
///
/// # Errors
/// If `then` is no such document.
pub fn lines(rows: &[Row], then: &Value) -> Result<Vec<String>> {
    ensure!(then["format"] == 1, "it is not what `--json` keeps");
    let cases = then["rows"].as_array().context("it has no rows")?;
    let line = |row: &Row| {
        let (_, vetch) = row.times.iter().find(|(name, _)| *name == "vetch")?;
        let now = row.ratio(vetch);
        let case = cases.iter().find(|case| case["case"] == row.name)?;
        let contenders = case["contenders"].as_array()?;
        let then = contenders.iter().find(|who| who["name"] == "vetch")?["ratio"].as_f64()?;
        let mark = if now > NOISE * then { " !" } else { "" };
        let change = now / then;
        Some(format!(
            "{:<28} {then:.2}x then, {now:.2}x now: {change:.2}{mark}",
            row.name
        ))
    };
    Ok(rows.iter().filter_map(line).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::document;
    use crate::timing::Times;
    use std::time::Duration;

    fn row(vetch: u64) -> Row {
        let times = |micros| Times(vec![Duration::from_micros(micros)]);
        Row {
            name: "thing add",
            operations: 1,
            target: None,
            least: Vec::new(),
            times: vec![("floor", times(10)), ("vetch", times(vetch))],
        }
    }

    #[test]
    fn what_became_worse_is_marked() {
        let then = document(&[row(10)], &[], [String::new(), String::new()]);
        let said = |now| lines(&[row(now)], &then).unwrap().concat();
        assert!(
            said(10).ends_with("1.00x then, 1.00x now: 1.00"),
            "{}",
            said(10)
        );
        assert!(said(12).ends_with("1.20x now: 1.20 !"), "{}", said(12));
        assert!(lines(&[row(1)], &Value::Null).is_err());
    }
}

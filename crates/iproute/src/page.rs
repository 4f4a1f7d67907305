//! Records to bytes: lines of text, one line of JSON, or JSON laid out as iproute2 does.

use crate::row::Row;
use serde_json::Value;
use std::io::{self, Write};

/// How to write.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Form {
    pub(crate) json: bool,
    pub(crate) pretty: bool,
    pub(crate) oneline: bool,
}

/// Writes the records, each on its own line or lines.
pub(crate) fn write(out: &mut dyn Write, form: Form, rows: Vec<Row>) -> io::Result<()> {
    let rows = rows.into_iter().map(Row::finish);
    if !form.json {
        return rows.into_iter().try_for_each(|row| text(out, form, &row));
    }
    if form.pretty {
        let list = rows
            .map(|row| serde_json::from_str(&row))
            .collect::<Result<_, _>>()?;
        return json(out, form, &Value::Array(list));
    }
    let mut before = "[";
    for row in rows {
        out.write_all(before.as_bytes())?;
        out.write_all(row.as_bytes())?;
        before = ",";
    }
    out.write_all(if before == "[" { b"[]\n" } else { b"]\n" })
}

fn text(out: &mut dyn Write, form: Form, text: &str) -> io::Result<()> {
    if form.oneline {
        out.write_all(text.replace('\n', "\\").as_bytes())?;
    } else {
        out.write_all(text.as_bytes())?;
    }
    out.write_all(b"\n")
}

/// Writes one JSON value and ends the line.
pub(crate) fn json(out: &mut dyn Write, form: Form, value: &Value) -> io::Result<()> {
    if form.pretty {
        pretty(out, value, 0)?;
    } else {
        write!(out, "{value}")?;
    }
    out.write_all(b"\n")
}

fn pretty(out: &mut dyn Write, value: &Value, depth: usize) -> io::Result<()> {
    match value {
        Value::Array(list) => {
            out.write_all(b"[ ")?;
            for (i, item) in list.iter().enumerate() {
                out.write_all(if i == 0 { b"" } else { b"," })?;
                pretty(out, item, depth + 1)?;
            }
            out.write_all(if list.is_empty() { b"]" } else { b" ]" })
        }
        Value::Object(map) => {
            out.write_all(b"{")?;
            for (i, (key, item)) in map.iter().enumerate() {
                let comma = if i == 0 { "" } else { "," };
                write!(
                    out,
                    "{comma}\n{:1$}{2}: ",
                    "",
                    4 * (depth + 1),
                    Value::from(key.as_str())
                )?;
                pretty(out, item, depth + 1)?;
            }
            write!(out, "\n{:1$}}}", "", 4 * depth)
        }
        plain => write!(out, "{plain}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pretty_json_is_laid_out_as_the_original_does() {
        let value: Value = serde_json::from_str(r#"[{"a":1,"flags":["UP","ARP"],"none":[],"list":[{"x":true},{"y":null}],"via":{"h":"b"}}]"#).unwrap();
        let mut out = Vec::new();
        json(
            &mut out,
            Form {
                json: true,
                pretty: true,
                oneline: false,
            },
            &value,
        )
        .unwrap();
        let want = r#"[ {
        "a": 1,
        "flags": [ "UP","ARP" ],
        "none": [ ],
        "list": [ {
                "x": true
            },{
                "y": null
            } ],
        "via": {
            "h": "b"
        }
    } ]
"#;
        assert_eq!(String::from_utf8(out).unwrap(), want);
    }

    #[test]
    fn oneline_joins_with_a_backslash() {
        let mut out = Vec::new();
        text(
            &mut out,
            Form {
                oneline: true,
                ..Form::default()
            },
            "1: lo\n    link/loopback",
        )
        .unwrap();
        assert_eq!(out, b"1: lo\\    link/loopback\n");
    }
}

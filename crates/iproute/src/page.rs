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

/// A list being written, each record on its own line or lines.
pub(crate) struct List {
    form: Form,
    any: bool,
}

impl List {
    pub(crate) fn new(form: Form) -> List {
        List { form, any: false }
    }

    pub(crate) fn add(&mut self, row: Row, out: &mut dyn Write) -> io::Result<()> {
        let (row, first) = (row.finish(), !std::mem::replace(&mut self.any, true));
        match (self.form.json, self.form.pretty) {
            (false, _) => text(out, self.form, &row),
            (true, false) => {
                out.write_all(if first { b"[" } else { b"," })?;
                out.write_all(row.as_bytes())
            }
            (true, true) => {
                out.write_all(if first { b"[ " } else { b"," })?;
                pretty(out, &serde_json::from_str(&row)?, 1)
            }
        }
    }

    pub(crate) fn end(self, out: &mut dyn Write) -> io::Result<()> {
        match (self.form.json, self.form.pretty, self.any) {
            (false, ..) => Ok(()),
            (true, false, false) => out.write_all(b"[]\n"),
            (true, false, true) => out.write_all(b"]\n"),
            (true, true, false) => out.write_all(b"[ ]\n"),
            (true, true, true) => out.write_all(b" ]\n"),
        }
    }
}

/// As many bytes are held back at most.
const HELD: usize = 1 << 20;

/// A list whose beginning is held back: it may have to be written anew.
pub(crate) struct Held {
    list: List,
    bytes: Vec<u8>,
    written: bool,
    broken: io::Result<()>,
}

impl Held {
    pub(crate) fn new(list: List) -> Held {
        Held {
            list,
            bytes: Vec::new(),
            written: false,
            broken: Ok(()),
        }
    }

    pub(crate) fn add(&mut self, row: Row, out: &mut dyn Write) {
        self.broken = self.list.add(row, &mut self.bytes);
        if self.broken.is_ok() && self.bytes.len() >= HELD {
            self.broken = out.write_all(&self.bytes);
            self.bytes.clear();
            self.written = true;
        }
    }

    /// Whether nobody reads it any more.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.is_err()
    }

    /// Whether a part of it cannot be taken back any more.
    pub(crate) fn is_written(&self) -> bool {
        self.written
    }

    pub(crate) fn end(mut self, out: &mut dyn Write) -> io::Result<()> {
        self.broken?;
        self.list.end(&mut self.bytes)?;
        out.write_all(&self.bytes)
    }
}

fn text(out: &mut dyn Write, form: Form, text: &str) -> io::Result<()> {
    if form.oneline {
        out.write_all(text.replace('\n', "\\").as_bytes())?;
    } else {
        out.write_all(text.as_bytes())?;
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
        pretty(&mut out, &value, 0).unwrap();
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
    } ]"#;
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

//! One record, described once: as text for people or as JSON, never both by hand.

use serde_json::Value;
use std::fmt::{Display, Write};

/// Enough for most records.
const ROOM: usize = 256;

/// A record being described, written as it goes. A line break in the text is `\n`; `-oneline` turns it into `\`.
pub(crate) struct Row {
    json: bool,
    out: String,
}

impl Row {
    pub(crate) fn new(json: bool) -> Row {
        let mut out = String::with_capacity(ROOM);
        out.push_str(if json { "{" } else { "" });
        Row { json, out }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// The most common form: "KEY VALUE " and `"KEY": VALUE`.
    pub(crate) fn word(&mut self, key: &str, value: impl Into<Value> + Display) {
        self.pair(key, key, value);
    }

    /// The same where text and JSON name the field differently.
    pub(crate) fn pair(&mut self, word: &str, key: &str, value: impl Into<Value> + Display) {
        if self.json {
            self.put(key, &value.into());
        } else {
            let _ = write!(self.out, "{word} {value} ");
        }
    }

    /// A field whose text has a form of its own.
    pub(crate) fn field(&mut self, key: &str, value: impl Into<Value>, text: impl Display) {
        if self.json {
            self.put(key, &value.into());
        } else {
            let _ = write!(self.out, "{text}");
        }
    }

    /// A word that stands alone: "KEY " and `"KEY": true`.
    pub(crate) fn flag(&mut self, key: &str) {
        self.field(key, true, format_args!("{key} "));
    }

    /// The same where JSON says `null`.
    pub(crate) fn mark(&mut self, key: &str) {
        self.field(key, Value::Null, format_args!("{key} "));
    }

    /// Only for people.
    pub(crate) fn text(&mut self, text: impl Display) {
        if !self.json {
            let _ = write!(self.out, "{text}");
        }
    }

    /// Only for programs.
    pub(crate) fn json(&mut self, key: &str, value: impl Into<Value>) {
        if self.json {
            self.put(key, &value.into());
        }
    }

    /// An object within; its text goes on in the same place.
    pub(crate) fn nest(&mut self, key: &str, describe: impl FnOnce(&mut Row)) {
        self.open(key, "{");
        describe(self);
        self.close("}");
    }

    /// The same, left out where it is empty.
    pub(crate) fn nest_some(&mut self, key: &str, describe: impl FnOnce(&mut Row)) {
        let before = self.out.len();
        self.open(key, "{");
        let opened = self.out.len();
        describe(self);
        match self.json && self.out.len() == opened {
            true => self.out.truncate(before),
            false => self.close("}"),
        }
    }

    /// A list of objects within.
    pub(crate) fn list<T>(
        &mut self,
        key: &str,
        items: impl IntoIterator<Item = T>,
        mut describe: impl FnMut(&mut Row, T),
    ) {
        self.open(key, "[");
        for (at, item) in items.into_iter().enumerate() {
            self.close(if at == 0 { "{" } else { ",{" });
            describe(self, item);
            self.close("}");
        }
        self.close("]");
    }

    /// A list of plain values, `before` the text, `between` and `after`.
    pub(crate) fn values(
        &mut self,
        key: &str,
        items: &[String],
        before: &str,
        between: &str,
        after: &str,
    ) {
        if self.json {
            self.put(key, &items.to_vec().into());
        } else {
            let _ = write!(self.out, "{before}{}{after}", items.join(between));
        }
    }

    /// Takes the space behind the last word away.
    pub(crate) fn trim_end(&mut self) {
        if !self.json {
            self.out.truncate(self.out.trim_end().len());
        }
    }

    fn put(&mut self, key: &str, value: &Value) {
        self.open(key, "");
        match value {
            Value::String(text) if is_plain(text) => {
                self.out.push('"');
                self.out.push_str(text);
                self.out.push('"');
            }
            value => drop(write!(self.out, "{value}")),
        }
    }

    /// A comma where one is due, the key, and what follows it. No value ends with `{`.
    fn open(&mut self, key: &str, bracket: &str) {
        if self.json {
            if !self.out.ends_with('{') {
                self.out.push(',');
            }
            for part in ["\"", key, "\":", bracket] {
                self.out.push_str(part);
            }
        }
    }

    fn close(&mut self, bracket: &str) {
        if self.json {
            self.out.push_str(bracket);
        }
    }

    /// The text, or the object.
    pub(crate) fn finish(mut self) -> String {
        self.close("}");
        self.out
    }
}

/// Whether JSON writes it as it is.
fn is_plain(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_json_escapes_is_escaped() {
        let mut row = Row::new(true);
        row.word("ifname", "a\"b\\c\u{1}é");
        let said: Value = serde_json::from_str(&row.finish()).unwrap();
        assert_eq!(said["ifname"], "a\"b\\c\u{1}é");
    }

    fn describe(json: bool) -> Row {
        let mut row = Row::new(json);
        row.field("ifname", "eth0", "eth0: ");
        row.word("mtu", 1500);
        row.pair("qlen", "txqlen", 1000);
        row.flag("dynamic");
        row.nest("linkinfo", |row| row.pair("kind", "info_kind", "veth"));
        row.list("metrics", [1, 2], |row, n| row.word("n", n));
        row.values(
            "flags",
            &["UP".to_owned(), "ARP".to_owned()],
            "<",
            ",",
            "> ",
        );
        row
    }

    #[test]
    fn one_description_gives_both() {
        assert_eq!(
            describe(false).finish(),
            "eth0: mtu 1500 qlen 1000 dynamic kind veth n 1 n 2 <UP,ARP> "
        );
        let json = r#"{"ifname":"eth0","mtu":1500,"txqlen":1000,"dynamic":true,"linkinfo":{"info_kind":"veth"},"metrics":[{"n":1},{"n":2}],"flags":["UP","ARP"]}"#;
        assert_eq!(describe(true).finish(), json);
    }
}

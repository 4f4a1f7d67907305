//! One record, described once: as text for people or as JSON, never both by hand.

use serde_json::{Map, Value};
use std::fmt::{Display, Write};

/// A record being described. A line break in the text is `\n`; `-oneline` turns it into `\`.
pub(crate) struct Row {
    json: bool,
    text: String,
    map: Map<String, Value>,
}

impl Row {
    pub(crate) fn new(json: bool) -> Row {
        Row {
            json,
            text: String::new(),
            map: Map::new(),
        }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// The most common form: "KEY VALUE " and `"KEY": VALUE`.
    pub(crate) fn word(&mut self, key: &str, value: impl Into<Value> + Display) {
        if self.json {
            self.map.insert(key.to_owned(), value.into());
        } else {
            let _ = write!(self.text, "{key} {value} ");
        }
    }

    /// The same where text and JSON name the field differently.
    pub(crate) fn pair(&mut self, word: &str, key: &str, value: impl Into<Value> + Display) {
        if self.json {
            self.map.insert(key.to_owned(), value.into());
        } else {
            let _ = write!(self.text, "{word} {value} ");
        }
    }

    /// A field whose text has a form of its own.
    pub(crate) fn field(&mut self, key: &str, value: impl Into<Value>, text: impl Display) {
        if self.json {
            self.map.insert(key.to_owned(), value.into());
        } else {
            let _ = write!(self.text, "{text}");
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
            let _ = write!(self.text, "{text}");
        }
    }

    /// Only for programs.
    pub(crate) fn json(&mut self, key: &str, value: impl Into<Value>) {
        if self.json {
            self.map.insert(key.to_owned(), value.into());
        }
    }

    /// An object within; its text goes on in the same place.
    pub(crate) fn nest(&mut self, key: &str, describe: impl FnOnce(&mut Row)) {
        let map = std::mem::take(&mut self.map);
        describe(self);
        let inner = std::mem::replace(&mut self.map, map);
        self.json(key, inner);
    }

    /// The same, left out where it is empty.
    pub(crate) fn nest_some(&mut self, key: &str, describe: impl FnOnce(&mut Row)) {
        let map = std::mem::take(&mut self.map);
        describe(self);
        let inner = std::mem::replace(&mut self.map, map);
        if !inner.is_empty() {
            self.json(key, inner);
        }
    }

    /// A list of objects within.
    pub(crate) fn list<T>(
        &mut self,
        key: &str,
        items: impl IntoIterator<Item = T>,
        mut describe: impl FnMut(&mut Row, T),
    ) {
        let map = std::mem::take(&mut self.map);
        let mut list = Vec::new();
        for item in items {
            describe(self, item);
            let inner = std::mem::take(&mut self.map);
            if self.json {
                list.push(Value::Object(inner));
            }
        }
        self.map = map;
        self.json(key, list);
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
            self.map.insert(key.to_owned(), items.to_vec().into());
        } else {
            let _ = write!(self.text, "{before}{}{after}", items.join(between));
        }
    }

    /// Takes the space behind the last word away.
    pub(crate) fn trim_end(&mut self) {
        self.text.truncate(self.text.trim_end().len());
    }

    /// Takes a field back that turned out to be empty.
    pub(crate) fn forget(&mut self, key: &str) {
        self.map.remove(key);
    }

    /// The text so far.
    pub(crate) fn as_text(&self) -> &str {
        &self.text
    }

    pub(crate) fn into_value(self) -> Value {
        Value::Object(self.map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            describe(false).as_text(),
            "eth0: mtu 1500 qlen 1000 dynamic kind veth n 1 n 2 <UP,ARP> "
        );
        let json = r#"{"ifname":"eth0","mtu":1500,"txqlen":1000,"dynamic":true,"linkinfo":{"info_kind":"veth"},"metrics":[{"n":1},{"n":2}],"flags":["UP","ARP"]}"#;
        assert_eq!(describe(true).into_value().to_string(), json);
    }
}

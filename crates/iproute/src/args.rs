//! A cursor over the words of a command line.

use crate::Done;
use crate::fault::Fault;
use std::ffi::OsString;

/// The words still to be read.
#[derive(Clone)]
pub(crate) struct Args<'a> {
    words: &'a [OsString],
}

impl<'a> Args<'a> {
    pub(crate) fn new(words: &'a [OsString]) -> Self {
        Args { words }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// What is left, not looked into.
    pub(crate) fn rest(&mut self) -> &'a [OsString] {
        std::mem::take(&mut self.words)
    }

    pub(crate) fn peek(&self) -> Done<Option<&'a str>> {
        let Some(word) = self.words.first() else {
            return Ok(None);
        };
        word.to_str().map(Some).ok_or_else(|| Fault::not_text(word))
    }

    pub(crate) fn next(&mut self) -> Done<Option<&'a str>> {
        let word = self.peek()?;
        self.skip();
        Ok(word)
    }

    pub(crate) fn skip(&mut self) {
        self.words = self.words.get(1..).unwrap_or_default();
    }

    /// The word that must follow `key`.
    pub(crate) fn value(&mut self, key: &str) -> Done<&'a str> {
        self.next()?.ok_or_else(|| Fault::incomplete(key))
    }

    /// Whether the next word is `word`; takes it if so.
    pub(crate) fn take(&mut self, word: &str) -> Done<bool> {
        let same = self.peek()? == Some(word);
        if same {
            self.skip();
        }
        Ok(same)
    }

    /// Whether `given` means `keyword`: the same, or a beginning of it.
    pub(crate) fn means(&self, given: &str, keyword: &str) -> bool {
        !given.is_empty() && keyword.starts_with(given)
    }

    /// "on" or "off" behind `key`.
    pub(crate) fn on_off(&mut self, key: &str) -> Done<bool> {
        match self.value(key)? {
            "on" => Ok(true),
            "off" => Ok(false),
            other => Err(Fault::on_off(key, other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_in_order() {
        let words: Vec<OsString> = ["dev", "eth0", "promisc", "maybe"].map(Into::into).to_vec();
        let mut args = Args::new(&words);
        assert!(args.take("dev").unwrap() && !args.take("dev").unwrap());
        assert_eq!(args.value("dev").unwrap(), "eth0");
        args.skip();
        assert!(args.on_off("promisc").is_err());
        assert!(args.is_empty() && args.value("mtu").is_err());
    }

    #[test]
    fn a_beginning_is_enough_as_in_the_originals() {
        let args = Args::new(&[]);
        assert!(args.means("broad", "broadcast") && args.means("del", "delete"));
        assert!(!args.means("", "broadcast") && !args.means("broadcasts", "broadcast"));
    }
}

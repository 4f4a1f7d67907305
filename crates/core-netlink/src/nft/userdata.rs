//! The notes nft keeps beside objects: type, length and value in one byte, one byte and so many (libnftnl/udata.h).

use crate::attr::Writer;

/// Appends notes.
#[derive(Debug, Default)]
pub(super) struct Notes(Vec<u8>);

impl Notes {
    pub(super) fn new() -> Self {
        Notes::default()
    }

    /// Bytes; none longer than 255 fit.
    pub(super) fn bytes(mut self, kind: u8, value: &[u8]) -> Self {
        if let Ok(len) = u8::try_from(value.len()) {
            self.0.extend_from_slice(&[kind, len]);
            self.0.extend_from_slice(value);
        }
        self
    }

    pub(super) fn u32(self, kind: u8, value: u32) -> Self {
        self.bytes(kind, &value.to_ne_bytes())
    }

    /// Text with its zero byte, cut to what fits; none if empty.
    pub(super) fn text(self, kind: u8, text: &str) -> Self {
        if text.is_empty() {
            return self;
        }
        let end = (0..=254.min(text.len()))
            .rev()
            .find(|&end| text.is_char_boundary(end));
        let text = &text[..end.unwrap_or(0)];
        self.bytes(kind, &[text.as_bytes(), &[0]].concat())
    }

    pub(super) fn nest(self, kind: u8, inner: Notes) -> Self {
        self.bytes(kind, &inner.0)
    }

    /// As an attribute; nothing if there are none.
    pub(super) fn write(self, w: &mut Writer<'_>, kind: u16) {
        if !self.0.is_empty() {
            w.bytes(kind, &self.0);
        }
    }
}

/// The text of the first note of this type, up to its zero byte. Notes are anybody's: what cannot be read is no comment.
pub(super) fn text(mut notes: &[u8], wanted: u8) -> Option<String> {
    while let [kind, len, rest @ ..] = notes {
        let value = rest.get(..usize::from(*len))?;
        if *kind == wanted {
            let value = value.split(|&byte| byte == 0).next()?;
            return Some(String::from_utf8_lossy(value).into_owned());
        }
        notes = rest.get(value.len()..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_comment_behind_other_notes_is_found() {
        let notes = Notes::new().u32(0, 1).text(7, "mine").0;
        assert_eq!(notes, [0, 4, 1, 0, 0, 0, 7, 5, b'm', b'i', b'n', b'e', 0]);
        assert_eq!(text(&notes, 7).as_deref(), Some("mine"));
        assert_eq!(text(&notes[..9], 7), None);
    }

    proptest! {
        #[test]
        fn comments_survive_cut_to_what_fits(comment in "[^\0]{0,300}") {
            let notes = Notes::new().text(0, &comment).0;
            let read = text(&notes, 0).unwrap_or_default();
            prop_assert!(comment.starts_with(&read) && (read.len() == comment.len() || read.len() > 250));
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = text(&bytes, 0);
        }
    }
}

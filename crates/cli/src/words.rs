//! Words of the command line that libraries read: their whole answer to a bad one, not only its first sentence.

use crate::failure::Failure;
use std::error::Error;
use std::str::FromStr;

/// Reads a word; a bad one is answered with the chain of causes and the hint.
pub(crate) fn parse<T: FromStr<Err: Error + 'static>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| explain(&error))
}

/// A number of things; what is wrong with too small or too large ones is for the library to say.
pub(crate) fn number(text: &str) -> Result<u32, String> {
    text.parse()
        .map_err(|_| "right is a whole number above 0".to_owned())
}

/// An error in one line, and its hint in another.
pub(crate) fn explain(error: &(dyn Error + 'static)) -> String {
    let failure = Failure::from_error(error);
    match failure.way_out() {
        Some(hint) => format!("{failure}\nhint: {hint}"),
        None => failure.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_word_is_explained() {
        let said = parse::<ns_mgmt::Kind>("nets").unwrap_err();
        assert!(
            said.contains("\"nets\"") && said.contains("cgroup, ipc"),
            "{said}"
        );
        let said = parse::<ns_mgmt::Target>("pid:x").unwrap_err();
        assert!(said.contains("\nhint: "), "{said}");
        assert_eq!(parse::<u8>("7"), Ok(7));
    }
}

//! `CNI_ARGS`: pairs that a runtime adds to a call.

use crate::error::{Code, Error, Result};
use std::fmt::{self, Display};
use std::str::FromStr;

const IGNORE_UNKNOWN: &str = "IgnoreUnknown";

/// The pairs of `CNI_ARGS` (CNI 1.1.0, "Parameters"), as in `IP=10.0.0.2;MAC=02:00:00:00:00:01`.
///
/// ```
/// use cni::Args;
/// let args: Args = "IgnoreUnknown=1;IP=10.0.0.2;K8S_POD_NAME=web".parse()?;
/// assert_eq!(args.get("IP"), Some("10.0.0.2"));
/// assert!(args.check_known(&["IP"]).is_ok());
/// # Ok::<(), cni::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Args {
    pairs: Vec<(String, String)>,
    ignore_unknown: bool,
}

impl Args {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        let mut pairs = self.pairs.iter();
        let found = pairs.find(|(name, _)| name == key);
        found.map(|(_, value)| value.as_str())
    }

    /// All of them, as they were written.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.pairs.iter();
        pairs.map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// All of them and `IgnoreUnknown`, as a runtime keeps them.
    pub(crate) fn all(&self) -> Vec<[String; 2]> {
        let ignore = self.ignore_unknown.then_some((IGNORE_UNKNOWN, "1"));
        let pairs = ignore.into_iter().chain(self.pairs());
        pairs
            .map(|(key, value)| [key, value].map(str::to_owned))
            .collect()
    }

    /// What [`Args::all`] gave, or a runtime kept. A pair that cannot be meant is left out.
    pub(crate) fn of(pairs: &[[String; 2]]) -> Args {
        let mut args = Args::default();
        for [key, value] in pairs {
            let _ = args.add(key, value);
        }
        args
    }

    /// Refuses keys that are not among these (code 4), naming all of them, unless `IgnoreUnknown` is set.
    pub fn check_known(&self, known: &[&str]) -> Result<()> {
        let keys = self.pairs.iter().map(|(key, _)| key.as_str());
        let unknown: Vec<&str> = keys.filter(|key| !known.contains(key)).collect();
        if unknown.is_empty() || self.ignore_unknown {
            return Ok(());
        }
        let unknown = unknown.join("`, `");
        let why = format!("`{unknown}` is not known here; `{IGNORE_UNKNOWN}=1` allows other keys");
        Err(wrong(why))
    }
}

/// As it is written, `IgnoreUnknown` first.
impl Display for Args {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs: Vec<String> = self
            .all()
            .iter()
            .map(|[key, value]| format!("{key}={value}"))
            .collect();
        f.pad(&pairs.join(";"))
    }
}

impl FromStr for Args {
    /// Code 4, with the pair that is wrong.
    type Err = Error;

    fn from_str(text: &str) -> Result<Args> {
        let mut args = Args::default();
        let text = text.strip_suffix(';').unwrap_or(text);
        for pair in text.split(';').filter(|_| !text.is_empty()) {
            match pair.split_once('=') {
                Some((key, value)) if !key.is_empty() => args.add(key, value)?,
                _ => return Err(wrong(format_args!("{pair:?} is not KEY=VALUE"))),
            }
        }
        Ok(args)
    }
}

impl Args {
    fn add(&mut self, key: &str, value: &str) -> Result<()> {
        if key == IGNORE_UNKNOWN {
            self.ignore_unknown = flag(value)?;
            return Ok(());
        }
        if self.get(key).is_some() {
            return Err(wrong(format_args!("`{key}` is there twice")));
        }
        self.pairs.push((key.to_owned(), value.to_owned()));
        Ok(())
    }
}

fn wrong(why: impl Display) -> Error {
    Error::new(Code::InvalidEnvironment, format!("`CNI_ARGS`: {why}"))
}

/// As the reference reads it: `1` and `0`, or the words in any case.
fn flag(value: &str) -> Result<bool> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err(wrong(format_args!(
            "`{IGNORE_UNKNOWN}` is {value:?}, neither 1 nor 0, true nor false"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pairs_are_read_in_the_form_of_the_reference() {
        let args: Args = "IP=10.0.0.2;EMPTY=;Q=a=b;".parse().unwrap();
        assert_eq!(args.get("IP"), Some("10.0.0.2"));
        assert_eq!(args.get("EMPTY"), Some(""));
        assert_eq!(args.get("Q"), Some("a=b"));
        assert_eq!(args.get("ip"), None);
        assert_eq!("".parse(), Ok(Args::default()));
    }

    #[test]
    fn unknown_keys_are_named_unless_they_are_to_be_ignored() {
        let pods = "K8S_POD_NAMESPACE=default;K8S_POD_NAME=web";
        let args: Args = pods.parse().unwrap();
        let error = args.check_known(&["K8S_POD_NAME", "IP"]).unwrap_err();
        assert!(
            error
                .msg
                .starts_with("`CNI_ARGS`: `K8S_POD_NAMESPACE` is not known"),
            "{error}"
        );
        let error = args.check_known(&[]).unwrap_err();
        assert!(
            error.msg.contains("`K8S_POD_NAMESPACE`, `K8S_POD_NAME`"),
            "{error}"
        );
        for (value, allowed) in [
            ("1", true),
            ("true", true),
            ("TRUE", true),
            ("0", false),
            ("False", false),
        ] {
            let args: Args = format!("{pods};IgnoreUnknown={value}").parse().unwrap();
            assert_eq!(args.check_known(&[]).is_ok(), allowed, "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_panic(text in "[A-C=;1é]{0,30}|\\PC{0,30}") {
            let _ = text.parse::<Args>();
        }
    }
}

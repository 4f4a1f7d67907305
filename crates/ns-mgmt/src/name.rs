//! What people type to mean a namespace: a checked name, a path, a process.

use crate::{Error, NETNS_DIR, Result};
use std::path::{Path, PathBuf};
use std::{fmt, str::FromStr};

/// The name of a network namespace: a file name under `/run/netns`.
///
/// 1 to 255 bytes, no `/`, no control characters, not `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NsName(String);

impl NsName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for NsName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for NsName {
    type Err = Error;

    fn from_str(text: &str) -> Result<NsName> {
        let why = match text {
            "" => "it is empty",
            "." | ".." => "it means a directory",
            _ if text.len() > 255 => "it is longer than 255 bytes",
            _ if text.contains('/') => "it contains `/`",
            _ if text.contains(char::is_control) => "it contains a control character",
            _ => return Ok(NsName(text.to_owned())),
        };
        Err(Error::invalid(
            format!("name a network namespace {text:?}"),
            format!(
                "{why}; right is a file name of 1 to 255 bytes without `/` and control characters"
            ),
        ))
    }
}

/// What people type to mean an existing namespace.
///
/// ```
/// use ns_mgmt::Target;
/// assert_eq!("pid:42".parse::<Target>()?, Target::Pid(42));
/// assert_eq!("/proc/42/ns/net".parse::<Target>()?, Target::Path("/proc/42/ns/net".into()));
/// assert_eq!("blue".parse::<Target>()?, Target::Name("blue".parse()?));
/// assert_eq!("ns:pid:42".parse::<Target>()?, Target::Name("pid:42".parse()?));
/// # Ok::<(), ns_mgmt::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Target {
    /// A name under `/run/netns`, typed `NAME` or `ns:NAME`.
    Name(NsName),
    /// A file that is a namespace, typed with a `/` in it.
    Path(PathBuf),
    /// The namespace of a process, typed `pid:N`.
    Pid(u32),
}

impl Target {
    /// The name under `/run/netns` that is meant, however it was spelt.
    ///
    /// ```
    /// let path: ns_mgmt::Target = "/var/run/netns/blue".parse()?;
    /// assert_eq!(path.name(), Some("blue".parse()?));
    /// # Ok::<(), ns_mgmt::Error>(())
    /// ```
    pub fn name(&self) -> Option<NsName> {
        match self {
            Target::Name(name) => Some(name.clone()),
            Target::Path(path) => {
                let directory = path.parent()?;
                let ours =
                    directory == Path::new(NETNS_DIR) || directory == Path::new("/var/run/netns");
                path.file_name().filter(|_| ours)?.to_str()?.parse().ok()
            }
            Target::Pid(_) => None,
        }
    }

    /// The file that is the network namespace meant, whether it is there or not; a relative path stays one.
    ///
    /// ```
    /// let path = |text: &str| Ok::<_, ns_mgmt::Error>(text.parse::<ns_mgmt::Target>()?.path());
    /// assert_eq!(path("blue")?, std::path::Path::new("/run/netns/blue"));
    /// assert_eq!(path("pid:42")?, std::path::Path::new("/proc/42/ns/net"));
    /// # Ok::<(), ns_mgmt::Error>(())
    /// ```
    pub fn path(&self) -> PathBuf {
        match self {
            Target::Name(name) => Path::new(NETNS_DIR).join(name.as_str()),
            Target::Path(path) => path.clone(),
            Target::Pid(pid) => format!("/proc/{pid}/ns/net").into(),
        }
    }

    /// Whether both mean the same namespace by their words alone.
    ///
    /// ```
    /// let means = |a: &str, b: &str| Ok::<_, ns_mgmt::Error>(a.parse::<ns_mgmt::Target>()?.means(&b.parse()?));
    /// assert!(means("blue", "/run/netns/blue")? && means("pid:42", "/proc/42/ns/net")?);
    /// assert!(!means("blue", "pid:42")?);
    /// # Ok::<(), ns_mgmt::Error>(())
    /// ```
    pub fn means(&self, other: &Target) -> bool {
        let named = self.name().is_some() && self.name() == other.name();
        let process = self.process().is_some() && self.process() == other.process();
        self == other || named || process
    }

    /// The process whose network namespace is meant, however it was spelt.
    fn process(&self) -> Option<u32> {
        match self {
            Target::Pid(pid) => Some(*pid),
            Target::Path(path) => {
                let rest = path.to_str()?.strip_prefix("/proc/")?;
                rest.strip_suffix("/ns/net")?.parse().ok()
            }
            Target::Name(_) => None,
        }
    }
}

impl FromStr for Target {
    type Err = Error;

    fn from_str(text: &str) -> Result<Target> {
        if let Some(name) = text.strip_prefix("ns:") {
            return name.parse().map(Target::Name);
        }
        if let Some(number) = text.strip_prefix("pid:") {
            return parse_pid(text, number);
        }
        if text.contains('\0') {
            return Err(Error::invalid(
                format!("open namespace {text:?}"),
                "it contains a zero byte",
            ));
        }
        match text.contains('/') {
            true => Ok(Target::Path(text.into())),
            false => text.parse().map(Target::Name),
        }
    }
}

fn parse_pid(text: &str, number: &str) -> Result<Target> {
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    match number.parse::<i32>() {
        Ok(pid) if digits && pid > 0 => Ok(Target::Pid(pid.unsigned_abs())),
        _ => Err(Error::invalid(
            format!("open the namespace of process {text:?}"),
            "right is `pid:` and a process number from 1 to 2147483647",
        )
        .with_hint(format!("a namespace of that name is written `ns:{text}`"))),
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Name(name) if name.0.starts_with("ns:") || name.0.starts_with("pid:") => {
                write!(f, "ns:{name}")
            }
            Target::Name(name) => name.fmt(f),
            Target::Path(path) => path.display().fmt(f),
            Target::Pid(pid) => write!(f, "pid:{pid}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_that_would_leave_the_directory_or_the_terminal_are_refused() {
        let long = "x".repeat(256);
        for bad in [
            "",
            ".",
            "..",
            "a/b",
            "/",
            "a\nb",
            "a\u{1b}[2J",
            "a\0b",
            "a\u{85}b",
            &long,
        ] {
            let err = bad.parse::<NsName>().unwrap_err();
            assert!(err.is_invalid(), "{bad:?}");
        }
        for good in [
            "a",
            "...",
            "-x",
            "name with spaces",
            "ünï",
            &"x".repeat(255),
        ] {
            assert_eq!(good.parse::<NsName>().unwrap().as_str(), good);
        }
    }

    #[test]
    fn process_numbers_are_checked() {
        for bad in [
            "pid:",
            "pid:0",
            "pid:-1",
            "pid:+1",
            "pid:1x",
            "pid:2147483648",
            "pid: 1",
        ] {
            assert!(bad.parse::<Target>().unwrap_err().is_invalid(), "{bad}");
        }
        assert_eq!(
            "pid:2147483647".parse::<Target>().unwrap(),
            Target::Pid(i32::MAX as u32)
        );
    }

    proptest! {
        #[test]
        fn a_target_survives_being_printed(text in "(ns:|pid:)?[ -~]{0,20}") {
            if let Ok(target) = text.parse::<Target>() {
                prop_assert_eq!(target.to_string().parse::<Target>().unwrap(), target);
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in any::<String>()) {
            let _ = text.parse::<Target>();
        }
    }
}

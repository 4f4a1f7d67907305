//! `/proc/PID/mountinfo`, as far as namespaces mounted on files go, proc(5).

use crate::Kind;
use crate::holders::parse_link;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// Where a namespace is mounted, if the line is about one: field 4 is `net:[INODE]`, field 5 the file, the type `nsfs`.
pub(crate) fn namespace(line: &str) -> Option<(PathBuf, (Kind, u64))> {
    let mut fields = line.split(' ');
    let root = fields.nth(3)?;
    let file = fields.next()?;
    let (_, rest) = line.split_once(" - ")?;
    match rest.split(' ').next()? {
        "nsfs" => Some((unescape(file), parse_link(root)?)),
        _ => None,
    }
}

/// Space, tab, newline and backslash are written as three octal digits.
fn unescape(field: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let octal = tail.get(..3).filter(|_| first == b'\\').and_then(octal);
        bytes.push(octal.unwrap_or(first));
        rest = if octal.is_some() { &tail[3..] } else { tail };
    }
    PathBuf::from(OsString::from_vec(bytes))
}

fn octal(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_mounted_namespace_is_read_with_its_file() {
        let line = "75 60 0:4 net:[4026532281] /run/netns/my\\040blue rw shared:41 - nsfs nsfs rw";
        let want = (PathBuf::from("/run/netns/my blue"), (Kind::Net, 4026532281));
        assert_eq!(namespace(line), Some(want));
    }

    #[test]
    fn other_mounts_are_passed_over() {
        for line in [
            "25 30 0:23 / /sys rw - sysfs sysfs rw",
            "",
            "1 2 3",
            "1 2 0:4 net:[1] /x rw - ext4 nsfs rw",
        ] {
            assert_eq!(namespace(line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(line in any::<String>()) {
            let _ = namespace(&line);
            let _ = unescape(&line);
        }
    }
}

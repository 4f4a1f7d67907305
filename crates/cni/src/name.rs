//! The names of the specification: what they may be made of, and how long they may be.

/// Bytes of a container id (a limit of ours, as it goes into a link's alias).
pub(crate) const CONTAINER_ID: usize = 96;
/// Bytes of the name of a network or a plugin: it has to name a file.
pub(crate) const FILE_NAME: usize = 255;

/// Refuses what is no name of at most `longest` bytes (CNI 1.1.0, "Network configuration format" and "Parameters"); says what is right.
///
/// What passes is one part of a path and neither `.` nor `..`.
pub(crate) fn check(name: &str, longest: usize) -> Result<(), String> {
    let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    let goes_on = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if begins && name.len() <= longest && name.bytes().all(goes_on) {
        return Ok(());
    }
    Err(format!(
        "{name:?} is no name: a letter or a digit, then letters, digits, `_`, `.` and `-`, together at most {longest} bytes"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_pass() {
        for name in ["a", "0", "cni0", "a..b", "k8s-pod_network.v1", "A-"] {
            assert_eq!(check(name, 96), Ok(()), "{name}");
        }
        assert_eq!(check(&"a".repeat(96), 96), Ok(()));
    }

    #[test]
    fn what_could_leave_a_directory_does_not() {
        for name in [
            "", ".", "..", "../a", "a/b", "/a", "-a", "_a", ".a", "a b", "a\n", "a\0", "ä",
        ] {
            assert!(check(name, 96).is_err(), "{name:?}");
        }
        assert!(check(&"a".repeat(97), 96).is_err());
    }
}

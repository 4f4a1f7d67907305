//! Name servers from a file such as `/etc/resolv.conf` (resolv.conf(5)).

use crate::error::{Code, Error, Result};
use crate::result::Dns;
use nix::libc;
use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// What a file may hold at most.
const LONGEST: u64 = 1 << 20;

/// What the file at `path` says. It may be a symbolic link, as it often is.
pub(super) fn read(path: &Path) -> Result<Dns> {
    let fail = |why: String| {
        let why = format!("`ipam.resolvConf`: cannot read {}: {why}", path.display());
        Error::new(Code::Io, why)
    };
    let mut options = OpenOptions::new();
    let file = options.read(true).custom_flags(libc::O_NONBLOCK).open(path);
    let file = file.map_err(|err| fail(err.to_string()))?;
    let is_file = file.metadata().is_ok_and(|found| found.is_file());
    if !is_file {
        return Err(fail("it is no file".to_owned()));
    }
    let mut bytes = Vec::new();
    let read = file.take(LONGEST).read_to_end(&mut bytes);
    read.map_err(|err| fail(err.to_string()))?;
    Ok(parse(&String::from_utf8_lossy(&bytes)))
}

/// As the reference: one server a line, the last domain, all words of all lines `search` and `options`.
fn parse(text: &str) -> Dns {
    let mut dns = Dns::default();
    for line in text.lines() {
        let mut words = line.split_whitespace().map(str::to_owned);
        let (key, first) = (words.next(), words.next());
        let (Some(key), Some(first)) = (key, first) else {
            continue;
        };
        match key.as_str() {
            "nameserver" => dns.nameservers.push(first),
            "domain" => dns.domain = first,
            "search" => dns.search.extend([first].into_iter().chain(words)),
            "options" => dns.options.extend([first].into_iter().chain(words)),
            _ => {}
        }
    }
    dns
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs;

    const TEXT: &str = "# nameserver 9.9.9.9\n;nameserver 8.8.8.8\n\n nameserver 1.1.1.1 # first\nnameserver\t2606::1\r\n\
        domain one\ndomain example.org\nsearch a b\nsearch c\noptions ndots:2\noptions edns0 trust-ad\nsortlist x\nnameserver\n";

    #[test]
    fn servers_domains_and_options_are_read() {
        let dns = parse(TEXT);
        assert_eq!(dns.nameservers, ["1.1.1.1", "2606::1"]);
        assert_eq!(dns.domain, "example.org");
        assert_eq!(dns.search, ["a", "b", "c"]);
        assert_eq!(dns.options, ["ndots:2", "edns0", "trust-ad"]);
        assert_eq!(parse(""), Dns::default());
    }

    #[test]
    fn a_link_is_followed_and_what_is_no_file_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link, fifo) = ["file", "link", "fifo"]
            .map(|name| dir.path().join(name))
            .into();
        fs::write(&file, TEXT).unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(read(&link).unwrap(), parse(TEXT));
        for bad in [fifo.as_path(), dir.path(), &dir.path().join("nowhere")] {
            let err = read(bad).unwrap_err();
            assert_eq!(err.code, Code::Io);
            assert!(
                err.msg.starts_with("`ipam.resolvConf`: cannot read "),
                "{err}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in ".*") {
            parse(&text);
        }
    }
}

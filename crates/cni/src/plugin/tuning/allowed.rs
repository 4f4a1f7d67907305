//! Which sysctls an administrator allows: `/etc/cni/tuning/allowlist.conf`, a regular expression a line, as for the reference.

use super::keys::Sysctl;
use crate::error::{Code, Error, Result};
use regex_lite::Regex;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

const FILE: &str = "/etc/cni/tuning/allowlist.conf";
const LONGEST: usize = 1 << 20;

/// What the file allows; `None` without a file: everything.
pub(super) struct Allowed(Option<Vec<Regex>>);

impl Allowed {
    /// Code 5 for a file that cannot be read, 7 for a line that is no regular expression.
    pub(super) fn read() -> Result<Allowed> {
        let path = Path::new(FILE);
        match fs::read_to_string(path) {
            Ok(text) => Allowed::parse(&text).map_err(|err| err.in_file(path)),
            Err(err) if err.kind() == ErrorKind::NotFound => Ok(Allowed(None)),
            Err(err) => Err(Error::new(Code::Io, format!("cannot read it: {err}")).in_file(path)),
        }
    }

    fn parse(text: &str) -> Result<Allowed> {
        if text.len() > LONGEST {
            return Err(Error::new(Code::InvalidConfig, "it is longer than 1 MiB"));
        }
        let lines = text.lines().map(str::trim).enumerate();
        let lines = lines.filter(|(_, line)| !line.is_empty());
        let read = |(at, line): (usize, &str)| {
            Regex::new(line).map_err(|err| {
                let why = format!("line {}: {line:?} is no regular expression: {err}", at + 1);
                Error::new(Code::InvalidConfig, why)
            })
        };
        lines
            .map(read)
            .collect::<Result<_>>()
            .map(|all| Allowed(Some(all)))
    }

    /// Each key, as it is written in the configuration, has to match one expression anywhere.
    pub(super) fn check(&self, sysctls: &[Sysctl]) -> Result<()> {
        let Some(allowed) = &self.0 else {
            return Ok(());
        };
        let is_allowed = |of: &&Sysctl| allowed.iter().any(|line| line.is_match(&of.written));
        match sysctls.iter().find(|of| !is_allowed(of)) {
            None => Ok(()),
            Some(of) => {
                let lines: Vec<&str> = allowed.iter().map(Regex::as_str).collect();
                let why = format!("{FILE} does not allow it");
                let hint = format!("it allows what matches one of: {}", lines.join(" "));
                Err(Error::invalid(&format!("sysctl.{}", of.written), why).with_details(hint))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sysctl(written: &str) -> Sysctl {
        Sysctl {
            written: written.to_owned(),
            key: "net/ipv4/ip_forward".parse().unwrap(),
            value: "1".to_owned(),
        }
    }

    #[track_caller]
    fn check(lines: &str, written: &str, allowed: bool) {
        let list = Allowed::parse(lines).unwrap();
        let checked = list.check(&[sysctl(written)]);
        assert_eq!(checked.is_ok(), allowed, "{checked:?}");
    }

    #[test]
    fn a_line_allows_what_matches_it() {
        let list = "^net.ipv4.conf.IFNAME.[a-z_]*$\n\n  ^net\\.core\\.somaxconn$  \n";
        check(list, "net.ipv4.conf.IFNAME.arp_filter", true);
        check(list, "net.core.somaxconn", true);
        check(list, "net.core.somaxconn2", false);
        check(list, "net.ipv4.ip_forward", false);
        check("forward", "net.ipv4.ip_forward", true);
    }

    #[test]
    fn an_empty_list_allows_nothing_and_no_list_everything() {
        check("\n", "net.ipv4.ip_forward", false);
        assert!(Allowed(None).check(&[sysctl("net.x")]).is_ok());
    }

    #[test]
    fn who_is_refused_is_told_what_is_allowed() {
        let list = Allowed::parse("^a$\n^b$").unwrap();
        let err = list.check(&[sysctl("net.x")]).unwrap_err();
        assert_eq!(err.code, Code::InvalidConfig);
        assert!(err.msg.starts_with("`sysctl.net.x`: "), "{err}");
        assert!(err.details.ends_with("^a$ ^b$"), "{}", err.details);
    }

    #[test]
    fn a_line_that_is_no_expression_is_named() {
        let err = Allowed::parse("a\n(\n").err().unwrap();
        assert!(err.msg.starts_with("line 2: \"(\""), "{err}");
    }
}

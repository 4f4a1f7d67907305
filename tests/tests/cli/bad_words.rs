//! Words that cannot be right, of commands that change nothing (the others': `vetch_tests::faults::bad_input`): refused with field and value before anything is touched.

use crate::network::{clear, web};
use vetch_tests::{Lab, lab};

/// Each line is refused with this exit code, the complaint holds each text, and nothing has changed.
#[track_caller]
fn refuses(lab: &Lab, code: i32, rows: &[(&str, &[&str])]) {
    let before = lab.state();
    for (words, texts) in rows {
        let said = lab.vetch(words).exits(code);
        for text in *texts {
            assert!(said.stderr.contains(text), "`{text}` is missing; {said}");
        }
    }
    let changed = before.difference(&lab.state());
    assert!(changed.is_empty(), "{}", changed.join("\n"));
}

#[test]
fn of_commands_that_only_look() {
    lab(|lab| {
        web(lab);
        let rows: &[(&str, &[&str])] = &[
            ("network inspect a:b", &["NETWORK", "a:b"]),
            ("network inspect nosuch", &["nosuch"]),
            ("network check a/b", &["NETWORK", "a/b"]),
            ("network check none", &["`none`", "`web`"]),
            ("network nonsense", &["nonsense"]),
            ("port ls none", &["none"]),
            ("port nonsense", &["nonsense"]),
            ("ls a/b", &["NETWORK", "a/b"]),
            ("ls nosuch", &["nosuch"]),
            ("lsns --type banana", &["--type", "banana"]),
            ("ls --lock-timeout -1", &["-1"]),
            ("ls --lock-timeout 3601", &["3601", "3600"]),
            ("frobnicate", &["frobnicate"]),
            ("--frobnicate", &["--frobnicate"]),
        ];
        refuses(lab, 2, rows);
        refuses(lab, 127, &[("run -- nonexistent", &["nonexistent"])]);
        refuses(lab, 126, &[("run -- /etc/passwd", &["/etc/passwd"])]);
        clear(lab);
    });
}

//! `VETCH_LOG`: the conversation with the kernel on stderr, for people.

use core_netlink::trace;
use std::fmt;
use std::io;
use std::time::Instant;

/// Begins to tell, if the environment asks for it. A word that means nothing is told and passed over: a log must not stop the work.
pub(crate) fn begin() {
    let Some(asked) = std::env::var_os("VETCH_LOG") else {
        return;
    };
    match asked.to_str() {
        Some("trace") => tell(true),
        Some("debug") => tell(false),
        Some("" | "off") => {}
        _ => write(format_args!(
            "note: VETCH_LOG is {asked:?}; right is `debug` (a line for each message) or `trace` (its attributes too)\n"
        )),
    }
}

fn tell(attributes: bool) {
    let start = Instant::now();
    trace::observe(move |traffic| {
        let lines = match attributes {
            true => format!("{traffic:#}"),
            false => traffic.to_string(),
        };
        let now = start.elapsed().as_secs_f64() * 1000.0;
        let mut text = String::new();
        for line in lines.lines() {
            // A line of its own for each message, whose attributes follow.
            match line.starts_with(' ') {
                true => text.extend(["            ", line, "\n"]),
                false => text.extend([format!("{now:8.3} ms ").as_str(), line, "\n"]),
            }
        }
        write(format_args!("{text}"));
    });
}

/// Past the lock of the standard library, which a front end may hold on another thread. Whoever closed stderr does not want to know.
fn write(text: fmt::Arguments<'_>) {
    let text = text.to_string();
    let mut left = text.as_bytes();
    while !left.is_empty() {
        match nix::unistd::write(io::stderr(), left) {
            Ok(written) => left = left.get(written..).unwrap_or_default(),
            Err(nix::errno::Errno::EINTR) => {}
            Err(_) => return,
        }
    }
}

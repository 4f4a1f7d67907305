//! Skips, said aloud: recorded in the file that `cargo xtask test-net` names, counted and judged there.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::{env, thread};

use crate::exec::path;

/// What a test may return: nothing, or an [`anyhow::Result`] that must be `Ok`.
pub trait Outcome {
    /// What a skipped test returns.
    fn skipped() -> Self;
    /// Panics if the test failed.
    fn check(self);
}

impl Outcome for () {
    fn skipped() -> Self {}
    fn check(self) {}
}

impl Outcome for anyhow::Result<()> {
    fn skipped() -> Self {
        Ok(())
    }
    fn check(self) {
        if let Err(error) = self {
            panic!("{error:?}");
        }
    }
}

/// Ends this test as skipped. The reason begins with what is missing, in one of these forms, so that
/// `xtask` can judge whether it really is: `CONFIG_X` (kernel option), `kernel>=6.17`, `tool:brctl`,
/// `root` (more than a user namespace gives).
///
/// ```no_run
/// # use vetch_tests::{lab, skip};
/// lab(|lab| {
///     if !lab.has_kind("dummy") {
///         skip!("CONFIG_DUMMY: no links of kind dummy");
///     }
/// });
/// ```
#[macro_export]
macro_rules! skip {
    ($($reason:tt)*) => {{
        $crate::skip::record(&format!($($reason)*));
        return $crate::skip::Outcome::skipped();
    }};
}

/// Whether a program is there; if not, `skip!("tool:brctl: ...")`.
pub fn has_tool(program: &str) -> bool {
    path()
        .split(':')
        .any(|directory| Path::new(directory).join(program).is_file())
}

/// Whether this is more than a user namespace; if not, `skip!("root: ...")`.
pub fn is_real_root() -> bool {
    env::var("VETCH_REAL_ROOT").is_ok_and(|value| value == "1")
}

/// Whether this user may make tuns and taps; if not, `skip!("root: ...")`.
pub fn opens_tun() -> bool {
    let node = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/net/tun");
    node.is_ok()
}

/// Writes one skip, by the name of the running test, to standard error and the file in `VETCH_SKIPS`.
pub fn record(reason: &str) {
    let test = thread::current().name().unwrap_or("?").to_owned();
    eprintln!("SKIP {test}: {reason}");
    let Some(path) = env::var_os("VETCH_SKIPS") else {
        return;
    };
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .expect("open the list of skips");
    file.write_all(format!("{test}\t{reason}\n").as_bytes())
        .expect("write the list of skips");
}

//! A program of this workspace that runs beside `vetch` in the sandbox, its output passed on: the benchmark, the campaign.

use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::sandbox::Job;
use crate::sh;

/// What to build and to run.
pub(crate) struct Program {
    /// The words for cargo that build it together with `vetch`.
    pub(crate) build: &'static str,
    /// Its name.
    pub(crate) name: &'static str,
    /// Its times matter: it is built as it is handed out, and goes first.
    pub(crate) timed: bool,
    /// How many seconds it may take.
    pub(crate) limit: u64,
}

impl Program {
    /// Builds it and runs it with these arguments; its exit code, unless a signal ended it.
    pub(crate) fn run(&self, args: Vec<String>) -> Result<Option<i32>> {
        let built = match self.timed {
            true => sh::built_static(self.build)?,
            false => sh::built(self.build)?,
        };
        let find = |name: &str| {
            let found = built.iter().find(|(built, _)| built == name);
            found
                .map(|(_, path)| path.clone())
                .with_context(|| format!("cargo built no `{name}`"))
        };
        let dir = tempfile::tempdir()?;
        let job = Job {
            vetch: find("vetch")?,
            dir: dir.path().to_owned(),
            no_pid: false,
            program: true,
            timed: self.timed,
            limit: self.limit,
            tests: vec![find(self.name)?],
            args,
        };
        job.enter_sandbox()
    }
}

/// The same exit code for ours; 1 if there is none.
pub(crate) fn exit_code(code: Option<i32>) -> ExitCode {
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

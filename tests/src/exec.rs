//! Running a program in a node, in bounded time, with everything it said kept.

use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use std::{env, thread};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::node::Node;

/// A program about to run in a node.
#[must_use = "nothing runs before `go`"]
pub struct Run<'a> {
    node: &'a Node,
    said: String,
    command: Command,
    input: Option<String>,
    limit: Duration,
}

impl<'a> Run<'a> {
    /// `argv[0]` is looked up in PATH (with the sbin directories added); time limit 20 s.
    pub fn new(node: &'a Node, argv: &[&str]) -> Run<'a> {
        let (program, args) = argv.split_first().expect("a command has at least one word");
        // By its path: looked up by the child, it would need a copy of this process's memory (fork in place of posix_spawn).
        let mut command = Command::new(found(program));
        command
            .arg0(program)
            .args(args)
            .env("LC_ALL", "C")
            .env("NO_COLOR", "1")
            .env("PATH", path());
        for name in [
            "XDG_RUNTIME_DIR",
            "CNI_COMMAND",
            "RUST_TEST_THREADS",
            "COLUMNS",
        ] {
            command.env_remove(name);
        }
        Run {
            node,
            said: argv.join(" "),
            command,
            input: None,
            limit: Duration::from_secs(20),
        }
    }

    /// Sets a variable of the environment.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// The program sees this as its own name (`argv[0]`).
    pub fn arg0(mut self, name: &str) -> Self {
        self.command.arg0(name);
        self
    }

    /// The program runs in this directory.
    pub fn dir(mut self, path: impl AsRef<Path>) -> Self {
        self.command.current_dir(path);
        self
    }

    /// What it reads on standard input (nothing, if not said).
    pub fn stdin(mut self, text: impl Into<String>) -> Self {
        self.input = Some(text.into());
        self
    }

    /// How long it and all that hold its output may take, before it is killed and the test fails.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs it to its end.
    #[track_caller]
    pub fn go(mut self) -> Output {
        let child = self.spawn();
        let (status, stdout, stderr) = collect(child, self.input.take(), self.limit, &self.said);
        let code = status
            .code()
            .unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
        Output {
            said: self.said,
            place: self.node.name().to_owned(),
            code,
            stdout,
            stderr,
        }
    }

    /// Starts it and goes on; it is killed when the answer is dropped.
    #[track_caller]
    pub fn background(mut self) -> Background {
        let child = self.spawn();
        Background {
            said: self.said,
            child: Some(child),
            input: self.input,
            limit: self.limit,
            place: self.node.name().to_owned(),
        }
    }

    #[track_caller]
    fn spawn(&mut self) -> Child {
        let stdin = if self.input.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        };
        self.command
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let command = &mut self.command;
        self.node
            .run(|| command.spawn())
            .unwrap_or_else(|e| panic!("cannot run `{}`: {e}", self.said))
    }
}

/// Where a program lies that is named without a path; as it is named if it is nowhere.
pub(crate) fn found(program: &str) -> PathBuf {
    let path = path();
    let mut places = path.split(':').map(|dir| Path::new(dir).join(program));
    let named = !program.contains('/');
    let found = named.then(|| places.find(|place| place.is_file()));
    found.flatten().unwrap_or_else(|| program.into())
}

/// The caller's PATH and where Debian keeps `ip`, `nft` and `brctl` from ordinary users.
pub(crate) fn path() -> String {
    format!(
        "{}:/usr/local/sbin:/usr/sbin:/sbin",
        env::var("PATH").unwrap_or_default()
    )
}

#[track_caller]
fn collect(
    mut child: Child,
    input: Option<String>,
    limit: Duration,
    said: &str,
) -> (ExitStatus, String, String) {
    let end = Instant::now() + limit;
    let stdin = child.stdin.take();
    let (mut stdout, mut stderr) = (
        child.stdout.take().expect("piped"),
        child.stderr.take().expect("piped"),
    );
    let feed = thread::spawn(move || {
        stdin
            .zip(input)
            .map(|(mut pipe, text)| pipe.write_all(text.as_bytes()))
    });
    let out = thread::spawn(move || drain(&mut stdout));
    let err = thread::spawn(move || drain(&mut stderr));
    let status = wait(&mut child, end)
        .unwrap_or_else(|| panic!("`{said}` still ran after {limit:?}; killed"));
    while !(feed.is_finished() && out.is_finished() && err.is_finished()) {
        assert!(
            Instant::now() < end,
            "`{said}` ended, but something it started still holds its output"
        );
        thread::sleep(Duration::from_millis(1));
    }
    (
        status,
        out.join().expect("read stdout"),
        err.join().expect("read stderr"),
    )
}

fn drain(pipe: &mut impl Read) -> String {
    let mut bytes = Vec::new();
    pipe.read_to_end(&mut bytes)
        .expect("read a program's output");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The child's status, or nothing if it had to be killed.
fn wait(child: &mut Child, end: Instant) -> Option<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait().expect("wait for a child") {
            return Some(status);
        }
        if Instant::now() > end {
            child
                .kill()
                .and_then(|()| child.wait())
                .expect("kill a child");
            return None;
        }
        thread::sleep(Duration::from_micros(500));
    }
}

/// What a program did.
#[derive(Debug, Clone)]
pub struct Output {
    /// The command as words.
    pub said: String,
    /// The node it ran in.
    pub place: String,
    /// Exit code; 128 + n after signal n.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Output {
    /// Fails the test unless the exit code is 0.
    #[track_caller]
    pub fn ok(self) -> Output {
        self.exits(0)
    }

    /// Fails the test unless the exit code is this one.
    #[track_caller]
    pub fn exits(self, code: i32) -> Output {
        assert_eq!(self.code, code, "exit code; {self}");
        self
    }

    /// Fails the test unless the command failed, in words and not by a crash.
    #[track_caller]
    pub fn fails(self) -> Output {
        assert!(self.code != 0, "should have failed; {self}");
        assert!(self.code != 101 && self.code < 128, "crashed; {self}");
        assert!(
            !self.stderr.trim().is_empty(),
            "failed without a word; {self}"
        );
        self
    }

    /// Fails the test unless standard output holds the text.
    #[track_caller]
    pub fn prints(self, text: &str) -> Output {
        assert!(
            self.stdout.contains(text),
            "`{text}` is not on stdout; {self}"
        );
        self
    }

    /// Fails the test unless standard error holds the text.
    #[track_caller]
    pub fn complains(self, text: &str) -> Output {
        assert!(
            self.stderr.contains(text),
            "`{text}` is not on stderr; {self}"
        );
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("not JSON ({e}); {self}"))
    }
}

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Output {
            said,
            place,
            code,
            stdout,
            stderr,
        } = self;
        write!(
            f,
            "[{place}] `{said}` exited with {code}\n--- stdout\n{stdout}--- stderr\n{stderr}---"
        )
    }
}

/// A program that runs beside the test.
pub struct Background {
    said: String,
    place: String,
    child: Option<Child>,
    input: Option<String>,
    limit: Duration,
}

impl Background {
    /// Its process id.
    #[track_caller]
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("still there").id()
    }

    /// Whether it ended already.
    pub(crate) fn has_ended(&mut self) -> bool {
        let child = self.child.as_mut().expect("still there");
        child.try_wait().expect("ask for a child").is_some()
    }

    /// Sends it a signal.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        kill(
            Pid::from_raw(i32::try_from(self.pid()).expect("a pid")),
            signal,
        )
        .expect("send a signal");
    }

    /// Gives it its input at once; it must fit into a pipe.
    pub(crate) fn feed(&mut self) {
        let pipe = self.child.as_mut().and_then(|child| child.stdin.take());
        if let (Some(mut pipe), Some(text)) = (pipe, self.input.take()) {
            pipe.write_all(text.as_bytes())
                .expect("give a program its input");
        }
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(mut self) -> Output {
        let child = self.child.take().expect("still there");
        let (status, stdout, stderr) = collect(child, self.input.take(), self.limit, &self.said);
        let code = status
            .code()
            .unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
        Output {
            said: self.said.clone(),
            place: self.place.clone(),
            code,
            stdout,
            stderr,
        }
    }
}

impl Background {
    /// What it said, for a caller who waited for its end in another way.
    #[allow(clippy::zombie_processes, reason = "the caller waited")]
    pub(crate) fn said_until_now(mut self) -> Output {
        let mut child = self.child.take().expect("still there");
        let (mut stdout, mut stderr) = (
            child.stdout.take().expect("piped"),
            child.stderr.take().expect("piped"),
        );
        Output {
            said: self.said.clone(),
            place: self.place.clone(),
            code: 0,
            stdout: drain(&mut stdout),
            stderr: drain(&mut stderr),
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill().and_then(|()| child.wait());
        }
    }
}

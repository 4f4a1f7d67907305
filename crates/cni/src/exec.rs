//! Plugins of others: found in the directories given and nowhere else, started with the variables of the specification, and held to
//! bounds of time and output.

use crate::error::{Code, Error, Result, cut};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::{AccessFlags, Pid, access};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Bytes of the longest answer.
const LONGEST: usize = 1 << 20;
/// Bytes that are kept of what a plugin says to people.
const LONGEST_SAID: usize = 1 << 16;
/// Bytes that are read at once.
const CHUNK: usize = 16 << 10;
/// Bytes that the largest pipe of an ordinary user holds.
const LONGEST_PIPE: usize = 1 << 20;
/// How long to wait for output before looking whether the plugin ended without closing it.
const LOOK: Duration = Duration::from_millis(20);
/// Between two looks at a plugin that closed its output, at first and at most.
const PAUSES: [Duration; 2] = [Duration::from_micros(50), Duration::from_millis(5)];
/// How often a program is started that somebody still writes.
const TRIES: usize = 40;
/// Where programs that plugins start are looked for, if we were not told.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How plugins of others are called for one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Where they are, in the order in which they are looked for.
    pub(crate) directories: Vec<PathBuf>,
    /// How long one may take.
    pub(crate) limit: Duration,
    /// `CNI_*` but for `CNI_COMMAND` and `CNI_PATH`.
    pub(crate) variables: Vec<(&'static str, String)>,
}

/// What a plugin answered.
#[derive(Debug)]
pub(crate) struct Called {
    /// What it printed, or its error.
    pub(crate) answer: Result<Vec<u8>>,
    /// What it said to people, cut.
    pub(crate) said: String,
}

/// Refuses directories that would let the program be looked for elsewhere.
pub(crate) fn check_directories(directories: &[PathBuf]) -> Result<()> {
    for directory in directories {
        let text = directory.to_str().unwrap_or_default();
        if !text.starts_with('/') || text.contains([':', '\0']) {
            let why = format!("{directory:?} is no absolute path without `:`");
            let msg = format!("cannot look for plugins: {why}");
            return Err(Error::new(Code::InvalidEnvironment, msg));
        }
    }
    Ok(())
}

impl Caller {
    /// The program of a plugin; the name was checked to be one part of a path.
    pub(crate) fn find(&self, kind: &str) -> Result<PathBuf> {
        let mut programs = self.directories.iter().map(|at| at.join(kind));
        let is_program = |path: &PathBuf| path.is_file() && access(path, AccessFlags::X_OK).is_ok();
        programs.find(is_program).ok_or_else(|| {
            let places: Vec<_> = self.directories.iter().map(|at| at.display()).collect();
            let places: Vec<String> = places.iter().map(ToString::to_string).collect();
            let why = match places.is_empty() {
                true => "it is none of ours, and no directory of other plugins is given".to_owned(),
                false => format!(
                    "it is none of ours, and no program in {}",
                    places.join(", ")
                ),
            };
            Error::new(
                Code::InvalidConfig,
                format!("`type`: plugin {kind:?}: {why}"),
            )
        })
    }

    /// Calls a plugin and waits for its end.
    pub(crate) fn call(&self, program: &Path, operation: &str, text: &str) -> Called {
        let end = Instant::now() + self.limit;
        let started = self.start(program, operation, text);
        let ran = started.and_then(|mut child| {
            let ran = wait(&mut child, end);
            if ran.is_err() {
                kill(&mut child);
            }
            ran
        });
        match ran {
            Ok(ran) => Called {
                said: ran.said(),
                answer: ran.answer(program),
            },
            Err(err) => Called {
                said: String::new(),
                answer: Err(failed(program, &err, self.limit)),
            },
        }
    }

    /// The text is in a file in memory: nobody has to feed a plugin that does not read, or one that answers first.
    fn start(&self, program: &Path, operation: &str, text: &str) -> io::Result<Child> {
        let mut input = File::from(memfd_create(c"cni", MFdFlags::MFD_CLOEXEC)?);
        input.write_all(text.as_bytes())?;
        input.rewind()?;
        let directories: Vec<_> = self.directories.iter().map(|at| at.display()).collect();
        let directories: Vec<String> = directories.iter().map(ToString::to_string).collect();
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or(PATH.into()))
            .env("CNI_COMMAND", operation)
            .env("CNI_PATH", directories.join(":"))
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0); // what it starts ends with it
        spawn(&mut command)
    }
}

/// A program that is being installed is busy for a moment.
fn spawn(command: &mut Command) -> io::Result<Child> {
    for _ in 1..TRIES {
        match command.spawn() {
            Err(err) if err.kind() == ErrorKind::ExecutableFileBusy => thread::sleep(LOOK / 4),
            started => return started,
        }
    }
    command.spawn()
}

/// What there is when a plugin has ended.
struct Ran {
    status: ExitStatus,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Ran {
    fn said(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// What it printed if it succeeded; else the error it printed, or one that says what is known.
    fn answer(self, program: &Path) -> Result<Vec<u8>> {
        if self.status.success() {
            return Ok(self.stdout);
        }
        Err(Error::parse(&self.stdout).unwrap_or_else(|| {
            let (program, status) = (program.display(), self.status);
            let why = format!("plugin {program} ended with {status} and printed no error object");
            let said = [&self.stderr, &self.stdout].map(|said| String::from_utf8_lossy(said));
            let said: Vec<&str> = said.iter().map(|said| said.trim()).collect();
            let said = said.iter().find(|said| !said.is_empty());
            Error::new(Code::Failed, why).with_details(cut(said.unwrap_or(&"").to_string()))
        }))
    }
}

fn failed(program: &Path, err: &io::Error, limit: Duration) -> Error {
    let program = program.display();
    match err.kind() {
        ErrorKind::TimedOut => {
            let why = format!("plugin {program} did not end within {limit:?} and was killed");
            Error::new(Code::TryAgain, why)
        }
        ErrorKind::FileTooLarge => {
            let why = format!("plugin {program} printed more than 1 MiB and was killed");
            Error::new(Code::Decoding, why)
        }
        _ => Error::new(Code::Io, format!("cannot run plugin {program}: {err}")),
    }
}

/// Takes what the plugin prints until it ends. What it started and left behind may hold its output; nobody waits for that.
fn wait(child: &mut Child, end: Instant) -> io::Result<Ran> {
    let mut stdout = Pipe::new(child.stdout.take(), LONGEST)?;
    let mut stderr = Pipe::new(child.stderr.take(), LONGEST_SAID - 1)?;
    let mut pause = PAUSES[0];
    let status = loop {
        let is_open = stdout.source.is_some() || stderr.source.is_some();
        let left = end.saturating_duration_since(Instant::now());
        match is_open {
            true => ready(&stdout, &stderr, left.min(LOOK))?,
            false => {
                thread::sleep(pause.min(left));
                pause = PAUSES[1].min(2 * pause);
            }
        }
        let ended = match is_open && stdout.read()? + stderr.read()? > 0 {
            true => None, // there may be more
            false => child.try_wait()?,
        };
        if stdout.bytes.len() > LONGEST {
            return Err(ErrorKind::FileTooLarge.into());
        }
        match ended {
            Some(status) => break status,
            None if left.is_zero() => return Err(ErrorKind::TimedOut.into()),
            None => {}
        }
    };
    stdout.read_rest()?;
    stderr.read_rest()?;
    if stdout.bytes.len() > LONGEST {
        return Err(ErrorKind::FileTooLarge.into());
    }
    Ok(Ran {
        status,
        stdout: stdout.bytes,
        stderr: stderr.bytes,
    })
}

/// Waits until one of the pipes has something, or the time is over.
fn ready<A: AsFd, B: AsFd>(one: &Pipe<A>, other: &Pipe<B>, most: Duration) -> io::Result<()> {
    let sources = [
        one.source.as_ref().map(AsFd::as_fd),
        other.source.as_ref().map(AsFd::as_fd),
    ];
    let wanted = |source| PollFd::new(source, PollFlags::POLLIN);
    let mut wanted: Vec<PollFd<'_>> = sources.into_iter().flatten().map(wanted).collect();
    let most = PollTimeout::try_from(most).unwrap_or(PollTimeout::ZERO);
    match poll(&mut wanted, most) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// What comes from one descriptor of a child.
struct Pipe<T> {
    /// `None` once it has ended.
    source: Option<T>,
    bytes: Vec<u8>,
    most: usize,
}

impl<T: Read + AsFd> Pipe<T> {
    fn new(source: Option<T>, most: usize) -> io::Result<Pipe<T>> {
        if let Some(source) = &source {
            fcntl(source, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?; // our end alone
        }
        Ok(Pipe {
            source,
            bytes: Vec::new(),
            most,
        })
    }

    /// Reads what was printed between the last look and the end; somebody else may go on writing.
    fn read_rest(&mut self) -> io::Result<()> {
        for _ in 0..LONGEST_PIPE / CHUNK {
            if self.read()? == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Reads what is there, and keeps of it one byte more than the most. How many bytes there were.
    fn read(&mut self) -> io::Result<usize> {
        let Some(source) = &mut self.source else {
            return Ok(0);
        };
        let mut chunk = [0; CHUNK];
        match source.read(&mut chunk) {
            Ok(0) => self.source = None,
            Ok(count) => {
                let room = (self.most + 1).saturating_sub(self.bytes.len());
                let kept = chunk.get(..count.min(room)).unwrap_or_default();
                self.bytes.extend_from_slice(kept);
                return Ok(count);
            }
            Err(err) if matches!(err.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(err) => return Err(err),
        }
        Ok(0)
    }
}

/// Ends a plugin with all that it started and that stayed in its group.
fn kill(child: &mut Child) {
    // It may have ended meanwhile; its number is its own until it is waited for.
    if let Ok(group) = i32::try_from(child.id()) {
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use tempfile::TempDir;

    /// A directory with a plugin that is a shell script.
    pub(crate) fn plugin(name: &str, script: &str) -> TempDir {
        let directory = tempfile::tempdir().unwrap();
        add_plugin(directory.path(), name, script);
        directory
    }

    pub(crate) fn add_plugin(directory: &Path, name: &str, script: &str) {
        let path = directory.join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn caller(directory: &TempDir) -> Caller {
        Caller {
            directories: vec!["/nowhere".into(), directory.path().to_owned()],
            limit: Duration::from_secs(20),
            variables: vec![("CNI_IFNAME", "eth0".to_owned())],
        }
    }

    fn call(script: &str, input: &str) -> Called {
        let directory = plugin("p", script);
        let caller = caller(&directory);
        caller.call(&caller.find("p").unwrap(), "ADD", input)
    }

    #[test]
    fn a_plugin_has_the_input_and_the_variables_of_the_specification_and_no_others() {
        let directory = plugin(
            "p",
            "cat; env | sort | grep -v '^_=\\|^PWD=\\|^OLDPWD=\\|^SHLVL='",
        );
        let caller = caller(&directory);
        let called = caller.call(&caller.find("p").unwrap(), "CHECK", "{\"a\": 1}\n");
        let path = std::env::var("PATH").unwrap();
        let at = directory.path().display();
        let want = format!(
            "{{\"a\": 1}}\nCNI_COMMAND=CHECK\nCNI_IFNAME=eth0\nCNI_PATH=/nowhere:{at}\nPATH={path}\n"
        );
        assert_eq!(String::from_utf8(called.answer.unwrap()).unwrap(), want);
    }

    #[test]
    fn a_plugin_that_reads_nothing_or_late_is_no_obstacle() {
        let long = "x".repeat(1 << 20);
        assert_eq!(call("echo '{}'", &long).answer.unwrap(), b"{}\n");
        let script = "head -c 300000 /dev/zero; wc -c";
        let answer = call(script, &long).answer.unwrap();
        assert!(answer.ends_with(b"1048576\n") && answer.len() == 300_008);
    }

    #[test]
    fn the_error_object_is_kept_and_without_one_plugin_and_status_are_named() {
        let script = r#"echo '{"code": 42, "msg": "no", "details": "why"}'; echo seen >&2; exit 3"#;
        let called = call(script, "");
        let error = called.answer.unwrap_err();
        assert_eq!(error, Error::new(Code::Other(42), "no").with_details("why"));
        assert_eq!(called.said, "seen\n");

        let error = call("echo 'panic: oh' >&2; exit 3", "").answer.unwrap_err();
        assert!(
            error
                .msg
                .ends_with("/p ended with exit status: 3 and printed no error object")
        );
        assert_eq!(
            (error.code, error.details.as_str()),
            (Code::Failed, "panic: oh")
        );
        let error = call("echo half; kill -9 $$", "").answer.unwrap_err();
        assert!(error.msg.contains("/p ended with signal: 9"), "{error}");
        assert_eq!(error.details, "half");
    }

    #[test]
    fn what_takes_too_long_is_killed_with_all_that_it_started() {
        let directory = tempfile::tempdir().unwrap();
        let kept = directory.path().join("pid");
        add_plugin(
            directory.path(),
            "q",
            &format!("sleep 60 & echo $! >{}; wait", kept.display()),
        );
        let caller = Caller {
            limit: Duration::from_millis(300),
            ..caller(&directory)
        };
        let begun = Instant::now();
        let called = caller.call(&caller.find("q").unwrap(), "ADD", "");
        let error = called.answer.unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(10));
        assert!(
            error
                .msg
                .ends_with("/q did not end within 300ms and was killed"),
            "{error}"
        );
        let pid = fs::read_to_string(kept).unwrap();
        let status = format!("/proc/{}/stat", pid.trim());
        let gone = || fs::read_to_string(&status).map_or(true, |stat| stat.contains(") Z "));
        while !gone() {
            assert!(
                begun.elapsed() < Duration::from_secs(10),
                "the sleep is killed"
            );
            thread::sleep(LOOK);
        }
    }

    #[test]
    fn nobody_waits_for_what_a_plugin_leaves_behind() {
        let begun = Instant::now();
        let called = call("echo '{}'; sleep 5 & exit 0", "");
        assert_eq!(called.answer.unwrap(), b"{}\n");
        assert!(begun.elapsed() < Duration::from_secs(4));
        let called = call("exec >&- 2>&-; sleep 0.1; exit 0", "");
        assert_eq!(called.answer.unwrap(), b"");
    }

    #[test]
    fn output_has_bounds() {
        let mib = |bytes: usize| call(&format!("head -c {bytes} /dev/zero"), "").answer;
        assert_eq!(mib(LONGEST).unwrap().len(), LONGEST);
        let error = mib(LONGEST + 1).unwrap_err();
        assert!(
            error
                .msg
                .ends_with("printed more than 1 MiB and was killed"),
            "{error}"
        );
        let called = call("head -c 3000000 /dev/zero >&2; echo '{}'", "");
        assert_eq!(called.answer.unwrap(), b"{}\n");
        assert_eq!(called.said.len(), LONGEST_SAID);
    }

    #[test]
    fn programs_are_looked_for_in_the_directories_only() {
        let directory = plugin("p", "");
        fs::write(directory.path().join("text"), "").unwrap();
        fs::create_dir(directory.path().join("dir")).unwrap();
        let caller = caller(&directory);
        assert_eq!(caller.find("p").unwrap(), directory.path().join("p"));
        for none in ["text", "dir", "sh", "ls"] {
            let error = caller.find(none).unwrap_err();
            assert!(error.msg.contains("/nowhere, /"), "{error}");
        }
        for bad in ["", ".", "opt/cni/bin", "/opt:/bin"] {
            assert!(check_directories(&[bad.into()]).is_err(), "{bad}");
        }
    }
}

//! The sandbox of the privileged suite: user (unless root), network, mount and process-id namespaces.
//! `enter` makes them while it has one thread; its child `inside` is process 1 of it and runs the test binaries.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use anyhow::{Context, Result, anyhow};
use clap::Args;
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Gid, Pid, Uid};

use crate::counts::Counts;
use crate::sh::root;
use crate::tools;

/// The exit code that says: a fresh /proc is refused here, try without a process-id namespace.
const NO_PROC: u8 = 77;
/// One test binary may take this long, unless said otherwise.
pub(crate) const LIMIT: u64 = 900;

const NO_SANDBOX: &str = "this machine lets nobody make namespaces
hint: run it as root, or see these sysctls: kernel.unprivileged_userns_clone, \
kernel.apparmor_restrict_unprivileged_userns, user.max_user_namespaces";

/// What to run in the sandbox.
#[derive(Args, Clone)]
pub(crate) struct Job {
    /// The binary under test.
    #[arg(long)]
    pub(crate) vetch: PathBuf,
    /// Where `counts` and `skips` are written.
    #[arg(long)]
    pub(crate) dir: PathBuf,
    /// Stay in the process-id namespace of the caller.
    #[arg(long)]
    pub(crate) no_pid: bool,
    /// The one binary is no test: its output is passed on, its exit code is the answer.
    #[arg(long)]
    pub(crate) program: bool,
    /// A program whose times matter: in the real-time class where that is allowed.
    #[arg(long)]
    pub(crate) timed: bool,
    /// How many seconds each binary may take.
    #[arg(long, default_value_t = LIMIT)]
    pub(crate) limit: u64,
    /// A test binary.
    #[arg(long = "test")]
    pub(crate) tests: Vec<PathBuf>,
    /// Filters and options of the test binaries.
    #[arg(last = true)]
    pub(crate) args: Vec<String>,
}

impl Job {
    /// Runs the job in a sandbox; answers the counts of all test binaries.
    pub(crate) fn run(&self) -> Result<Counts> {
        let code = self.enter_sandbox()?;
        let counts = fs::read_to_string(self.dir.join("counts"))
            .ok()
            .and_then(|words| Counts::from_words(&words));
        counts.ok_or_else(|| anyhow!("the sandbox ended early with exit code {code:?}"))
    }

    /// Runs the job in a sandbox, without a process-id namespace where there can be none; its exit code.
    pub(crate) fn enter_sandbox(&self) -> Result<Option<i32>> {
        let mut job = self.clone();
        let mut code = job.as_task("enter")?.status()?.code();
        if code == Some(NO_PROC.into()) {
            println!("a fresh /proc is refused here: no process-id namespace");
            job.no_pid = true;
            code = job.as_task("enter")?.status()?.code();
        }
        Ok(code)
    }

    /// This program again, for another step of the same job.
    fn as_task(&self, task: &str) -> Result<Command> {
        let mut command = Command::new(env::current_exe()?);
        command
            .arg(task)
            .arg("--vetch")
            .arg(&self.vetch)
            .arg("--dir")
            .arg(&self.dir);
        for test in &self.tests {
            command.arg("--test").arg(test);
        }
        command
            .args(self.no_pid.then_some("--no-pid"))
            .args(self.program.then_some("--program"))
            .args(self.timed.then_some("--timed"))
            .args(["--limit", &self.limit.to_string()])
            .arg("--")
            .args(&self.args);
        Ok(command)
    }
}

/// Makes the namespaces and starts `inside` in them.
pub(crate) fn enter(job: &Job) -> Result<ExitCode> {
    set_pdeathsig(Signal::SIGKILL)?;
    let (uid, gid) = (Uid::effective(), Gid::effective());
    let mut flags = CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS;
    flags.set(CloneFlags::CLONE_NEWPID, !job.no_pid);
    // Root in a container may lack CAP_SYS_ADMIN: then it is as good as any user.
    let real_root = uid.is_root() && unshare(flags).is_ok();
    if !real_root {
        unshare(flags | CloneFlags::CLONE_NEWUSER).context(NO_SANDBOX)?;
        fs::write("/proc/self/setgroups", "deny").context("refuse setgroups")?;
        fs::write("/proc/self/uid_map", format!("0 {uid} 1")).context("map the user")?;
        fs::write("/proc/self/gid_map", format!("0 {gid} 1")).context("map the group")?;
    }
    let status = job
        .as_task("inside")?
        .env("VETCH_REAL_ROOT", if real_root { "1" } else { "0" })
        .status()?;
    Ok(ExitCode::from(
        status
            .code()
            .and_then(|code| u8::try_from(code).ok())
            .unwrap_or(1),
    ))
}

/// Prepares the mounts and runs the test binaries, one after the other.
pub(crate) fn inside(job: &Job) -> Result<ExitCode> {
    set_pdeathsig(Signal::SIGKILL)?;
    let real_root = env::var("VETCH_REAL_ROOT").is_ok_and(|value| value == "1");
    if let Err(error) = mounts(job, real_root) {
        if !job.no_pid && error.downcast_ref() == Some(&Errno::EPERM) {
            return Ok(ExitCode::from(NO_PROC));
        }
        return Err(error);
    }
    if job.program {
        return program(job);
    }
    let mut counts = Counts::default();
    for test in &job.tests {
        counts += run(job, test)?;
    }
    fs::write(job.dir.join("counts"), counts.to_words())?;
    Ok(ExitCode::SUCCESS)
}

fn mounts(job: &Job, real_root: bool) -> Result<()> {
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)
        .context("make mounts private")?;
    if !job.no_pid {
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        mount(Some("proc"), "/proc", Some("proc"), flags, none).context("mount /proc")?;
    }
    if real_root {
        // What root could break for the whole machine is read-only; what belongs to network namespaces is not.
        let bind = |path, flags| {
            mount(Some(path), path, none, MsFlags::MS_BIND | flags, none)
                .with_context(|| format!("bind {path}"))
        };
        bind("/proc/sys", MsFlags::empty())?;
        bind("/proc/sys/net", MsFlags::empty())?;
        bind("/proc/sys", MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY)?;
    }
    // Each test covers /run again; this is for the time between them.
    if !job.vetch.starts_with("/run") {
        mount(
            Some("sandbox"),
            "/run",
            Some("tmpfs"),
            MsFlags::MS_NOSUID,
            Some("mode=0755"),
        )
        .context("mount a tmpfs on /run")?;
        // A user namespace may mount its own /proc only where one is in sight that nothing covers.
        fs::create_dir("/run/.proc").context("make /run/.proc")?;
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        // Refused in a container: the tests that need it say so.
        let _ = mount(Some("proc"), "/run/.proc", Some("proc"), flags, none);
    }
    Ok(())
}

fn program(job: &Job) -> Result<ExitCode> {
    let program = job.tests.first().context("no program to run")?;
    let mut command = if job.timed {
        in_real_time(program)
    } else {
        Command::new(program)
    };
    command
        .args(&job.args)
        .env("VETCH_BIN", &job.vetch)
        .env("PATH", tools::path());
    let mut child = command
        .spawn()
        .with_context(|| format!("run {}", program.display()))?;
    let success = reap_until(&mut child, job.limit)?;
    Ok(ExitCode::from(u8::from(!success)))
}

/// Other work on the machine disturbs it less then.
fn in_real_time(program: &Path) -> Command {
    let real_time = Command::new("chrt")
        .args(["--rr", "1", "true"])
        .stderr(Stdio::null())
        .status();
    match real_time {
        Ok(status) if status.success() => {
            let mut chrt = Command::new("chrt");
            chrt.args(["--rr", "1"]).arg(program);
            chrt
        }
        _ => {
            println!("not in the real-time class: expect more noise");
            Command::new(program)
        }
    }
}

fn run(job: &Job, test: &Path) -> Result<Counts> {
    let mut command = Command::new(test);
    command
        .args(&job.args)
        .current_dir(root().join("tests"))
        .stdout(Stdio::piped());
    command
        .env("VETCH_BIN", &job.vetch)
        .env("VETCH_SKIPS", job.dir.join("skips"))
        .env("PATH", tools::path());
    if env::var_os("RUST_TEST_THREADS").is_none() {
        // Most of a packet test is waiting.
        let cores = thread::available_parallelism().map_or(2, usize::from);
        command.env("RUST_TEST_THREADS", (2 * cores).to_string());
    }
    let name = test
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    println!(
        "-- {}",
        name.rsplit_once('-')
            .map_or(name.as_str(), |(name, _)| name)
    );
    let mut child = command.spawn().with_context(|| format!("run {name}"))?;
    let stdout = child.stdout.take().context("no pipe")?;
    let reader = thread::spawn(move || {
        let mut counts = Counts::default();
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            println!("{line}");
            counts += Counts::from_line(&line).unwrap_or_default();
        }
        counts
    });
    let success = reap_until(&mut child, job.limit)?;
    let mut counts = reader
        .join()
        .map_err(|_| anyhow!("reading the output of {name} failed"))?;
    if !success && counts.failed == 0 {
        println!("{name} ended without a failed test, but not well");
        counts.failed = 1;
    }
    Ok(counts)
}

/// Waits for the child and for everything that lost its parent (this is process 1 of the sandbox); whether it succeeded.
fn reap_until(child: &mut Child, limit: u64) -> Result<bool> {
    let end = Instant::now() + Duration::from_secs(limit);
    let pid = Pid::from_raw(i32::try_from(child.id())?);
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG))? {
            WaitStatus::Exited(who, code) if who == pid => return Ok(code == 0),
            WaitStatus::Signaled(who, signal, _) if who == pid => {
                println!("killed by {signal:?}");
                return Ok(false);
            }
            WaitStatus::StillAlive if Instant::now() > end => {
                println!("still running after {limit} s; killed");
                child.kill()?;
            }
            WaitStatus::StillAlive => thread::sleep(Duration::from_millis(5)),
            _ => {}
        }
    }
}

//! One system call of a traced program, as far as the campaign cares: what it is about, and whether it changes anything.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::libc::{self, c_long, user_regs_struct};
use nix::unistd::Pid;

/// Where the program under test keeps what is its own, and where it sets things.
const OURS: [&str; 6] = [
    "/run/vetch",
    "/run/netns",
    "/run/cni",
    "/var/lib/vetch",
    "/var/lib/cni",
    "/proc/sys",
];
const PATH_MAX: usize = 4096;

/// A system call that changes something, or that can fail for reasons outside the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The process that makes it.
    pub process: Pid,
    /// Whether that is the process that was started, and not a child of it.
    pub is_root: bool,
    /// Its name.
    pub name: &'static str,
    /// The file or message it is about, for people.
    pub on: String,
    /// Something outside the process is different afterwards.
    pub changes: bool,
    /// It is about netlink, files, sysctls, namespaces or processes: what a kernel may refuse.
    pub can_fail: bool,
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let whose = if self.is_root { "" } else { " of the child" };
        write!(f, "{} {}{whose}", self.name, self.on)
    }
}

/// What a call is about; `None` if it does not matter.
type Meaning = Option<(String, bool, bool)>;

/// Reads the call that a stopped thread is about to make.
pub(super) fn read(
    thread: Pid,
    process: Pid,
    is_root: bool,
    regs: &user_regs_struct,
) -> Option<Call> {
    let task = Task { thread };
    let number = c_long::try_from(regs.orig_rax).ok()?;
    let (name, (on, changes, can_fail)) = meaning(&task, number, regs)?;
    Some(Call {
        process,
        is_root,
        name,
        on,
        changes,
        can_fail,
    })
}

fn meaning(
    task: &Task,
    number: c_long,
    regs: &user_regs_struct,
) -> Option<(&'static str, (String, bool, bool))> {
    let (a, b, c, d) = (regs.rdi, regs.rsi, regs.rdx, regs.r10);
    let (name, meaning) = match number {
        libc::SYS_openat => ("openat", task.open(a, b, c)),
        libc::SYS_open => ("open", task.open(CWD, a, b)),
        libc::SYS_mkdir => ("mkdir", task.alters(CWD, a)),
        libc::SYS_mkdirat => ("mkdirat", task.alters(a, b)),
        libc::SYS_rmdir => ("rmdir", task.alters(CWD, a)),
        libc::SYS_unlink => ("unlink", task.alters(CWD, a)),
        libc::SYS_unlinkat => ("unlinkat", task.alters(a, b)),
        libc::SYS_rename => ("rename", task.alters(CWD, b)),
        libc::SYS_renameat => ("renameat", task.alters(c, d)),
        libc::SYS_renameat2 => ("renameat2", task.alters(c, d)),
        libc::SYS_symlink => ("symlink", task.alters(CWD, b)),
        libc::SYS_symlinkat => ("symlinkat", task.alters(b, c)),
        libc::SYS_link => ("link", task.alters(CWD, b)),
        libc::SYS_linkat => ("linkat", task.alters(c, d)),
        libc::SYS_chmod => ("chmod", task.alters(CWD, a)),
        libc::SYS_mount => ("mount", task.alters(CWD, b)),
        libc::SYS_umount2 => ("umount2", task.alters(CWD, a)),
        libc::SYS_pivot_root => ("pivot_root", task.alters(CWD, a)),
        libc::SYS_ftruncate => ("ftruncate", task.writes(a)),
        libc::SYS_write => ("write", task.writes(a)),
        libc::SYS_pwrite64 => ("pwrite64", task.writes(a)),
        libc::SYS_writev => ("writev", task.writes(a)),
        libc::SYS_flock => ("flock", task.descriptor(a).map(|on| (on, true, true))),
        libc::SYS_sendto => ("sendto", task.sends(a, b, c)),
        libc::SYS_sendmsg => ("sendmsg", task.sends_vector(a, b)),
        libc::SYS_close => ("close", task.closes(a)),
        libc::SYS_setns => ("setns", task.descriptor(a).map(|on| (on, true, true))),
        libc::SYS_unshare => ("unshare", Some((format!("{a:#x}"), true, true))),
        libc::SYS_sethostname => ("sethostname", Some((String::new(), true, true))),
        libc::SYS_clone => ("clone", forks(a)),
        libc::SYS_clone3 => ("clone", task.word(a).and_then(forks)),
        libc::SYS_execve => ("execve", task.executes(a)),
        libc::SYS_fork | libc::SYS_vfork => ("fork", Some((String::new(), true, true))),
        libc::SYS_socket => ("socket", Some((format!("{a} {c}"), false, true))),
        libc::SYS_recvmsg => ("recvmsg", task.receives(a)),
        libc::SYS_recvfrom => ("recvfrom", task.receives(a)),
        libc::SYS_read => (
            "read",
            task.descriptor(a).filter(|on| is_ours(on)).map(asks),
        ),
        libc::SYS_getdents64 => (
            "getdents64",
            task.descriptor(a).filter(|on| is_ours(on)).map(asks),
        ),
        libc::SYS_readlink => ("readlink", task.looks(CWD, a)),
        libc::SYS_statx => ("statx", task.looks(a, b)),
        libc::SYS_newfstatat => ("newfstatat", task.looks(a, b)),
        _ => return None,
    };
    Some((name, meaning?))
}

/// `AT_FDCWD` as a register holds it.
const CWD: u64 = libc::AT_FDCWD as u32 as u64;

fn asks(on: String) -> (String, bool, bool) {
    (on, false, true)
}

/// A new thread is nobody's business; a new process is.
fn forks(flags: u64) -> Meaning {
    let thread = flags & libc::CLONE_THREAD as u64 != 0;
    (!thread).then(|| (String::new(), true, true))
}

fn is_ours(path: &str) -> bool {
    OURS.iter().any(|start| path.starts_with(start))
}

/// A stopped thread, whose memory and descriptors can be read.
struct Task {
    thread: Pid,
}

impl Task {
    fn open(&self, dir: u64, path: u64, flags: u64) -> Meaning {
        let path = self.path(dir, path)?;
        let creates = flags & (libc::O_CREAT | libc::O_TRUNC) as u64 != 0;
        (creates || is_ours(&path)).then_some((path, creates, true))
    }

    fn alters(&self, dir: u64, path: u64) -> Meaning {
        Some((self.path(dir, path)?, true, true))
    }

    /// Not where the program is only looked for.
    fn executes(&self, path: u64) -> Meaning {
        let path = self.path(CWD, path)?;
        let there = fs::exists(format!("/proc/{}/root{path}", self.thread));
        there.is_ok_and(|there| there).then_some((path, true, true))
    }

    fn looks(&self, dir: u64, path: u64) -> Meaning {
        self.path(dir, path).filter(|path| is_ours(path)).map(asks)
    }

    /// To a file or sysctl; what goes to a terminal, a pipe or /dev/null changes nothing.
    fn writes(&self, descriptor: u64) -> Meaning {
        let on = self.descriptor(descriptor)?;
        let file = descriptor > 2 && on.starts_with('/') && !on.starts_with("/dev/");
        file.then_some((on, true, true))
    }

    fn sends(&self, descriptor: u64, data: u64, len: u64) -> Meaning {
        self.socket(descriptor)?;
        let kinds = self.message_kinds(data, usize::try_from(len).ok()?);
        let changes = kinds.iter().any(|kind| !is_question(*kind));
        let words: Vec<String> = kinds.iter().map(|kind| format!("{kind:#x}")).collect();
        Some((format!("messages {}", words.join(" ")), changes, true))
    }

    /// The first part of a message that is sent in parts.
    fn sends_vector(&self, descriptor: u64, header: u64) -> Meaning {
        let parts = self.word(header + 16)?;
        self.sends(descriptor, self.word(parts)?, self.word(parts + 8)?)
    }

    fn receives(&self, descriptor: u64) -> Meaning {
        self.socket(descriptor).map(asks)
    }

    fn closes(&self, descriptor: u64) -> Meaning {
        self.socket(descriptor).map(|on| (on, true, false))
    }

    fn socket(&self, descriptor: u64) -> Option<String> {
        self.descriptor(descriptor)
            .filter(|on| on.starts_with("socket:"))
    }

    fn descriptor(&self, number: u64) -> Option<String> {
        let number = number as u32;
        let link = fs::read_link(format!("/proc/{}/fd/{number}", self.thread)).ok()?;
        Some(link.to_string_lossy().into_owned())
    }

    fn path(&self, dir: u64, at: u64) -> Option<String> {
        let mut bytes = self.memory(at, PATH_MAX)?;
        bytes.truncate(bytes.iter().position(|byte| *byte == 0)?);
        let path = PathBuf::from(String::from_utf8_lossy(&bytes).into_owned());
        if path.is_absolute() || dir as u32 == CWD as u32 {
            return Some(path.to_string_lossy().into_owned());
        }
        let whole = Path::new(&self.descriptor(dir)?).join(path);
        Some(whole.to_string_lossy().into_owned())
    }

    fn message_kinds(&self, at: u64, len: usize) -> Vec<u16> {
        let bytes = self.memory(at, len).unwrap_or_default();
        let (mut kinds, mut rest) = (Vec::new(), &bytes[..]);
        while let (Some(len), Some(kind)) = (rest.first_chunk::<4>(), rest.get(4..6)) {
            kinds.push(u16::from_ne_bytes([kind[0], kind[1]]));
            let len = u32::from_ne_bytes(*len) as usize;
            rest = rest
                .get(len.max(16).next_multiple_of(4)..)
                .unwrap_or_default();
        }
        kinds
    }

    fn word(&self, at: u64) -> Option<u64> {
        Some(u64::from_ne_bytes(self.memory(at, 8)?.try_into().ok()?))
    }

    /// As much as can be read, at most `len`; a string may end just before memory that is not there.
    fn memory(&self, at: u64, len: usize) -> Option<Vec<u8>> {
        let memory = File::open(format!("/proc/{}/mem", self.thread)).ok()?;
        let mut bytes = vec![0; len];
        let read = memory.read_at(&mut bytes, at).ok()?;
        bytes.truncate(read);
        Some(bytes)
    }
}

/// Whether a netlink message only asks: rtnetlink numbers go new, delete, get, set; nf_tables and conntrack have lists.
fn is_question(kind: u16) -> bool {
    match kind >> 8 {
        0 => kind >= 16 && kind % 4 == 2,
        1 => matches!(kind & 0xff, 1 | 4 | 5 | 6),
        10 => matches!(kind & 0xff, 1 | 4 | 7 | 10 | 13 | 16 | 19 | 21 | 23),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_question;

    #[test]
    fn questions_are_told_from_orders() {
        for question in [18, 22, 26, 30, 0x0a01, 0x0a0d, 0x0a10, 0x0101] {
            assert!(is_question(question), "{question:#x}");
        }
        for order in [
            16, 17, 19, 20, 24, 28, 0x10, 0x11, 0x0a00, 0x0a0c, 0x0a0e, 0x0102,
        ] {
            assert!(!is_question(order), "{order:#x}");
        }
    }
}

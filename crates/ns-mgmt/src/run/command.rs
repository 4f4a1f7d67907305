//! The program, its arguments and environment, made ready for execve(2) before the fork.

use crate::sys::{self, Strings};
use crate::{Error, Result};
use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};
use std::ffi::{CStr, CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// Where programs are looked for if the environment does not say.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A program ready to be executed.
pub(crate) struct Command {
    /// Where the program may be, in the order of PATH; with the arguments a shell takes to run it as a script.
    candidates: Vec<(CString, Strings)>,
    args: Strings,
    env: Strings,
}

impl Command {
    pub(crate) fn new(words: &[OsString], env: Vec<(OsString, OsString)>) -> Result<Command> {
        let args: Vec<CString> = words.iter().map(|word| text(word)).collect::<Result<_>>()?;
        let program = words.first().filter(|word| !word.is_empty());
        let program =
            program.ok_or_else(|| Error::invalid("run a program", "no program is named"))?;
        let path = env
            .iter()
            .find(|(key, _)| key == "PATH")
            .map_or(OsStr::new(PATH), |(_, path)| path);
        let with_shell = |file: CString| {
            let script = [c"/bin/sh".to_owned(), file.clone()];
            let rest = args.iter().skip(1).cloned();
            (file, Strings::new(script.into_iter().chain(rest).collect()))
        };
        Ok(Command {
            candidates: candidates(program, path)?
                .into_iter()
                .map(with_shell)
                .collect(),
            env: Strings::new(variables(env)?),
            args: Strings::new(args),
        })
    }

    /// Becomes the program; returns only why that failed. Allocates nothing, so that it may follow a fork.
    ///
    /// As execvp(3): a place that is not there is passed over, one that may not be used is remembered, a text without `#!`
    /// goes to the shell.
    pub(crate) fn exec(&self) -> Errno {
        let mut why = Errno::ENOENT;
        for (file, script) in &self.candidates {
            match sys::execve(file, &self.args, &self.env) {
                Errno::ENOENT | Errno::ENOTDIR => {}
                Errno::EACCES if self.is_searched() && !is_seen(file) => {}
                Errno::EACCES => why = Errno::EACCES,
                Errno::ENOEXEC => return sys::execve(c"/bin/sh", script, &self.env),
                other => return other,
            }
        }
        why
    }

    /// Whether the program is named without its place.
    fn is_searched(&self) -> bool {
        let name = self.args.get().first();
        name.is_some_and(|name| !name.as_bytes().contains(&b'/'))
    }

    /// What to say if it could not be executed.
    pub(crate) fn error(&self, errno: Errno) -> Error {
        let name = self
            .args
            .get()
            .first()
            .map(|word| word.to_string_lossy().into_owned())
            .unwrap_or_default();
        let err = Error::system(format!("execute `{}`", name.escape_debug()), errno)
            .with_exit_code(exit_code(errno));
        match errno {
            Errno::ENOENT if name.contains('/') => {
                err.with_hint("the file, or the interpreter it names, does not exist there")
            }
            Errno::ENOENT => err.with_hint("it is in none of the directories of PATH"),
            Errno::EACCES => {
                err.with_hint("it is no executable file, or a directory on the way is closed")
            }
            Errno::ENOEXEC => err.with_hint("it is built for another machine, or is no program"),
            _ => err,
        }
    }
}

/// Whether the file is there; in a directory that is closed to us, as far as we know it is not.
fn is_seen(file: &CStr) -> bool {
    access(file, AccessFlags::F_OK).is_ok()
}

/// As shells have it.
pub(crate) fn exit_code(errno: Errno) -> u8 {
    match errno {
        Errno::ENOENT => 127,
        _ => 126,
    }
}

fn candidates(program: &OsStr, path: &OsStr) -> Result<Vec<CString>> {
    if program.as_bytes().contains(&b'/') {
        return Ok(vec![text(program)?]);
    }
    let directories = path.as_bytes().split(|byte| *byte == b':');
    let join = |directory: &[u8]| {
        let directory = if directory.is_empty() {
            b"."
        } else {
            directory
        };
        text(&OsString::from_vec(
            [directory, b"/", program.as_bytes()].concat(),
        ))
    };
    directories.map(join).collect()
}

fn variables(env: Vec<(OsString, OsString)>) -> Result<Vec<CString>> {
    let variable = |(key, value): (OsString, OsString)| {
        if key.is_empty() || key.as_bytes().contains(&b'=') {
            return Err(Error::invalid(
                format!("set the variable {key:?}"),
                "its name is empty or contains `=`",
            ));
        }
        text(&OsString::from_vec(
            [key.as_bytes(), b"=", value.as_bytes()].concat(),
        ))
    };
    env.into_iter().map(variable).collect()
}

/// A string without zero bytes.
pub(crate) fn text(text: &OsStr) -> Result<CString> {
    CString::new(text.as_bytes())
        .map_err(|_| Error::invalid(format!("use {text:?}"), "it contains a zero byte"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(program: &str, path: &str) -> Vec<String> {
        let found = candidates(program.as_ref(), path.as_ref()).unwrap();
        found
            .into_iter()
            .map(|file| file.into_string().unwrap())
            .collect()
    }

    #[test]
    fn a_name_is_looked_for_along_the_path_and_a_path_is_not() {
        assert_eq!(names("ls", "/a:/b"), ["/a/ls", "/b/ls"]);
        assert_eq!(names("ls", "/a::"), ["/a/ls", "./ls", "./ls"]);
        assert_eq!(names("./ls", "/a"), ["./ls"]);
    }

    #[test]
    fn what_execve_cannot_take_is_refused_by_name() {
        let run = |words: &[&str], env: &[(&str, &str)]| {
            let words: Vec<OsString> = words.iter().map(Into::into).collect();
            let env = env
                .iter()
                .map(|(key, value)| (key.into(), value.into()))
                .collect();
            Command::new(&words, env).map(drop)
        };
        assert!(run(&[], &[]).unwrap_err().is_invalid());
        assert!(run(&[""], &[]).unwrap_err().is_invalid());
        assert!(run(&["a\0b"], &[]).unwrap_err().is_invalid());
        assert!(run(&["a"], &[("K=", "v")]).unwrap_err().is_invalid());
        assert!(run(&["a", ""], &[("K", "v=w")]).is_ok());
    }
}

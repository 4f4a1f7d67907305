//! Calling cargo and reading what it prints.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::{env, fs};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::counts::Counts;

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let mut root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.pop();
    root
}

/// `cargo WORDS` in the root.
pub(crate) fn cargo(words: &str) -> Command {
    let mut command = Command::new(env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
    command
        .args(words.split_whitespace())
        .current_dir(root())
        .env("CARGO_TERM_COLOR", "never");
    command
}

/// Says what runs and runs it; whether it succeeded.
pub(crate) fn succeeds(mut command: Command) -> Result<bool> {
    println!("$ {}", words(&command));
    let status = command
        .status()
        .with_context(|| format!("run {:?}", command.get_program()))?;
    Ok(status.success())
}

/// Runs test binaries, passing their output on; their counts. A failure without a failed test counts as one.
pub(crate) fn counted(mut command: Command) -> Result<Counts> {
    println!("$ {}", words(&command));
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("run {:?}", command.get_program()))?;
    let mut counts = Counts::default();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            println!("{line}");
            counts += Counts::from_line(&line).unwrap_or_default();
        }
    }
    if !child.wait()?.success() && counts.failed == 0 {
        counts.failed = 1;
    }
    Ok(counts)
}

/// The executables that a `cargo build` or `cargo test --no-run` makes, with the names of their targets.
pub(crate) fn built(words: &str) -> Result<Vec<(String, PathBuf)>> {
    println!("$ cargo {words}");
    executables(&mut cargo(words), |_| true)
}

/// The test binaries among them.
pub(crate) fn tests(words: &str) -> Result<Vec<(String, PathBuf)>> {
    println!("$ cargo {words}");
    executables(&mut cargo(words), |message| {
        message["profile"]["test"] == true
    })
}

/// The same as static programs, as they are handed out.
pub(crate) fn built_static(words: &str) -> Result<Vec<(String, PathBuf)>> {
    const FLAGS: &str = "-C target-feature=+crt-static";
    // Without an explicit target the flag would reach procedural macros, which cannot be static.
    let words = format!("{words} --target {}", host()?);
    println!("$ RUSTFLAGS='{FLAGS}' cargo {words}");
    executables(cargo(&words).env("RUSTFLAGS", FLAGS), |_| true)
}

fn host() -> Result<String> {
    let output = Command::new(env::var("RUSTC").unwrap_or_else(|_| "rustc".into()))
        .arg("-vV")
        .output()
        .context("run rustc")?;
    let text = String::from_utf8(output.stdout)?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc names no host")?.to_owned())
}

fn executables(
    command: &mut Command,
    is_meant: impl Fn(&Value) -> bool,
) -> Result<Vec<(String, PathBuf)>> {
    let output = command
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        bail!("`{}` failed", words(command));
    }
    let messages = String::from_utf8_lossy(&output.stdout).into_owned();
    let artifacts = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    Ok(artifacts
        .filter(is_meant)
        .filter_map(|message| {
            let path = message["executable"].as_str()?;
            Some((
                message["target"]["name"].as_str()?.to_owned(),
                fs::canonicalize(path).ok()?,
            ))
        })
        .collect())
}

/// Where cargo builds.
pub(crate) fn target_dir() -> Result<PathBuf> {
    let output = cargo("metadata --no-deps --format-version 1").output()?;
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    Ok(metadata["target_directory"]
        .as_str()
        .context("cargo names no target directory")?
        .into())
}

fn words(command: &Command) -> String {
    let program = command.get_program().to_string_lossy();
    let mut words = vec![program.rsplit('/').next().unwrap_or_default().to_owned()];
    words.extend(
        command
            .get_args()
            .map(|arg| arg.to_string_lossy().into_owned()),
    );
    words.join(" ")
}

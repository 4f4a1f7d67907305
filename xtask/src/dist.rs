//! What is handed out: one static binary, completions and manual pages, in `target/dist`.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail, ensure};

use crate::sh;

/// What `vetch generate DIR` must write at least: completions for three shells, the first manual page, the unit.
const GENERATED: [&str; 5] = [
    "vetch.bash",
    "_vetch",
    "vetch.fish",
    "vetch.8",
    "vetch-watch.service",
];

/// `cargo xtask dist`.
pub(crate) fn main() -> Result<ExitCode> {
    let built = sh::built_static("build --release --package vetch --bin vetch")?;
    let (_, vetch) = built.into_iter().next().context("cargo built no `vetch`")?;
    check_static(&vetch)?;
    let dist = sh::target_dir()?.join("dist");
    if dist.exists() {
        fs::remove_dir_all(&dist)?;
    }
    fs::create_dir_all(&dist)?;
    let binary = dist.join("vetch");
    fs::copy(&vetch, &binary)?;
    ensure!(
        sh::succeeds(generate(&binary, &dist))?,
        "`vetch generate` failed"
    );
    for name in GENERATED {
        let there = fs::metadata(dist.join(name)).is_ok_and(|file| file.len() > 0);
        ensure!(there, "`vetch generate` wrote no {name}");
    }
    println!(
        "{} ({} KiB, static), completions and manual pages beside it",
        binary.display(),
        fs::metadata(&binary)?.len() / 1024
    );
    Ok(ExitCode::SUCCESS)
}

/// The binary writes its own completions and manual pages: they follow from the same table as its grammar.
fn generate(binary: &Path, dist: &Path) -> Command {
    let mut command = Command::new(binary);
    command.arg("generate").arg(dist);
    command
}

/// A static program asks for no interpreter: its ELF header has no PT_INTERP (elf(5)).
fn check_static(path: &Path) -> Result<()> {
    let bytes = fs::read(path)?;
    match interpreter(&bytes).context("not a 64-bit little-endian ELF file")? {
        true => bail!(
            "{} is not static: it asks for a dynamic loader",
            path.display()
        ),
        false => Ok(()),
    }
}

/// Whether a 64-bit little-endian ELF file has a program header of type PT_INTERP; nothing if it is no such file.
fn interpreter(elf: &[u8]) -> Option<bool> {
    const PT_INTERP: u32 = 3;
    elf.starts_with(&[0x7f, b'E', b'L', b'F', 2, 1])
        .then_some(())?;
    let start = usize::try_from(u64::from_le_bytes(elf.get(32..40)?.try_into().ok()?)).ok()?;
    let half = |at: usize| {
        Some(usize::from(u16::from_le_bytes(
            elf.get(at..at + 2)?.try_into().ok()?,
        )))
    };
    let (size, number) = (half(54)?, half(56)?);
    let headers = elf.get(start..start.checked_add(size.checked_mul(number)?)?)?;
    let kinds = headers
        .chunks(size.max(1))
        .filter_map(|header| header.get(..4)?.try_into().ok().map(u32::from_le_bytes));
    Some(kinds.into_iter().any(|kind| kind == PT_INTERP))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elf(kind: u8) -> Vec<u8> {
        let mut elf = vec![0; 64 + 56];
        elf[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1]);
        (elf[32], elf[54], elf[56], elf[64]) = (64, 56, 1, kind);
        elf
    }

    #[test]
    fn a_dynamic_program_is_noticed() {
        assert_eq!(interpreter(&elf(3)), Some(true));
        assert_eq!(interpreter(&elf(1)), Some(false));
        let this_test = fs::read(std::env::current_exe().expect("a path")).expect("a file");
        assert_eq!(
            interpreter(&this_test),
            Some(!cfg!(target_feature = "crt-static"))
        );
    }

    #[test]
    fn what_is_no_program_is_refused() {
        assert_eq!(interpreter(b"#!/bin/sh"), None);
        assert_eq!(interpreter(&elf(3)[..70]), None);
    }
}

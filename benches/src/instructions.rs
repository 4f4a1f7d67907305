//! How many instructions a command takes in its own process, counted by valgrind (callgrind): the same from run to run, whatever else the
//! machine does.

use crate::cases::Size;
use crate::memory::Fact;
use crate::world::{has, run, with_network, words};
use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::process::Command;

/// Thousands of instructions from the first one to the last.
fn of(vetch: &Path, line: &str) -> Result<f64> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    let output = command.arg(vetch).args(line.split(' ')).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "count the instructions of `{line}`: {said}"
    );
    let collected = said
        .lines()
        .find_map(|line| line.split_once("Collected : "));
    let (_, count) = collected.with_context(|| format!("read what valgrind says: {said}"))?;
    Ok(count.trim().parse::<f64>()? / 1e3)
}

/// A start, and a container attached with a port, found and detached; nothing where valgrind is not there.
pub fn facts(size: &Size) -> Result<Vec<Fact>> {
    let Some(vetch) = size.vetch.as_ref().filter(|_| has("valgrind")) else {
        return Ok(Vec::new());
    };
    with_network(vetch, "counted")?;
    let lines = [
        ("instructions, --version", "--version"),
        ("instructions, attach", "attach bench counted -p 8080:80"),
        ("instructions, ls", "ls"),
        ("instructions, link show", "link show"),
        ("instructions, detach", "detach bench counted"),
    ];
    let fact = |(name, line)| {
        Ok(Fact {
            name,
            value: of(vetch, line)?,
            unit: "thousand",
            target: None,
        })
    };
    let facts = lines.into_iter().map(fact).collect();
    run(&mut words(vetch, "network rm bench --force --wait"))?;
    facts
}

//! The program behind `cargo xtask test-clients`. It runs in a sandbox only.
#![allow(clippy::print_stdout, reason = "a program for people at a terminal")]

use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Parser;
use vetch_tests::clients::{CLIENTS, Client, Plugins, Row, Table, Tree, run};

/// Which clients are to run containers.
#[derive(Parser)]
struct Options {
    /// Only clients whose name contains one of these.
    names: Vec<String>,
    /// CNI's own plugins, called by the same clients, beside ours.
    #[arg(long)]
    reference: bool,
}

fn main() -> Result<ExitCode> {
    let options = Options::parse();
    let _tree = Tree::enter()?;
    let mut rows = Vec::new();
    for client in CLIENTS.iter().filter(|client| options.mean(client)) {
        rows.extend(run(client, Plugins::Ours));
        if options.reference && client.calls_others {
            rows.extend(run(client, Plugins::Reference));
        }
    }
    let all = CLIENTS.map(|client| client.name).join(" | ");
    ensure!(
        !rows.is_empty(),
        "no client is called like that; right is {all}"
    );
    Ok(conclude(&rows))
}

impl Options {
    fn mean(&self, client: &Client) -> bool {
        self.names.is_empty() || self.names.iter().any(|name| client.name.contains(name))
    }
}

fn conclude(rows: &[Row]) -> ExitCode {
    for row in rows {
        if let Some(why) = &row.skipped {
            println!("SKIP {}: {why}", row.client);
        }
    }
    println!("\n{}", Table(rows));
    println!(
        "median: what the client took to start or remove one container; our plugins are a build for debugging\n"
    );
    let judged = || rows.iter().filter(|row| !row.beside);
    let passed = judged().filter(|row| row.is_ok()).count();
    let skipped = judged().filter(|row| row.skipped.is_some()).count();
    let failed = judged().count() - passed - skipped;
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    ExitCode::from(u8::from(failed > 0 || passed == 0))
}

//! The program behind `cargo xtask faults`. It runs in a sandbox only.
#![allow(clippy::print_stdout, reason = "a program for people at a terminal")]

use std::process::ExitCode;

#[cfg(target_arch = "x86_64")]
fn main() -> ExitCode {
    use clap::Parser;
    Options::parse().run()
}

/// Tracing reads registers, which are those of this architecture.
#[cfg(not(target_arch = "x86_64"))]
fn main() -> ExitCode {
    println!("SKIP the campaign is written for x86_64");
    ExitCode::SUCCESS
}

/// What to attack.
#[cfg(target_arch = "x86_64")]
#[derive(clap::Parser)]
struct Options {
    /// A sample in a few tens of seconds.
    #[arg(long)]
    quick: bool,
    /// Only parts whose name contains this.
    #[arg(long, default_value = "")]
    filter: String,
    /// Parts at a time.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// The others who do the same, and Vetch under the same rules, beside each other.
    #[arg(long)]
    peers: bool,
    /// With `--peers`: no more than so many places of each command.
    #[arg(long, default_value_t = 50)]
    points: usize,
    /// Only name the parts.
    #[arg(long)]
    list: bool,
}

#[cfg(target_arch = "x86_64")]
impl Options {
    fn run(&self) -> ExitCode {
        use vetch_tests::faults::{Beside, Table, run};
        let parts = self.parts();
        if self.list {
            parts.iter().for_each(|part| println!("{}", part.name));
            return ExitCode::SUCCESS;
        }
        let rows = run(parts, self.jobs, |row| {
            println!(
                "{}{}{}, {}: {} of {} trials lost, {:.1} s",
                row.tool,
                if row.tool.is_empty() { "" } else { ": " },
                row.what,
                row.how,
                row.lost(),
                row.trials,
                row.took.as_secs_f64()
            );
            row.losses
                .iter()
                .for_each(|loss| println!("LOST ({:?}) {}", loss.kind, loss.text));
        });
        if self.peers {
            println!("\n{}", Beside(&rows));
            return ExitCode::SUCCESS;
        }
        let own = rows.iter().filter(|row| !row.table.is_empty());
        own.for_each(|row| println!("\n{}", row.table));
        println!("\n{}", Table(&rows));
        let lost: usize = rows.iter().map(|row| row.losses.len()).sum();
        let trials: usize = rows.iter().map(|row| row.trials).sum();
        println!("{trials} trials, {lost} lost");
        ExitCode::from(u8::from(lost > 0 || trials == 0))
    }

    fn parts(&self) -> Vec<vetch_tests::faults::Part> {
        use vetch_tests::faults::{Size, parts, peers};
        let size = if self.quick { Size::Quick } else { Size::Full };
        if self.peers {
            peers(self.points, &self.filter)
        } else {
            parts(size, &self.filter)
        }
    }
}

//! `ifconfig` of net-tools: show interfaces, and set one.

mod change;
mod set;
mod show;

use crate::Done;
use crate::args::Args;
use crate::fault::Fault;
use crate::session::Session;
use crate::value::quoted;

const USAGE: &str = "Usage:
  ifconfig [-a] [-s] [<interface>]
  ifconfig <interface> [<address>[/<prefixlen>]] [netmask <mask>] [broadcast <address>] [pointopoint <address>]
           [mtu <bytes>] [hw ether <address>] [txqueuelen <packets>] [[-]promisc] [[-]arp] [[-]allmulti] [[-]multicast]
           [add <address>/<prefixlen>] [del <address>/<prefixlen>] [name <newname>] [up|down]";

pub(crate) fn run(s: &mut Session<'_>, mut args: Args<'_>) -> Done {
    let (mut all, mut short) = (false, false);
    while let Some(word) = args
        .peek()?
        .filter(|word| word.len() > 1 && word.starts_with('-'))
    {
        args.skip();
        match word {
            "-a" => all = true,
            "-s" => short = true,
            "-v" => {}
            "-V" | "--version" => {
                return s.say(format_args!(
                    "net-tools 2.10, vetch {}\n",
                    env!("CARGO_PKG_VERSION")
                ));
            }
            "-h" | "--help" | "-?" => return s.say(format_args!("{USAGE}\n")),
            other => return Err(unknown(other)),
        }
    }
    match args.next()? {
        None => show::all(s, all, short),
        Some(name) if args.is_empty() => show::one(s, name, short),
        Some(name) => set::set(s, name, &mut args),
    }
}

fn unknown(option: &str) -> Fault {
    let option = quoted(option);
    Fault::new(
        1,
        format!(
            "ifconfig: option `{option}' not recognised.\nifconfig: `--help' gives usage information."
        ),
        format!("option `{option}` is unknown"),
        "it is none of ours",
    )
}

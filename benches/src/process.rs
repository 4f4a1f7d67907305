//! Attach and detach as whole processes, from start to exit: the floor's program, `vetch`, and the script that a person would write.
//!
//! Each contender has a host of its own (a network namespace) with its network made before anything is measured.

use crate::attach::{Floored, RETIRED};
use crate::case::Case;
use crate::cases::Size;
use crate::floor::{ACK, Floor, enter, make_namespace};
use crate::nft;
use crate::timing::time;
use crate::world::{fresh, here, run, unname};
use anyhow::{Context, Result};
use std::cell::{OnceCell, RefCell};
use std::fs::File;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

/// Who attaches and detaches.
#[derive(Clone, Debug)]
enum Who {
    /// This program by its subcommands.
    Floor(PathBuf),
    /// The binary.
    Vetch(PathBuf),
    /// A shell script of `ip` and `nft`.
    Script,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    Attach,
    /// Until it returns.
    Detach,
    /// Until the kernel has removed everything.
    Removed,
}

/// A host with a network, on which one contender attaches one container after the other.
struct Host {
    who: Who,
    place: File,
    bridge: u32,
    attached: RefCell<usize>,
}

/// Words after the program's name.
fn words(program: &Path, words: &str) -> Command {
    let mut command = Command::new(program);
    command.args(words.split_whitespace());
    command
}

impl Host {
    fn new(who: &Who) -> Result<Host> {
        fresh()?;
        let bridge = match who {
            Who::Vetch(vetch) => run(&mut words(
                vetch,
                "network create bench --subnet 10.77.0.0/16",
            ))
            .map(|()| 0)?,
            _ => by_hand().context("make a bridge and a map")?,
        };
        Ok(Host {
            who: who.clone(),
            place: here()?,
            bridge,
            attached: RefCell::default(),
        })
    }

    fn next(&self) -> Floored {
        let mut attached = self.attached.borrow_mut();
        *attached += 1;
        let (n, [high, low]) = (*attached as u16, (*attached as u16).to_be_bytes());
        Floored {
            namespace: format!("c{n}"),
            link: format!("v{n}"),
            bridge: self.bridge,
            address: Ipv4Addr::new(10, 77, high, low.saturating_add(2)),
            port: 10_000 + n,
        }
    }

    fn command(&self, part: Part, what: &Floored) -> Command {
        match &self.who {
            Who::Floor(program) => by_floor(program, part, what),
            Who::Vetch(program) => by_vetch(program, part, what),
            Who::Script => by_script(part, what),
        }
    }

    /// Attaches and detaches one container; the time of one part.
    fn measure(&self, measured: Part) -> Result<Duration> {
        enter(&self.place)?;
        let what = self.next();
        drop(make_namespace(&what.namespace)?);
        enter(&self.place)?;
        let attached = self.go(Part::Attach, &what)?;
        let detach = if measured == Part::Attach {
            Part::Removed
        } else {
            measured
        };
        let detached = self.go(detach, &what)?;
        self.settle()?;
        unname(&what.namespace)?;
        std::thread::sleep(Duration::from_millis(30)); // what the kernel still does is not to disturb the next
        Ok(if measured == Part::Attach {
            attached
        } else {
            detached
        })
    }

    fn go(&self, part: Part, what: &Floored) -> Result<Duration> {
        let (ours, theirs) = UnixStream::pair()?;
        let mut command = self.command(part, what);
        command.stdin(Stdio::from(OwnedFd::from(theirs)));
        let took = time(|| run(&mut command));
        drop((command, ours)); // closes what the floor handed over
        took
    }

    /// Removes what a detach left for later.
    fn settle(&self) -> Result<()> {
        match &self.who {
            Who::Vetch(vetch) => run(&mut words(vetch, "gc")),
            Who::Script => Ok(()),
            Who::Floor(_) => {
                let mut floor = Floor::route()?;
                floor.delete_group(RETIRED, ACK);
                match floor.flush() {
                    Err(err) if err.raw_os_error() == Some(nix::libc::ENODEV) => Ok(()),
                    other => Ok(other?),
                }
            }
        }
    }
}

/// A bridge with an address, up, and a map for ports; the bridge's index.
fn by_hand() -> Result<u32> {
    let mut floor = Floor::route()?;
    floor.add_link("br0", "bridge", ACK);
    floor.flush()?;
    let bridge = floor.get_link("br0")?;
    floor.add_address(bridge, Ipv4Addr::new(10, 77, 0, 1), 16, ACK);
    floor.set_up(bridge, true, ACK);
    floor.flush()?;
    let mut ports = Floor::netfilter()?;
    nft::make_map(&mut ports);
    ports.flush()?;
    Ok(bridge)
}

fn by_floor(program: &Path, part: Part, what: &Floored) -> Command {
    let word = match part {
        Part::Attach => "floor-attach",
        Part::Detach => "floor-detach",
        Part::Removed => "floor-remove",
    };
    let mut command = words(program, word);
    command.args(what.words());
    command
}

fn by_vetch(program: &Path, part: Part, what: &Floored) -> Command {
    let Floored {
        namespace,
        address,
        port,
        ..
    } = what;
    match part {
        Part::Attach => words(
            program,
            &format!("attach bench {namespace} --ip {address} -p {port}:80"),
        ),
        Part::Detach => words(program, &format!("detach bench {namespace}")),
        Part::Removed => words(program, &format!("detach bench {namespace} --wait")),
    }
}

fn by_script(part: Part, what: &Floored) -> Command {
    let Floored {
        namespace: ns,
        link,
        address,
        port,
        ..
    } = what;
    let script = match part {
        Part::Attach => format!(
            "ip link add {link} type veth peer name p{link}
             ip link set p{link} netns {ns}
             ip link set {link} master br0 up
             ip -n {ns} link set p{link} name eth0
             ip -n {ns} address add {address}/16 dev eth0
             ip -n {ns} link set lo up
             ip -n {ns} link set eth0 up
             ip -n {ns} route add default via 10.77.0.1
             nft add element ip floor ports '{{ tcp . {port} : {address} . 80 }}'"
        ),
        _ => format!(
            "nft delete element ip floor ports '{{ tcp . {port} }}'
             ip link delete {link}"
        ),
    };
    let mut command = Command::new("sh");
    command.args(["-e", "-c", &script]);
    command
}

/// A contender whose host is made when it is first needed.
struct Contender {
    who: Who,
    host: OnceCell<Host>,
}

impl Contender {
    fn new(who: Who) -> Rc<Contender> {
        let host = OnceCell::new();
        Rc::new(Contender { who, host })
    }

    fn measure(&self, part: Part) -> Result<Duration> {
        if self.host.get().is_none() {
            let _ = self.host.set(Host::new(&self.who)?);
        }
        self.host.get().context("no host")?.measure(part)
    }
}

/// The cases of whole processes; `script` tells whether `ip` and `nft` are there.
pub fn all(size: &Size, script: bool) -> Result<Vec<Case<'_>>> {
    let own = std::env::current_exe().context("find this program")?;
    let mut cases = vec![empty(size, own.clone())];
    let mut contenders = vec![("floor", Contender::new(Who::Floor(own)))];
    contenders.extend(
        size.vetch
            .clone()
            .map(|vetch| ("vetch", Contender::new(Who::Vetch(vetch)))),
    );
    contenders.extend(script.then(|| ("ip script", Contender::new(Who::Script))));
    let parts = [
        ("attach", Part::Attach),
        ("detach, returns", Part::Detach),
        ("detach, all removed", Part::Removed),
    ];
    for (name, part) in parts {
        let case = Case::new(name, 1, size.rounds);
        cases.push(contenders.iter().fold(case, |case, (who, contender)| {
            let contender = Rc::clone(contender);
            case.with(who, move |_| contender.measure(part))
        }));
    }
    Ok(cases)
}

fn empty(size: &Size, own: PathBuf) -> Case<'_> {
    let vetch = size.vetch.clone();
    let case = Case::new("empty process", 1, size.rounds)
        .with("floor", move |_| time(|| run(&mut words(&own, "empty"))));
    case.with_if(vetch.is_some(), "vetch", move |_| {
        let vetch = vetch.as_deref().context("no program")?;
        time(|| run(&mut words(vetch, "--version")))
    })
}

//! Attach and detach as whole processes, from start to exit: the floor's program, `vetch`, and the script that a person would write.
//!
//! Each contender has a host of its own (a network namespace) with its network made before anything is measured.

use crate::attach::{Floored, RETIRED};
use crate::case::Case;
use crate::cases::Size;
use crate::datapath;
use crate::floor::{ACK, Floor, enter, make_namespace};
use crate::nft;
use crate::timing::time;
use crate::world::{fresh, here, run, unname, words};
use anyhow::{Context, Result, ensure};
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

impl Who {
    fn letter(&self) -> char {
        match self {
            Who::Floor(_) => 'f',
            Who::Vetch(_) => 'v',
            Who::Script => 's',
        }
    }
}

/// What the kernel still does for one (a namespace is taken down in the background) is not to disturb the next.
const SETTLED: Duration = Duration::from_millis(200);

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
    /// Of the names of its namespaces, which are the machine's.
    tag: String,
    bridge: u32,
    /// How many are attached to it for good.
    began_with: usize,
    attached: RefCell<usize>,
}

impl Host {
    /// A host on which so many containers are attached already.
    fn new(who: &Who, attached: usize) -> Result<Host> {
        fresh()?;
        let bridge = match who {
            Who::Vetch(vetch) => run(&mut words(
                vetch,
                "network create bench --subnet 10.77.0.0/16",
            ))
            .map(|()| 0)?,
            _ => by_hand().context("make a bridge and a map")?,
        };
        let host = Host {
            who: who.clone(),
            place: here()?,
            tag: format!("{}{attached}", who.letter()),
            bridge,
            began_with: attached,
            attached: RefCell::default(),
        };
        for _ in 0..attached {
            let what = host.next_made()?;
            host.go(Part::Attach, &what)?;
        }
        Ok(host)
    }

    fn next(&self) -> Floored {
        let mut attached = self.attached.borrow_mut();
        *attached += 1;
        let n = *attached as u16;
        let [high, low] = (n + 1).to_be_bytes();
        Floored {
            namespace: format!("{}c{n}", self.tag),
            link: format!("v{n}"),
            bridge: self.bridge,
            address: Ipv4Addr::new(10, 77, high, low),
            port: 10_000 + n,
        }
    }

    /// The next one, its namespace made; the calling thread is on the host.
    fn next_made(&self) -> Result<Floored> {
        enter(&self.place)?;
        let what = self.next();
        drop(make_namespace(&what.namespace)?);
        enter(&self.place)?;
        Ok(what)
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
        let what = self.next_made()?;
        let attached = self.go(Part::Attach, &what)?;
        let detach = if measured == Part::Attach {
            Part::Removed
        } else {
            measured
        };
        let detached = self.go(detach, &what)?;
        self.settle()?;
        unname(&what.namespace)?;
        std::thread::sleep(SETTLED);
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

    /// So many at once, each by a process of its own: until the last has attached.
    fn at_once(&self, many: usize) -> Result<Duration> {
        let all = (0..many)
            .map(|_| self.next_made())
            .collect::<Result<Vec<_>>>()?;
        let took = time(|| {
            let start = |what| {
                self.command(Part::Attach, what)
                    .stdout(Stdio::null())
                    .spawn()
            };
            let children = all.iter().map(start).collect::<Result<Vec<_>, _>>()?;
            children.into_iter().try_for_each(|mut child| {
                ensure!(child.wait()?.success(), "one of {many} failed");
                Ok(())
            })
        })?;
        for what in &all {
            self.go(Part::Removed, what)?;
            unname(&what.namespace)?;
        }
        self.settle()?;
        Ok(took)
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

impl Drop for Host {
    /// Its containers go with it: namespaces that live on slow down every path under `/proc/sys/net`.
    fn drop(&mut self) {
        for n in 1..=*self.attached.borrow() {
            let _ = unname(&format!("{}c{n}", self.tag)); // most were unnamed when they were measured
        }
        std::thread::sleep(self.began_with as u32 * Duration::from_millis(10)); // taken down one after the other
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
    attached: usize,
    host: OnceCell<Host>,
}

impl Contender {
    fn new(who: Who, attached: usize) -> Rc<Contender> {
        let host = OnceCell::new();
        Rc::new(Contender {
            who,
            attached,
            host,
        })
    }

    fn host(&self) -> Result<&Host> {
        if self.host.get().is_none() {
            let _ = self.host.set(Host::new(&self.who, self.attached)?);
        }
        self.host.get().context("no host")
    }

    fn measure(&self, part: Part) -> Result<Duration> {
        self.host()?.measure(part)
    }
}

type Contenders = Vec<(&'static str, Rc<Contender>)>;

/// The cases of whole processes; `script` tells whether `ip` and `nft` are there.
pub fn all(size: &Size, script: bool) -> Result<Vec<Case<'_>>> {
    let own = std::env::current_exe().context("find this program")?;
    let floor = |attached| ("floor", Contender::new(Who::Floor(own.clone()), attached));
    let vetch = |attached| {
        let vetch = size.vetch.clone().map(Who::Vetch);
        vetch.map(|who| ("vetch", Contender::new(who, attached)))
    };
    let mut few: Contenders = [floor(0)].into_iter().chain(vetch(0)).collect();
    let many: Contenders = [floor(size.attached)]
        .into_iter()
        .chain(vetch(size.attached))
        .collect();
    let mut cases = vec![empty(size, own.clone()), at_once(size, &few)];
    few.extend(script.then(|| ("ip script", Contender::new(Who::Script, 0))));
    cases.push(part("attach", Part::Attach, Some(1.4), size, &few));
    cases.push(part("detach, returns", Part::Detach, None, size, &few));
    cases.push(part(
        "detach, all removed",
        Part::Removed,
        Some(1.1),
        size,
        &few,
    ));
    cases.extend(returns(size, &few));
    cases.push(part(
        "attach, many attached",
        Part::Attach,
        Some(1.3),
        size,
        &many,
    ));
    if script {
        cases.extend(datapath::all(size));
    }
    Ok(cases)
}

/// An attach where so many are attached already.
pub(crate) fn attach_beside(size: &Size, attached: usize) -> Result<Case<'_>> {
    let own = std::env::current_exe().context("find this program")?;
    let mut contenders = vec![("floor", Contender::new(Who::Floor(own), attached))];
    let vetch = size.vetch.clone().map(Who::Vetch);
    contenders.extend(vetch.map(|who| ("vetch", Contender::new(who, attached))));
    Ok(part(
        "attach, beside more",
        Part::Attach,
        None,
        size,
        &contenders,
    ))
}

fn part<'a>(
    name: &'static str,
    part: Part,
    target: Option<f64>,
    size: &Size,
    contenders: &Contenders,
) -> Case<'a> {
    let mut case = Case::new(name, 1, size.rounds);
    if let Some(target) = target {
        case = case.at_most(target);
    }
    contenders.iter().fold(case, |case, (who, contender)| {
        let contender = Rc::clone(contender);
        case.with(who, move |_| contender.measure(part))
    })
}

/// A detach beside an attach of the same program.
fn returns<'a>(size: &Size, contenders: &Contenders) -> Option<Case<'a>> {
    let (_, vetch) = contenders.iter().find(|(who, _)| *who == "vetch")?;
    let (a, b) = (Rc::clone(vetch), Rc::clone(vetch));
    let case = Case::new("detach beside attach", 1, size.rounds).at_most(1.3);
    let case = case.with("attach", move |_| a.measure(Part::Attach));
    Some(case.with("vetch", move |_| b.measure(Part::Detach)))
}

/// At least 0.65 of the floor's rate.
fn at_once<'a>(size: &Size, contenders: &Contenders) -> Case<'a> {
    const AT_ONCE: usize = 64;
    let case = Case::new("64 attaches at once", AT_ONCE, size.rounds.min(9)).at_most(1.0 / 0.65);
    contenders.iter().fold(case, |case, (who, contender)| {
        let contender = Rc::clone(contender);
        case.with(who, move |_| contender.host()?.at_once(AT_ONCE))
    })
}

fn empty(size: &Size, own: PathBuf) -> Case<'_> {
    let vetch = size.vetch.clone();
    let case = Case::new("empty process", 1, 3 * size.rounds)
        .at_most(1.3)
        .with("floor", move |_| time(|| run(&mut words(&own, "empty"))));
    case.with_if(vetch.is_some(), "vetch", move |_| {
        let vetch = vetch.as_deref().context("no program")?;
        time(|| run(&mut words(vetch, "--version")))
    })
}

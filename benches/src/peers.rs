//! Attach and detach as others do it: CNI's reference plugins, netavark, and a script of `ip` and `iptables`; whole processes, from the
//! first one's start to the last one's exit. What a runtime of theirs does between them is left out.

use crate::case::Case;
use crate::cases::Size;
use crate::floor::{enter, make_namespace};
use crate::timing::time;
use crate::world::{has, run, unname, with_outside, words};
use anyhow::{Context, Result, ensure};
use std::cell::{OnceCell, RefCell};
use std::fs::File;
use std::io::Write;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::thread;
use std::time::Duration;
use vetch_tests::Output;
use vetch_tests::peers::{Cni, Container, Netavark, Step, Tool, Verb};

const HOST: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const PORT: u16 = 8080;

enum Who {
    Vetch(PathBuf),
    Tool(Box<dyn Tool>),
    Script,
}

/// A host with a way out, on which one of them attaches a container and takes it away again, and the next.
struct Host {
    who: Who,
    place: File,
    tag: char,
    /// The last answer to an ADD.
    kept: RefCell<Option<String>>,
    next: RefCell<usize>,
}

impl Host {
    fn new(who: Who, tag: char) -> Result<Host> {
        let (place, _) = with_outside(HOST)?;
        match &who {
            Who::Vetch(vetch) => run(&mut words(
                vetch,
                "network create peers --subnet 10.66.0.0/24",
            ))?,
            Who::Script => shell(NETWORK)?,
            Who::Tool(_) => {}
        }
        let host = Host {
            who,
            place,
            tag,
            kept: RefCell::default(),
            next: RefCell::default(),
        };
        host.round()?; // the first one makes the network where nothing else does
        Ok(host)
    }

    /// How long both took.
    fn round(&self) -> Result<(Duration, Duration)> {
        let name = format!("peer{}{}", self.tag, self.next.replace_with(|n| *n + 1));
        let of = Container::new(&name, 3, PORT);
        enter(&self.place)?;
        drop(make_namespace(&name)?);
        enter(&self.place)?;
        let added = time(|| self.go(Verb::Add, &of));
        let deleted = time(|| self.go(Verb::Del, &of));
        if let Who::Vetch(vetch) = &self.who {
            run(&mut words(vetch, "gc"))?;
        }
        unname(&name)?;
        thread::sleep(Duration::from_millis(50)); // what the kernel still does is not to disturb the next
        Ok((added?, deleted?))
    }

    fn go(&self, verb: Verb, of: &Container) -> Result<()> {
        let name = &of.name;
        match (&self.who, verb) {
            (Who::Tool(tool), _) => self.chain(tool.as_ref(), verb, of),
            (Who::Vetch(vetch), Verb::Add) => run(&mut words(
                vetch,
                &format!("attach peers {name} --ip {} -p {PORT}:80", of.ip),
            )),
            (Who::Vetch(vetch), Verb::Del) => {
                run(&mut words(vetch, &format!("detach peers {name}")))
            }
            (Who::Script, Verb::Add) => shell(&up(of)),
            (Who::Script, Verb::Del) => shell(&down(of)),
        }
    }

    /// One program after the other, as CNI's library runs them.
    fn chain(&self, tool: &dyn Tool, verb: Verb, of: &Container) -> Result<()> {
        let kept = self.kept.borrow().clone();
        let mut said: Vec<Output> = Vec::new();
        while let Some(step) = tool.step(verb, of, &said, kept.as_deref()) {
            said.push(start(&step)?);
        }
        self.kept.replace(said.pop().map(|last| last.stdout));
        Ok(())
    }
}

fn start(step: &Step) -> Result<Output> {
    let (program, rest) = step.argv.split_first().context("no program")?;
    let mut command = Command::new(program);
    command.args(rest).envs(step.env.iter().cloned());
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command
        .spawn()
        .with_context(|| format!("start {program}"))?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(step.input.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "{program} failed: {stdout}");
    Ok(Output {
        said: program.clone(),
        place: String::new(),
        code: 0,
        stdout,
        stderr: String::new(),
    })
}

fn shell(script: &str) -> Result<()> {
    run(Command::new("sh").args(["-e", "-c", script]))
}

/// What the script's network is made of, once.
const NETWORK: &str = "sysctl -qw net.ipv4.ip_forward=1
    ip link add br0 type bridge
    ip address add 10.66.0.1/24 dev br0
    ip link set br0 up
    iptables -t nat -A POSTROUTING -s 10.66.0.0/24 ! -o br0 -j MASQUERADE";

fn port(verb: &str, of: &Container) -> String {
    let to = &of.ip;
    format!(
        "iptables -t nat {verb} PREROUTING -m addrtype --dst-type LOCAL -p tcp --dport {PORT} -j DNAT --to {to}:80
         iptables -t nat {verb} OUTPUT -m addrtype --dst-type LOCAL -p tcp --dport {PORT} -j DNAT --to {to}:80"
    )
}

fn up(of: &Container) -> String {
    let Container { name, ip, .. } = of;
    format!(
        "ip link add v0 type veth peer name p0
         ip link set p0 netns {name}
         ip link set v0 master br0 up
         ip -n {name} link set p0 name eth0
         ip -n {name} address add {ip}/24 dev eth0
         ip -n {name} link set lo up
         ip -n {name} link set eth0 up
         ip -n {name} route add default via 10.66.0.1
         {}",
        port("-A", of)
    )
}

fn down(of: &Container) -> String {
    format!("{}\nip link delete v0", port("-D", of))
}

type Lazy = Rc<(RefCell<Option<Who>>, char, OnceCell<Host>)>;

fn round(lazy: &Lazy) -> Result<(Duration, Duration)> {
    let (who, tag, host) = &**lazy;
    if let Some(who) = who.take() {
        let _ = host.set(Host::new(who, *tag)?);
    }
    host.get().context("no host")?.round()
}

/// Vetch first; how many times longer each of the others takes, with what is asked of it.
pub fn all(size: &Size) -> Vec<Case<'_>> {
    let Some(vetch) = size.vetch.clone() else {
        return Vec::new();
    };
    let rounds = size.rounds.min(11);
    let (mut attach, mut detach) = (
        Case::new("attach, beside others", 1, rounds),
        Case::new("detach, beside others", 1, rounds),
    );
    for (name, tag, who, [longer, much_longer]) in everybody(vetch) {
        let lazy = Lazy::new((RefCell::new(Some(who)), tag, OnceCell::new()));
        let again = Rc::clone(&lazy);
        attach = attach.with(name, move |_| Ok(round(&lazy)?.0));
        detach = detach.with(name, move |_| Ok(round(&again)?.1));
        if longer > 0.0 {
            attach = attach.at_least(name, longer);
        }
        if much_longer > 0.0 {
            detach = detach.at_least(name, much_longer);
        }
    }
    vec![attach, detach]
}

/// Who is there, with how many times longer they are to take for an attach and for a detach.
fn everybody(vetch: PathBuf) -> Vec<(&'static str, char, Who, [f64; 2])> {
    let mut all = vec![("vetch", 'v', Who::Vetch(vetch), [0.0; 2])];
    let mut tools: Vec<(_, _, Box<dyn Tool>, _)> = vec![
        ("CNI", 'c', Box::new(Cni::installed()), [20.0, 50.0]),
        (
            "netavark",
            'n',
            Box::new(Netavark::installed()),
            [15.0, 0.0],
        ),
    ];
    if let Some(other) = Netavark::named() {
        tools.push(("other netavark", 'm', Box::new(other), [7.0, 0.0]));
    }
    let there = tools
        .into_iter()
        .filter(|(_, _, tool, _)| tool.is_installed());
    all.extend(there.map(|(name, tag, tool, than)| (name, tag, Who::Tool(tool), than)));
    if has("ip") && has("iptables") {
        all.push(("ip+iptables", 's', Who::Script, [12.0, 0.0]));
    }
    all
}

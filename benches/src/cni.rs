//! CNI's plugins, ours beside the reference's: whole processes as a runtime starts them, and `vetch cni run`, which needs one.

use crate::case::Case;
use crate::cases::Size;
use crate::floor::{enter, make_namespace};
use crate::timing::time;
use crate::world::{run, unname, with_outside, words};
use anyhow::{Context, Result, ensure};
use std::cell::{Cell, OnceCell};
use std::fs::{self, File};
use std::io::Write;
use std::net::Ipv4Addr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

const HOST: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const REFERENCE: &str = "/usr/lib/cni";
const MANY: u16 = 5_000; // ports
const FIRST: u16 = 10_000; // of those that are there already
const ALONE: &[&str] = &["bridge"];
const CHAIN: &[&str] = &["bridge", "portmap", "firewall"];

#[derive(Clone, Debug)]
enum Who {
    /// `vetch attach`.
    Attach(PathBuf),
    /// These plugins of a directory, one after the other.
    Plugins(PathBuf, &'static [&'static str]),
    /// `vetch cni run`, which runs all of them.
    Runner(PathBuf),
}

/// How long each operation on one container took.
#[derive(Clone, Copy, Default)]
struct Took {
    add: Duration,
    check: Duration,
    del: Duration,
}

/// A host with a way out, on which one of them adds a container, checks it and deletes it, and the next.
struct Host {
    who: Who,
    place: File,
    /// Of the names of its namespaces and files, which are the machine's.
    tag: &'static str,
    next: Cell<usize>,
}

/// What is on the host before anything is measured.
#[derive(Clone, Copy, Default)]
struct Already {
    /// Containers with a port each.
    attached: u16,
    /// Ports of one more container.
    ports: u16,
}

/// The host ports of one container, as a runtime says them.
fn mappings(ports: Range<u16>) -> String {
    let mapping =
        |port| format!(r#"{{"hostPort":{port},"containerPort":{port},"protocol":"tcp"}}"#);
    let all: Vec<String> = ports.map(mapping).collect();
    format!(r#"{{"portMappings":[{}]}}"#, all.join(","))
}

fn keys(plugin: &str, tag: &str) -> String {
    match plugin {
        "bridge" => format!(
            r#""type":"bridge","bridge":"cni0","isDefaultGateway":true,"ipMasq":true,"ipam":{{"type":"host-local","subnet":"10.66.0.0/16","dataDir":"/run/leases-{tag}"}}"#
        ),
        "portmap" => r#""type":"portmap","capabilities":{"portMappings":true}"#.to_owned(),
        other => format!(r#""type":"{other}""#),
    }
}

impl Host {
    fn new(who: Who, tag: &'static str, already: Already) -> Result<Host> {
        let (place, _) = with_outside(HOST)?;
        let host = Host {
            who,
            place,
            tag,
            next: Cell::default(),
        };
        match &host.who {
            Who::Attach(vetch) => {
                run(&mut words(
                    vetch,
                    "network create cni --subnet 10.66.0.0/16",
                ))?;
            }
            Who::Runner(_) => {
                let plugins = CHAIN
                    .iter()
                    .map(|plugin| format!("{{{}}}", keys(plugin, tag)));
                let plugins = plugins.collect::<Vec<_>>().join(",");
                let list =
                    format!(r#"{{"cniVersion":"1.0.0","name":"cni","plugins":[{plugins}]}}"#);
                fs::write(host.list(), list)?;
            }
            Who::Plugins(..) => {}
        }
        for port in (FIRST..).take(already.attached.into()) {
            host.add_for_good(&mappings(port..port + 1))?;
        }
        if already.ports > 0 {
            host.add_for_good(&mappings(FIRST..FIRST + already.ports))?;
        }
        host.round()?; // the first one makes the network where nothing else does
        Ok(host)
    }

    fn add_for_good(&self, ports: &str) -> Result<()> {
        let name = self.next_made()?;
        self.go("ADD", &name, ports, &mut None)
    }

    fn next_made(&self) -> Result<String> {
        let n = self.next.get() + 1;
        self.next.set(n);
        let name = format!("cni{}{n}", self.tag);
        enter(&self.place)?;
        drop(make_namespace(&name)?);
        enter(&self.place)?;
        Ok(name)
    }

    fn list(&self) -> String {
        format!("/run/{}.conflist", self.tag)
    }

    fn round(&self) -> Result<Took> {
        let (name, ports) = (self.next_made()?, mappings(8080..8081));
        let mut kept = None;
        let mut go = |operation| time(|| self.go(operation, &name, &ports, &mut kept));
        let took = Took {
            add: go("ADD")?,
            check: go("CHECK")?,
            del: go("DEL")?,
        };
        if let Who::Attach(vetch) = &self.who {
            run(&mut words(vetch, "gc"))?;
        }
        unname(&name)?;
        thread::sleep(Duration::from_millis(100)); // what the kernel still does is not to disturb the next
        Ok(took)
    }

    fn go(
        &self,
        operation: &str,
        name: &str,
        ports: &str,
        kept: &mut Option<String>,
    ) -> Result<()> {
        match &self.who {
            Who::Attach(vetch) => match operation {
                "ADD" => run(&mut words(vetch, &format!("attach cni {name}"))),
                "DEL" => run(&mut words(vetch, &format!("detach cni {name}"))),
                _ => Ok(()),
            },
            Who::Runner(vetch) => {
                let line = format!(
                    "cni run {operation} {} --netns {name} --container-id {name} --cache-dir /run/cache",
                    self.list()
                );
                let mut command = words(vetch, &line);
                if operation == "ADD" {
                    command.args(["--capabilities", ports]);
                }
                run(command.stdout(Stdio::null()))
            }
            Who::Plugins(directory, plugins) => {
                let mut plugins = plugins.to_vec();
                match operation {
                    "DEL" => plugins.reverse(),
                    // The reference's portmap asks for the rules of IPv6 where there is none.
                    "CHECK" => plugins.retain(|plugin| *plugin != "portmap"),
                    _ => {}
                }
                for plugin in plugins {
                    let program = directory.join(plugin);
                    let said = self.call(&program, operation, name, ports, kept.as_deref())?;
                    if operation == "ADD" {
                        *kept = Some(said);
                    }
                }
                Ok(())
            }
        }
    }

    /// One plugin, with the answer of the one before.
    fn call(
        &self,
        program: &Path,
        operation: &str,
        name: &str,
        ports: &str,
        previous: Option<&str>,
    ) -> Result<String> {
        let plugin = program
            .file_name()
            .and_then(|name| name.to_str())
            .context("no name")?;
        let mut input = format!(
            r#"{{"cniVersion":"1.0.0","name":"cni",{}"#,
            keys(plugin, self.tag)
        );
        if plugin == "portmap" {
            input.push_str(&format!(r#","runtimeConfig":{ports}"#));
        }
        if let Some(previous) = previous {
            input.push_str(&format!(r#","prevResult":{previous}"#));
        }
        input.push('}');
        let mut command = Command::new(program);
        command
            .env("CNI_COMMAND", operation)
            .env("CNI_CONTAINERID", name)
            .env("CNI_NETNS", format!("/run/netns/{name}"))
            .env("CNI_IFNAME", "eth0")
            .env("CNI_PATH", program.parent().unwrap_or(program))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command
            .spawn()
            .with_context(|| format!("start {program:?}"))?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes())?;
        }
        let output = child.wait_with_output()?;
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(
            output.status.success(),
            "{operation} of {plugin} failed: {stdout}"
        );
        Ok(stdout)
    }
}

/// A host that is made when it is first needed.
#[derive(Clone)]
struct Lazy(Rc<(Who, &'static str, Already, OnceCell<Host>)>);

impl Lazy {
    fn new(who: &Who, tag: &'static str, already: Already) -> Lazy {
        Lazy(Rc::new((who.clone(), tag, already, OnceCell::new())))
    }

    fn round(&self) -> Result<Took> {
        let (who, tag, already, host) = &*self.0;
        if host.get().is_none() {
            let _ = host.set(Host::new(who.clone(), tag, *already)?);
        }
        host.get().context("no host")?.round()
    }
}

type Part = fn(Took) -> Duration;

fn with<'a>(
    case: Case<'a>,
    name: &'static str,
    who: &Who,
    tag: &'static str,
    part: Part,
) -> Case<'a> {
    on(case, name, &Lazy::new(who, tag, Already::default()), part)
}

fn on<'a>(case: Case<'a>, name: &'static str, host: &Lazy, part: Part) -> Case<'a> {
    let host = host.clone();
    case.with(name, move |_| Ok(part(host.round()?)))
}

/// An attach beside the plugin; then, where the reference is there, chains of plugins beside it.
pub fn all(size: &Size) -> Result<Vec<Case<'_>>> {
    let Some(vetch) = size.vetch.clone() else {
        return Ok(Vec::new());
    };
    let rounds = size.rounds.min(11);
    let ours = PathBuf::from("/run/vetch-plugins");
    let install = format!("cni install --dir {}", ours.display());
    run(words(&vetch, &install).stdout(Stdio::null()))?;
    let alone = Who::Plugins(ours.clone(), ALONE);
    let mut cases = Vec::new();
    let add = Case::new("CNI ADD, beside attach", 1, rounds).at_most(1.5);
    let add = with(add, "attach", &Who::Attach(vetch.clone()), "a", |took| {
        took.add
    });
    cases.push(with(add, "vetch", &alone, "b", |took| took.add));
    cases.extend(beside(&ours, size.attached as u16, rounds));
    if Path::new(REFERENCE).join("bridge").exists() {
        cases.extend(chains(&ours, vetch, rounds));
    }
    Ok(cases)
}

/// A chain of ours on a host with nothing, and on one with many attached or many ports.
fn beside<'a>(directory: &Path, attached: u16, rounds: usize) -> Vec<Case<'a>> {
    let chain = Who::Plugins(directory.to_owned(), CHAIN);
    let host = |tag, already| Lazy::new(&chain, tag, already);
    let nothing = host("m", Already::default());
    let many = host("n", Already { attached, ports: 0 });
    let ports = host(
        "o",
        Already {
            attached: 0,
            ports: MANY,
        },
    );
    let rows: [(&'static str, &Lazy, Part); 5] = [
        ("CNI ADD, 500 beside 0", &many, |took| took.add),
        ("CNI CHECK, 500 beside 0", &many, |took| took.check),
        ("CNI DEL, 500 beside 0", &many, |took| took.del),
        ("CNI ADD, 5,000 ports beside 0", &ports, |took| took.add),
        ("CNI DEL, 5,000 ports beside 0", &ports, |took| took.del),
    ];
    let row = |(name, host, part)| {
        let case = on(Case::new(name, 1, rounds), "alone", &nothing, part);
        on(case, "vetch", host, part)
    };
    rows.into_iter().map(row).collect()
}

/// A row: its name, who of ours, the tags of both, which operation, and how many times longer the reference is to take.
type Chains<'w> = (&'static str, &'w Who, [&'static str; 2], Part, f64);

fn chains<'a>(directory: &Path, vetch: PathBuf, rounds: usize) -> Vec<Case<'a>> {
    let chain = Who::Plugins(directory.to_owned(), CHAIN);
    let theirs = Who::Plugins(REFERENCE.into(), CHAIN);
    let runner = Who::Runner(vetch);
    let rows: [Chains<'_>; 5] = [
        (
            "CNI ADD, a chain",
            &chain,
            ["c", "d"],
            |took| took.add,
            10.0,
        ),
        (
            "CNI CHECK, a chain",
            &chain,
            ["e", "f"],
            |took| took.check,
            10.0,
        ),
        (
            "CNI DEL, a chain",
            &chain,
            ["g", "h"],
            |took| took.del,
            10.0,
        ),
        (
            "CNI ADD, cni run",
            &runner,
            ["i", "j"],
            |took| took.add,
            20.0,
        ),
        (
            "CNI DEL, cni run",
            &runner,
            ["k", "l"],
            |took| took.del,
            20.0,
        ),
    ];
    let row = |(name, who, [ours, reference], part, least): Chains<'_>| {
        let case = with(Case::new(name, 1, rounds), "vetch", who, ours, part);
        with(case, "CNI", &theirs, reference, part).at_least("CNI", least)
    };
    rows.into_iter().map(row).collect()
}

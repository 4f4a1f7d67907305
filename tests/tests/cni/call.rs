//! A runtime in small: calls the plugins of a list one after the other, ours or the reference's.

use serde_json::{Value, json};
use std::net::IpAddr;
use std::thread;
use std::time::{Duration, Instant};
pub(crate) use vetch_tests::plugin::{REFERENCE as DIRECTORY, Whose};
use vetch_tests::{Node, Output};

/// One call, beside many others.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);
const SETTLED: Duration = Duration::from_millis(2500);

/// A container: a namespace without a name, and an id.
#[derive(Clone)]
pub(crate) struct Container {
    pub(crate) id: &'static str,
    pub(crate) node: Node,
    pub(crate) path: String,
}

impl Container {
    pub(crate) fn new(id: &'static str) -> Container {
        let node = Node::anonymous(id);
        let path = node.path().to_owned();
        Container { id, node, path }
    }

    /// One that has another path on its host.
    pub(crate) fn at(id: &'static str, path: &str) -> Container {
        let path = path.to_owned();
        Container {
            path,
            ..Container::new(id)
        }
    }

    fn environment(&self, verb: &str) -> Vec<(&'static str, String)> {
        vec![
            ("CNI_COMMAND", verb.to_owned()),
            ("CNI_CONTAINERID", self.id.to_owned()),
            ("CNI_NETNS", self.path.clone()),
            ("CNI_IFNAME", "eth0".to_owned()),
            ("CNI_PATH", DIRECTORY.to_owned()),
        ]
    }
}

/// A command of words parted by spaces, beside many others.
#[track_caller]
pub(crate) fn cmd(node: &Node, words: &str) -> Output {
    let words: Vec<&str> = words.split_whitespace().collect();
    node.argv(&words).limit(LIMIT).go()
}

/// A line of shell.
#[track_caller]
pub(crate) fn shell(node: &Node, line: &str) -> Output {
    node.argv(&["sh", "-c", line]).limit(LIMIT).go()
}

/// Whether an echo is answered before the kernel has surely found that the addresses on the way are nobody else's.
pub(crate) fn reaches(node: &Node, to: IpAddr) -> bool {
    let end = Instant::now() + SETTLED;
    loop {
        if cmd(node, &format!("ping -n -q -c 1 -W 1 {to}")).code == 0 {
            return true;
        }
        if Instant::now() > end {
            return false;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// What an administrator wrote.
#[derive(Clone, Debug)]
pub(crate) struct List {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) plugins: Vec<Value>,
    /// `CNI_ARGS`.
    pub(crate) args: &'static str,
}

impl List {
    pub(crate) fn new(plugins: Vec<Value>) -> List {
        List {
            name: "blue",
            version: "1.0.0",
            plugins,
            args: "",
        }
    }

    fn input(&self, at: usize, previous: Option<&Value>) -> Value {
        let mut input = self.plugins[at].clone();
        input["cniVersion"] = json!(self.version);
        input["name"] = json!(self.name);
        if let Some(previous) = previous {
            input["prevResult"] = previous.clone();
        }
        input
    }
}

/// One call of one plugin.
#[track_caller]
pub(crate) fn call(
    whose: Whose,
    host: &Node,
    plugin: &str,
    environment: &[(&'static str, String)],
    input: &str,
) -> Output {
    let all = environment.iter();
    let plugin = host.plugin(whose, plugin);
    let run = all.fold(plugin, |run, (name, value)| run.env(name, value));
    run.stdin(input).limit(LIMIT).go()
}

/// Calls the plugins of lists on a host.
#[derive(Clone, Copy)]
pub(crate) struct Runtime<'a> {
    pub(crate) whose: Whose,
    pub(crate) host: &'a Node,
}

impl Runtime<'_> {
    /// One plugin of the list.
    #[track_caller]
    pub(crate) fn one(
        &self,
        verb: &str,
        list: &List,
        at: usize,
        of: &Container,
        previous: Option<&Value>,
    ) -> Output {
        let mut environment = of.environment(verb);
        environment.push(("CNI_ARGS", list.args.to_owned()));
        let plugin = list.plugins[at]["type"].as_str().unwrap();
        let input = list.input(at, previous).to_string();
        call(self.whose, self.host, plugin, &environment, &input)
    }

    /// From the first plugin to the last, or to one that fails. The result, or what failed.
    #[track_caller]
    pub(crate) fn try_add(&self, list: &List, of: &Container) -> Result<Value, Output> {
        let mut result = None;
        for at in 0..list.plugins.len() {
            let output = self.one("ADD", list, at, of, result.as_ref());
            if output.code != 0 {
                return Err(output);
            }
            result = Some(output.json());
        }
        Ok(result.unwrap())
    }

    #[track_caller]
    pub(crate) fn add(&self, list: &List, of: &Container) -> Value {
        let added = self.try_add(list, of);
        added.unwrap_or_else(|output| panic!("{:?} {}: {output}", self.whose, list.plugins[0]))
    }

    /// From the last plugin to the first, whatever each says.
    #[track_caller]
    pub(crate) fn del(&self, list: &List, of: &Container, kept: Option<&Value>) -> Vec<Output> {
        let all = (0..list.plugins.len()).rev();
        all.map(|at| self.one("DEL", list, at, of, kept)).collect()
    }

    /// CHECK by every plugin.
    #[track_caller]
    pub(crate) fn check(&self, list: &List, of: &Container, kept: &Value) -> Vec<Output> {
        let all = 0..list.plugins.len();
        all.map(|at| self.one("CHECK", list, at, of, Some(kept)))
            .collect()
    }
}

//! One call of one plugin of a list, in this process or by its program.

use super::{Attachment, Run, Runtime, Step};
use crate::args::Args;
use crate::attachment::AttachmentKey;
use crate::config::NetConf;
use crate::env::Command;
use crate::error::{Code, Error, Result};
use crate::exec::Caller;
use crate::front;
use crate::list::{Given, NetworkList, Plugin};
use crate::plugin::{self, Ahead, Input};
use crate::result::AddResult;
use crate::session::Session;
use std::path::PathBuf;
use std::time::Instant;

/// A list, ready to be run for one operation.
pub(super) struct Chain<'a> {
    pub(super) list: &'a NetworkList,
    /// What it is run for; GC and STATUS concern all of a network.
    pub(super) attachment: Option<&'a Attachment>,
    /// For GC.
    pub(super) valid: Option<&'a [AttachmentKey]>,
    pub(super) links: Vec<Link<'a>>,
    caller: Caller,
}

/// One plugin of the list.
pub(super) struct Link<'a> {
    pub(super) plugin: &'a Plugin,
    way: Result<Way>,
}

impl Link<'_> {
    /// What its errors stand behind among others.
    pub(super) fn label(&self) -> String {
        format!("plugin `{}`: ", self.plugin.kind)
    }
}

/// Where a plugin runs.
enum Way {
    Here(&'static plugin::Plugin),
    Program(PathBuf),
}

impl<'a> Chain<'a> {
    pub(super) fn new(
        runtime: &Runtime,
        list: &'a NetworkList,
        attachment: Option<&'a Attachment>,
    ) -> Chain<'a> {
        let caller = Caller {
            directories: runtime.plugin_directories.clone(),
            limit: runtime.time_limit,
            variables: attachment.map(variables).unwrap_or_default(),
        };
        let way = |kind: &str| match plugin::find(kind) {
            Some(plugin) => Ok(Way::Here(plugin)),
            None => caller.find(kind).map(Way::Program),
        };
        let links = list.plugins.iter().map(|plugin| Link {
            plugin,
            way: way(&plugin.kind),
        });
        Chain {
            list,
            attachment,
            valid: None,
            links: links.collect(),
            caller,
        }
    }

    /// The place of the last plugin.
    pub(super) fn last(&self) -> usize {
        self.links.len().saturating_sub(1)
    }

    /// That there are plugins, and every one is there.
    pub(super) fn check_programs(&self) -> Result<()> {
        if self.links.is_empty() {
            return Err(Error::new(Code::InvalidConfig, "`plugins`: there are none"));
        }
        let mut ways = self.links.iter().map(|link| &link.way);
        ways.try_for_each(|way| way.as_ref().map(drop).map_err(Clone::clone))
    }

    /// Whether some of the plugins are ours.
    pub(super) fn has_own(&self) -> bool {
        let mut ways = self.links.iter().map(|link| &link.way);
        ways.any(|way| matches!(way, Ok(Way::Here(_))))
    }

    /// What the plugins of ours will ask for, so that the first of them can do it all. What they would refuse is refused.
    pub(super) fn ahead(&self) -> Result<Ahead> {
        let mut ahead = Ahead::default();
        for link in &self.links {
            if let Ok(Way::Here(own)) = link.way {
                let text = self.input(link, None);
                let look = |input: &Input<'_>| (own.ahead)(input, &mut ahead);
                self.with_input(&text, Ahead::default(), look)?;
            }
        }
        Ok(ahead)
    }

    /// What the plugins of ours that come later in a DEL from this plugin on will do.
    pub(super) fn ahead_of_del(&self, last: usize) -> Ahead {
        let mut ways = self.links.iter().take(last + 1).map(|link| &link.way);
        Ahead {
            detach: ways.any(|way| matches!(way, Ok(Way::Here(own)) if own.name == "bridge")),
            ..Ahead::default()
        }
    }

    /// What a plugin is given.
    fn input(&self, link: &Link<'_>, previous: Option<&AddResult>) -> String {
        let given = Given {
            capabilities: self.attachment.map(|of| &of.capabilities),
            previous,
            valid_attachments: self.valid,
        };
        self.list.input(link.plugin, &given)
    }

    fn with_input<T>(
        &self,
        text: &str,
        ahead: Ahead,
        serve: impl FnOnce(&Input<'_>) -> Result<T>,
    ) -> Result<T> {
        let none = Args::default();
        serve(&Input {
            conf: NetConf::parse(text.as_bytes())?,
            args: self.attachment.map_or(&none, |of| &of.args),
            ahead,
            caller: Some(&self.caller),
        })
    }
}

/// What of the environment the specification has, but for the operation and the path.
fn variables(of: &Attachment) -> Vec<(&'static str, String)> {
    let netns = of.netns.as_ref().map(|path| path.display().to_string());
    let all = [
        ("CNI_CONTAINERID", of.key.container_id.to_string()),
        ("CNI_NETNS", netns.unwrap_or_default()),
        ("CNI_IFNAME", of.key.ifname.to_string()),
        ("CNI_ARGS", of.args.to_string()),
    ];
    let set = all.into_iter().filter(|(_, value)| !value.is_empty());
    set.collect()
}

impl Run<'_> {
    /// Runs one plugin of a list and reports it. A result comes of ADD only.
    pub(super) fn step(
        &mut self,
        chain: &Chain<'_>,
        at: usize,
        command: &Command,
        previous: Option<&AddResult>,
        ahead: &Ahead,
    ) -> Result<Option<AddResult>> {
        let Some(link) = chain.links.get(at) else {
            return Ok(None);
        };
        let begun = Instant::now();
        let text = chain.input(link, previous);
        let mut said = String::new();
        let answer = match &link.way {
            Ok(Way::Here(plugin)) => here(&mut self.session, chain, plugin, command, &text, ahead),
            Ok(Way::Program(program)) => {
                let called = chain.caller.call(program, command.word(), &text);
                said = called.said;
                called.answer.and_then(|answer| match command {
                    Command::Add { .. } => result(chain, &link.plugin.kind, &answer).map(Some),
                    _ => Ok(None),
                })
            }
            Err(err) => Err(err.clone()),
        };
        (self.report)(&Step {
            operation: command.word(),
            plugin: link.plugin.kind.clone(),
            program: match &link.way {
                Ok(Way::Program(program)) => Some(program.clone()),
                _ => None,
            },
            took: begun.elapsed(),
            said,
            error: answer.as_ref().err().cloned(),
        });
        answer
    }
}

fn here(
    session: &mut Session,
    chain: &Chain<'_>,
    plugin: &plugin::Plugin,
    command: &Command,
    text: &str,
    ahead: &Ahead,
) -> Result<Option<AddResult>> {
    chain.with_input(text, ahead.clone(), |input| {
        front::run(plugin, command, input, session)
    })
}

fn result(chain: &Chain<'_>, kind: &str, answer: &[u8]) -> Result<AddResult> {
    AddResult::parse_in(answer, chain.list.version).map_err(|err| Error {
        msg: format!("the result of plugin `{kind}`: {}", err.msg),
        ..err
    })
}

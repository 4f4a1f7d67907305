//! IPAM plugins of others, run by their program with the input of the plugin that needs an address (CNI 1.1.0, "Section 4: Plugin
//! Delegation").

use super::Given;
use crate::config::NetConf;
use crate::error::{Error, Result};
use crate::exec::Caller;
use crate::result::AddResult;
use crate::version::Version;
use std::path::PathBuf;

/// A program and what it is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    kind: String,
    program: PathBuf,
    caller: Caller,
    text: String,
    version: Version,
}

impl Foreign {
    /// Finds the program, which is given the configuration of the plugin that delegates.
    pub(crate) fn new(caller: &Caller, kind: &str, conf: &NetConf) -> Result<Foreign> {
        Ok(Foreign {
            kind: kind.to_owned(),
            program: caller.find(kind).map_err(|err| of(kind, err))?,
            caller: caller.clone(),
            text: conf.text(),
            version: conf.version,
        })
    }

    /// The answer to one operation.
    pub(super) fn call(&self, operation: &str) -> Result<Vec<u8>> {
        let called = self.caller.call(&self.program, operation, &self.text);
        called.answer.map_err(|err| of(&self.kind, err))
    }

    pub(super) fn add(&self) -> Result<Given> {
        let answer = self.call("ADD")?;
        let result = AddResult::parse_in(&answer, self.version);
        let result = result.map_err(|err| of(&self.kind, err))?;
        Ok(Given {
            ips: result.ips,
            routes: result.routes,
            dns: result.dns,
            new: Vec::new(),
        })
    }
}

fn of(kind: &str, err: Error) -> Error {
    Error {
        msg: format!("IPAM plugin `{kind}`: {}", err.msg),
        ..err
    }
}

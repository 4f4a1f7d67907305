//! A step of a plan, as a person reads it.

/// One step: what it does, the words a person would have typed for it, and those that undo it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// Such as "make bridge `vbr-blue`".
    pub what: String,
    /// `ip`, `bridge`, `sysctl` or `nft` command lines, or none where there is no such command.
    pub words: Vec<String>,
    /// The command lines that undo it; none if undoing another step undoes it too.
    pub undo: Vec<String>,
}

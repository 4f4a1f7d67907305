//! A topology drawn as a tree.

/// A line and what hangs below it.
pub(super) struct Tree {
    pub(super) line: String,
    pub(super) below: Vec<Tree>,
}

impl Tree {
    pub(super) fn leaf(line: impl Into<String>) -> Tree {
        Tree::new(line, Vec::new())
    }

    pub(super) fn new(line: impl Into<String>, below: Vec<Tree>) -> Tree {
        let line = line.into();
        Tree { line, below }
    }

    /// The drawing, a line each.
    pub(super) fn draw(&self) -> Vec<String> {
        let mut lines = vec![self.line.clone()];
        for (i, branch) in self.below.iter().enumerate() {
            let last = i + 1 == self.below.len();
            let (first, rest) = if last {
                ("└─ ", "   ")
            } else {
                ("├─ ", "│  ")
            };
            let drawn = branch.draw().into_iter().enumerate();
            lines.extend(
                drawn.map(|(i, line)| format!("{}{line}", if i == 0 { first } else { rest })),
            );
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_hang_from_their_trunk() {
        let host = Tree::new(
            "host",
            vec![
                Tree::new("br0", vec![Tree::leaf("web")]),
                Tree::leaf("eth0"),
            ],
        );
        assert_eq!(host.draw(), ["host", "├─ br0", "│  └─ web", "└─ eth0"]);
    }
}

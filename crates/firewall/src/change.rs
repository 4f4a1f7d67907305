//! Elements to add and to remove, together.

use crate::Element;

/// One element to add or to remove.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// It shall be there.
    Add(Element),
    /// It shall not be there, if it is the same owner's.
    Remove(Element),
}

impl Step {
    /// The element.
    pub fn element(&self) -> &Element {
        match self {
            Step::Add(element) | Step::Remove(element) => element,
        }
    }

    /// What a person would type for it.
    pub fn words(&self) -> String {
        let element = self.element();
        let (family, set) = (element.set.family(), element.set.name());
        match self {
            Step::Add(_) => {
                let comment = format!("comment \"{}\"", element.owner);
                format!(
                    "nft 'add element {family} vetch {set} {{ {} }}'",
                    commented(element, &comment)
                )
            }
            Step::Remove(_) => format!("nft 'delete element {element}'"),
        }
    }
}

/// nft wants the comment behind the key, before the value.
fn commented(element: &Element, comment: &str) -> String {
    let text = element.text();
    match text.split_once(" : ") {
        Some((key, value)) => format!("{key} {comment} : {value}"),
        None => format!("{text} {comment}"),
    }
}

/// Elements to add and to remove in one transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    steps: Vec<Step>,
}

impl Change {
    /// Elements to add.
    pub fn add(elements: impl IntoIterator<Item = Element>) -> Change {
        let steps = elements.into_iter().map(Step::Add).collect();
        Change { steps }
    }

    /// Elements to remove.
    pub fn remove(elements: impl IntoIterator<Item = Element>) -> Change {
        Change::add(elements).inverse()
    }

    /// What to do, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Appends another change.
    pub fn extend(&mut self, other: Change) {
        self.steps.extend(other.steps);
    }

    /// What undoes this, last step first.
    #[must_use]
    pub fn inverse(self) -> Change {
        let inverse = |step| match step {
            Step::Add(element) => Step::Remove(element),
            Step::Remove(element) => Step::Add(element),
        };
        let steps = self.steps.into_iter().rev().map(inverse).collect();
        Change { steps }
    }

    /// What a person would type, one line for each step.
    pub fn words(&self) -> Vec<String> {
        self.steps.iter().map(Step::words).collect()
    }
}

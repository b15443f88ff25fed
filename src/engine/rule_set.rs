//! The rules of a root, which all of its connections answer by.
//!
//! Owns which rules hold now, kept from one opening to the next, and whether there is anything to do when bytes come:
//! who receives asks for that each time. It never answers.

use std::cell::{Cell, Ref, RefCell};
use std::sync::Arc;

use crate::rule::{Rule, Rules, When};

/// The rules of a root.
#[derive(Debug, Default)]
pub(super) struct RuleSet {
    rules: RefCell<Rules>,
    answers: Cell<Answers>,
    /// The one that answers all, where there is nothing else to do.
    echo: RefCell<Option<Arc<Rule>>>,
    gaps: Cell<u32>,
    weight: Cell<usize>,
}

/// What the rules answer, when bytes come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Answers {
    /// Nothing: no rule waits for messages.
    #[default]
    Nothing,
    /// All goes back as it came, so nobody needs to know what a message is.
    Echo,
    /// Each message what its rule says.
    ByRule,
}

impl RuleSet {
    /// Has these rules hold from now on.
    pub(super) fn set(&self, rules: Rules) {
        let waits = |when: &When| matches!(when, When::Comes(_));
        self.echo.replace(rules.only_echo().cloned());
        self.answers.set(if self.echo.borrow().is_some() {
            Answers::Echo
        } else if rules.iter().any(|rule| waits(&rule.when)) {
            Answers::ByRule
        } else {
            Answers::Nothing
        });
        if self.answers.get() != Answers::ByRule {
            self.gaps.set(self.gaps.get().wrapping_add(1));
        }
        self.weight.set(rules.weight());
        self.rules.replace(rules);
    }

    /// What they answer.
    pub(super) fn answers(&self) -> Answers {
        self.answers.get()
    }

    /// The echo that answers all, where one does.
    pub(super) fn echo(&self) -> Ref<'_, Option<Arc<Rule>>> {
        self.echo.borrow()
    }

    /// How often they have let messages pass by, so that whoever takes a stream apart begins anew.
    pub(super) fn gaps(&self) -> u32 {
        self.gaps.get()
    }

    /// The rules that hold now.
    pub(super) fn now(&self) -> Rules {
        self.rules.borrow().clone()
    }

    /// How many steps a byte of a message may take until the rule is found that answers it.
    pub(super) fn weight(&self) -> usize {
        self.weight.get()
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.rules.borrow().is_empty()
    }
}

//! The rules of the profile on the living bench: which of them the engine knows for each socket.
//!
//! Owns what the engine was told last, so that it is told again only when something changed. It never answers anything.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Bench, Effect};
use crate::contract::{Command, SocketId};
use crate::profile::RuleEntry;
use crate::rule::Rules;

/// What the engine was told of each root, and what is wrong with the rules that it could not be told of.
pub(super) type KnownRules = HashMap<SocketId, (Rules, Vec<String>)>;

impl Bench {
    /// The rules of the profile that hold for a root of the list, in their order.
    pub(in crate::ui) fn rules_on(&self, root: SocketId) -> impl Iterator<Item = &RuleEntry> {
        let index = self.roots.iter().position(|known| *known == root);
        let entry = index.and_then(|index| self.profile.contents.sockets.get(index));
        entry.into_iter().flat_map(|entry| self.profile.rules_on(entry))
    }

    /// True for a root of which every message is sent back.
    pub(in crate::ui) fn echoes(&self, root: SocketId) -> bool {
        self.rules_on(root).any(RuleEntry::is_echo)
    }

    /// Has a socket, or each connection of a listener, send back what comes, or no longer.
    pub(in crate::ui) fn set_echo(&mut self, root: SocketId, on: bool, effects: &mut Vec<Effect>) {
        if self.roots.contains(&root) {
            let name = self.roster.name(root);
            self.profile.set_echo(&name, on);
            self.settle_rules(effects);
        }
    }

    /// Tells the engine of each socket whose rules are others than it knows; to be called when anything changed that a
    /// rule depends on.
    pub(in crate::ui) fn settle_rules(&mut self, effects: &mut Vec<Effect>) {
        self.settle_rules_from(0, effects);
    }

    /// The same, for the sockets from this one on. A rule that is as it was stays the same one, which goes on counting.
    pub(super) fn settle_rules_from(&mut self, first: usize, effects: &mut Vec<Effect>) {
        let mut compiler = self.profile.compiler(self.variables());
        let sockets = self.roots.iter().copied().zip(&self.profile.contents.sockets).skip(first);
        let settled: Vec<_> = sockets.map(|(socket, entry)| (socket, compiler.rules_on(entry))).collect();
        for (socket, (rules, wrong)) in settled {
            let before = self.known_rules.get(&socket).map(|(rules, _)| rules);
            let same = |rule: &Arc<_>| before.and_then(|before| before.iter().find(|old| *old == rule)).cloned();
            let rules = Rules::new(rules.iter().map(|rule| same(rule).unwrap_or_else(|| Arc::clone(rule))));
            if before.map_or(!rules.is_empty(), |before| *before != rules) {
                effects.push(Effect::Order(Command::SetRules { socket, rules: rules.clone() }));
            }
            self.known_rules.insert(socket, (rules, wrong));
        }
    }

    /// Why some rules can't be applied, one sentence each, without a full stop.
    pub(in crate::ui) fn wrong_rules(&self) -> Vec<&str> {
        let known = self.roots.iter().filter_map(|root| self.known_rules.get(root));
        let mut all: Vec<&str> = Vec::new();
        for why in known.flat_map(|(_, wrong)| wrong) {
            // A rule is wrong on each of its sockets.
            if !all.contains(&why.as_str()) {
                all.push(why);
            }
        }
        all
    }
}

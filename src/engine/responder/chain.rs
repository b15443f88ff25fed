//! When two sockets of this bench answer each other for ever: each knows how many replies in a row have led to what it
//! sent last, and a message has as many behind it as its sender.
//!
//! Owns how many are enough. What is sent by anyone but a rule begins anew. Who is outside can't be asked, and is never
//! cut off.

use std::sync::Arc;

use super::partners::Key;
use super::work::Work;
use crate::contract::{Address, LOOP_WITH};
use crate::rule::{Reply, Rule};

/// How many replies in a row two sockets of this bench may give each other.
const MAX_CHAIN: u32 = 100;

impl Work {
    /// How many replies in a row have led to what came; `None` where they are so many that it gets none.
    pub(super) fn chain(&self, rule: &Arc<Rule>, from: Option<&Address>) -> Option<u32> {
        let partners = self.table.partners();
        let mut known = self.partner.borrow_mut();
        if known.0 != partners.changes() || known.1.as_ref() != from {
            let found = match from {
                Some(from) => partners.find(&Key::of_datagrams(from)),
                // As long as its key is not known, it is looked for each time.
                None if self.peer_key.get().is_none() => return Some(0),
                None => self.peer_key.get().and_then(|key| partners.find(key)),
            };
            *known = (partners.changes(), from.cloned(), found);
        }
        let Some(partner) = &known.2 else { return Some(0) };
        let chain = partner.chain();
        if chain < MAX_CHAIN || rule.reply == Reply::Nothing {
            self.told_of_chain.set(false);
            return Some(chain);
        }
        if !self.told_of_chain.replace(true) {
            let who = if self.id == partner.id { "it has answered itself" } else { "they have answered each other" };
            let what = format!("{LOOP_WITH}{}: {who} {MAX_CHAIN} times in a row", partner.id.get());
            self.note(rule, format!("{what}, and no reply follows. Change a rule, or send something to begin anew"));
        }
        None
    }
}

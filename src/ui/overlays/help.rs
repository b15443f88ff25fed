//! The keys, made from the rows of the actions.

use std::fmt::Write;

use super::message;
use crate::ui::action::Scope;
use crate::ui::{Ui, actions};

/// Shows the keys of the present pane first, then those of everywhere, then the rest.
pub(in crate::ui) fn open(ui: &mut Ui) {
    let here = ui.focus.scope();
    let mut scopes = vec![here, Scope::Anywhere];
    scopes.extend(Scope::ALL.into_iter().filter(|scope| *scope != here && *scope != Scope::Anywhere));
    let mut text = String::new();
    for scope in scopes {
        text.push_str(scope.title());
        text.push('\n');
        for action in actions().filter(|action| action.scope == scope) {
            let keys = ui.keymap.keys_of(action.name).join(" ");
            if !keys.is_empty() {
                let _ = writeln!(text, "  {keys:<14} {}", action.help);
            }
        }
        text.push('\n');
    }
    text.push_str("Esc closes what is open, clears the filter, then goes to the input. It never quits.\n");
    text.push_str("Whatever has no key is in the palette.");
    message::open(ui, "Help", &text);
}

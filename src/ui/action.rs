//! What the user can do: one row an action.
//!
//! The keymap, the palette, the help, the hints on the status line, the validation of the config and the `list actions`
//! table all come from these rows. A row stands beside the pane that it belongs to; the rows that belong to none stand
//! here.

use super::overlays::{help, new_socket, palette, profiles, quit, rules, transfers};
use super::{Effect, Pane, Ui, panes, scenarios};

/// Where an action's keys act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// In every pane.
    Anywhere,
    /// In the list of sockets.
    Sockets,
    /// In the log.
    Log,
    /// In the inspector.
    Inspector,
    /// In the input.
    Input,
}

impl Scope {
    /// Every scope, in the order in which help shows them.
    pub const ALL: [Self; 5] = [Self::Anywhere, Self::Sockets, Self::Log, Self::Inspector, Self::Input];

    /// The scope's name, for help and documentation.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Anywhere => "Anywhere",
            Self::Sockets => "Sockets",
            Self::Log => "Log",
            Self::Inspector => "Inspector",
            Self::Input => "Input",
        }
    }
}

/// One thing that the user can do.
pub struct ActionSpec {
    /// As it stands in the config: `new-socket`.
    pub name: &'static str,
    /// Where its keys act. The palette offers it anywhere.
    pub scope: Scope,
    /// The keys it has unless the config says otherwise, as the config would write them.
    pub keys: &'static [&'static str],
    /// What it does, in a few words.
    pub help: &'static str,
    /// Does it. Called only where `available` agrees.
    pub(super) run: fn(&mut Ui),
    /// Whether it can be done now, or why not.
    pub(super) available: fn(&Ui) -> Result<(), &'static str>,
}

impl std::fmt::Debug for ActionSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ActionSpec").field("name", &self.name).field("scope", &self.scope).finish_non_exhaustive()
    }
}

/// For actions that can always be done.
#[expect(clippy::unnecessary_wraps, reason = "it stands where others say why not")]
pub(super) const fn always(_: &Ui) -> Result<(), &'static str> {
    Ok(())
}

/// Every action, by scope.
pub fn actions() -> impl Iterator<Item = &'static ActionSpec> {
    [
        GLOBAL,
        panes::sockets::ACTIONS,
        panes::log::ACTIONS,
        panes::log::preview::ACTIONS,
        panes::log::timeline::ACTIONS,
        panes::log::times::ACTIONS,
        panes::log::marks::ACTIONS,
        panes::inspector::ACTIONS,
        panes::input::ACTIONS,
        scenarios::ACTIONS,
    ]
    .into_iter()
    .flatten()
}

/// The action of this name.
pub(super) fn named(name: &str) -> Option<&'static ActionSpec> {
    actions().find(|action| action.name == name)
}

static GLOBAL: &[ActionSpec] = &[
    ActionSpec {
        name: "next-pane",
        scope: Scope::Anywhere,
        keys: &["tab"],
        help: "next pane",
        run: |ui| ui.turn_focus(1),
        available: always,
    },
    ActionSpec {
        name: "previous-pane",
        scope: Scope::Anywhere,
        keys: &["backtab"],
        help: "previous pane",
        run: |ui| ui.turn_focus(-1),
        available: always,
    },
    ActionSpec {
        name: "new-socket",
        scope: Scope::Anywhere,
        keys: &["ctrl-n"],
        help: "open a new socket",
        run: |ui| new_socket::open(ui, None),
        available: always,
    },
    ActionSpec {
        name: "palette",
        scope: Scope::Anywhere,
        keys: &["ctrl-p"],
        help: "every command, and any endpoint URL",
        run: palette::open,
        available: always,
    },
    ActionSpec {
        name: "help",
        scope: Scope::Anywhere,
        keys: &["f1", "ctrl-g"],
        help: "the keys",
        run: help::open,
        available: always,
    },
    ActionSpec {
        name: "profiles",
        scope: Scope::Anywhere,
        keys: &["ctrl-o"],
        help: "load a profile",
        run: |ui| ui.effects.push(Effect::ListProfiles),
        available: always,
    },
    ActionSpec {
        name: "save-profile",
        scope: Scope::Anywhere,
        keys: &["ctrl-s"],
        help: "save the bench as a profile",
        run: profiles::save,
        available: always,
    },
    ActionSpec {
        name: "save-profile-as",
        scope: Scope::Anywhere,
        keys: &[],
        help: "save the bench as another profile",
        run: profiles::save_as,
        available: always,
    },
    ActionSpec {
        name: "filter",
        scope: Scope::Anywhere,
        keys: &["ctrl-f"],
        help: "filter the log",
        run: panes::log::edit_filter,
        available: always,
    },
    ActionSpec {
        name: "rules",
        scope: Scope::Anywhere,
        keys: &["ctrl-v"],
        help: "the rules: what answers by itself",
        run: rules::open,
        available: always,
    },
    ActionSpec {
        name: "stop-replay",
        scope: Scope::Anywhere,
        keys: &[],
        help: "stop the replay",
        run: Ui::stop_replay,
        available: |ui| if ui.bench.replay.is_some() { Ok(()) } else { Err("no replay runs") },
    },
    ActionSpec {
        name: "cancel-export",
        scope: Scope::Anywhere,
        keys: &[],
        help: "end the export that is under way, of which nothing is left",
        run: transfers::cancel_export,
        available: transfers::can_cancel_export,
    },
    ActionSpec {
        name: "redraw",
        scope: Scope::Anywhere,
        keys: &["ctrl-l"],
        help: "draw the whole screen anew",
        run: |ui| ui.effects.push(Effect::Redraw),
        available: always,
    },
    ActionSpec {
        name: "toggle-mouse",
        scope: Scope::Anywhere,
        keys: &[],
        help: "give the mouse to the terminal, or take it back",
        run: Ui::toggle_mouse,
        available: always,
    },
    ActionSpec {
        name: "suspend",
        scope: Scope::Anywhere,
        keys: &["ctrl-z"],
        help: "back to the shell; fg returns",
        run: |ui| ui.effects.push(Effect::Suspend),
        available: always,
    },
    ActionSpec {
        name: "quit",
        scope: Scope::Anywhere,
        keys: &["ctrl-q"],
        help: "quit",
        run: quit::ask,
        available: always,
    },
    ActionSpec {
        name: "go-to-sockets",
        scope: Scope::Anywhere,
        keys: &[],
        help: "to the list of sockets",
        run: |ui| ui.focus_on(Pane::Sockets),
        available: always,
    },
    ActionSpec {
        name: "go-to-log",
        scope: Scope::Anywhere,
        keys: &[],
        help: "to the log",
        run: |ui| ui.focus_on(Pane::Log),
        available: always,
    },
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_and_helped() {
        let mut names = HashSet::new();
        for action in actions() {
            assert!(names.insert(action.name), "{} twice", action.name);
            assert!(!action.help.is_empty() && !action.help.ends_with('.'), "{}", action.name);
            assert!(action.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{}", action.name);
        }
    }
}

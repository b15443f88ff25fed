//! Which key does what: the rows' own keys, and what the config makes of them.

use std::collections::HashMap;

use crokey::{KeyCombination, KeyCombinationFormat};
use crossterm::event::{KeyEvent, KeyModifiers};

use super::action::{ActionSpec, Scope, actions, named};

/// Keys to actions, by scope.
#[derive(Debug)]
pub struct Keymap {
    actions: HashMap<(Scope, KeyCombination), &'static ActionSpec>,
    keys: HashMap<&'static str, Vec<KeyCombination>>,
}

/// A key binding of the config that can't be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindingError(pub String);

impl Default for Keymap {
    fn default() -> Self {
        let mut keymap = Self { actions: HashMap::new(), keys: HashMap::new() };
        for action in actions() {
            // A row's own keys are held by a test to be keys, and not to stand in each other's way.
            let keys = action.keys.iter().filter_map(|key| key.parse().ok()).collect();
            keymap.put(action, keys);
        }
        keymap
    }
}

impl Keymap {
    /// Gives an action other keys than its own; none at all takes them away.
    ///
    /// # Errors
    /// When there is no such action, a key is not a key, or it belongs to another action in the same place: then
    /// nothing is changed.
    pub fn bind(&mut self, name: &str, keys: &[String]) -> Result<(), BindingError> {
        let Some(action) = named(name) else {
            return Err(BindingError(format!("no action `{name}`; `sockbench list actions` shows them all")));
        };
        let mut combinations = Vec::new();
        for key in keys {
            let combination: KeyCombination =
                key.parse().map_err(|_| BindingError(format!("`{key}` is not a key; write ctrl-n, f1 or shift-x")))?;
            if let Some(other) = self.actions.get(&(action.scope, combination))
                && other.name != action.name
            {
                return Err(BindingError(format!("`{key}` is the key of {} there", other.name)));
            }
            combinations.push(combination);
        }
        self.put(action, combinations);
        Ok(())
    }

    /// What this key does in this pane's scope: the pane's own binding before the one that holds anywhere.
    #[must_use]
    pub fn action(&self, scope: Scope, key: KeyEvent) -> Option<&'static ActionSpec> {
        let key = KeyCombination::from(key);
        self.actions.get(&(scope, key)).or_else(|| self.actions.get(&(Scope::Anywhere, key))).copied()
    }

    /// An action's keys as help shows them: `^N`, `F1`, `Enter`.
    #[must_use]
    pub fn keys_of(&self, name: &str) -> Vec<String> {
        self.keys.get(name).into_iter().flatten().map(|key| show(*key)).collect()
    }

    /// The first of an action's keys, if it has any.
    pub(super) fn key_of(&self, name: &str) -> Option<String> {
        self.keys.get(name)?.first().map(|key| show(*key))
    }

    fn put(&mut self, action: &'static ActionSpec, keys: Vec<KeyCombination>) {
        self.actions.retain(|_, other| other.name != action.name);
        for key in &keys {
            self.actions.insert((action.scope, *key), action);
        }
        self.keys.insert(action.name, keys);
    }
}

fn show(key: KeyCombination) -> String {
    let text = KeyCombinationFormat::default().with_control("^").with_implicit_shift().to_string(key);
    if text == "BackTab" {
        return "Shift-Tab".to_owned();
    }
    // Only of a letter does its case tell.
    if key.modifiers.contains(KeyModifiers::SHIFT) && text.chars().count() > 1 && !text.contains("Shift") {
        return format!("Shift-{text}");
    }
    // A letter is written as every terminal program's user reads it: `^N`.
    match text.strip_prefix('^') {
        Some(rest) if rest.chars().count() == 1 => format!("^{}", rest.to_uppercase()),
        Some(rest) if !rest.is_empty() => format!("Ctrl-{rest}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_a_row_is_a_key_and_is_alone_in_its_scope() {
        let mut seen: HashMap<(Scope, KeyCombination), &str> = HashMap::new();
        for action in actions() {
            for key in action.keys {
                let combination: KeyCombination = key.parse().unwrap_or_else(|_| panic!("{}: {key}", action.name));
                let clash = seen.insert((action.scope, combination), action.name);
                assert_eq!(clash, None, "{key} is also {}", action.name);
            }
        }
    }

    #[test]
    fn keys_are_shown_as_users_know_them() {
        let keymap = Keymap::default();
        assert_eq!(keymap.keys_of("new-socket"), ["^N"]);
        assert_eq!(keymap.keys_of("help"), ["F1", "^G"]);
        assert_eq!(keymap.keys_of("abort"), ["X"]);
        assert_eq!(keymap.keys_of("send"), ["Enter"]);
        assert_eq!(keymap.keys_of("inspector-select-down"), ["Shift-Down"]);
    }

    #[test]
    fn the_config_binds_anew_and_is_refused_where_it_can_not() {
        let mut keymap = Keymap::default();
        assert_eq!(keymap.bind("new-socket", &["f2".to_owned()]), Ok(()));
        assert_eq!(keymap.keys_of("new-socket"), ["F2"]);
        assert_eq!(keymap.bind("help", &[]), Ok(()));
        assert!(keymap.keys_of("help").is_empty());
        assert!(keymap.bind("fly", &["f2".to_owned()]).is_err());
        assert!(keymap.bind("quit", &["ctrl-nothing".to_owned()]).is_err());
        assert!(keymap.bind("quit", &["f2".to_owned()]).is_err());
        assert_eq!(keymap.keys_of("quit"), ["^Q"]);
    }
}

//! Where a key, a paste and the mouse go: to what lies over the panes, to an action, or to the pane in focus.
//!
//! Owns what has the focus and who may take it. It never knows what a key does: that is a row of the actions.

use std::time::{Duration, Instant};

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::overlays::{Next, Overlay};
use super::panes::input;
use super::panes::inspector::{self, compare};
use super::panes::log::{self, find, selection};
use super::turning::turned;
use super::{ActionSpec, Effect, Notice, Pane, Scope, Ui};

/// The actions whose keys act while an overlay is open, too.
const OVER_OVERLAYS: &[&str] = &["redraw", "suspend", "quit"];

impl Ui {
    /// Takes in what the terminal reports; true if the screen may look different now.
    pub fn handle(&mut self, event: Event) -> bool {
        let _held = self.look.repertoire.hold();
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.key(key),
            Event::Paste(text) => self.paste(&text),
            Event::Mouse(mouse) => return self.mouse(mouse),
            Event::Resize(..) => {}
            Event::Key(_) | Event::FocusGained | Event::FocusLost => return false,
        }
        true
    }

    fn key(&mut self, key: KeyEvent) {
        if self.notice.as_ref().is_some_and(Notice::was_read) {
            self.notice = None;
        }
        let anywhere = self.keymap.action(Scope::Anywhere, key);
        let asked = self.overlays.last().is_some_and(|overlay| overlay.is_question());
        // Other keys are what an overlay is made for: to type, to choose, to close it.
        let leaves = key.modifiers.contains(KeyModifiers::CONTROL) && !asked;
        let acts = |action: &&ActionSpec| OVER_OVERLAYS.contains(&action.name) && (leaves || action.name != "quit");
        if self.overlays.is_empty() {
            self.pane_key(key);
        } else if let Some(action) = anywhere.filter(acts) {
            self.run(action);
        } else {
            self.with_overlay(|overlay, ui| overlay.key(key, ui));
        }
    }

    fn pane_key(&mut self, key: KeyEvent) {
        if let Some(action) = self.keymap.action(self.focus.scope(), key) {
            self.run(action);
        } else if key.code == KeyCode::Esc {
            self.escape();
        } else if self.focus == Pane::Input {
            input::type_key(self, key);
        }
    }

    /// Runs an action, or says why it can't be run now.
    pub(in crate::ui) fn run(&mut self, action: &'static ActionSpec) {
        match (action.available)(self) {
            Ok(()) => (action.run)(self),
            Err(why) => self.tell(Notice::warning(format!("Not possible: {why}."))),
        }
    }

    /// Esc without an overlay: stops a scenario or a replay, ends a selection or a comparison, then find, clears the
    /// filter, then goes to the input. It never quits.
    fn escape(&mut self) {
        if self.bench.scenarios.running.is_some() {
            self.stop_scenario();
            return;
        }
        if self.bench.replay.is_some() {
            self.stop_replay();
            return;
        }
        if self.focus == Pane::Inspector && inspector::escape(self) || selection::clear(self) || compare::end(self) {
            return;
        }
        if self.bench.find.is_some() {
            find::look_for(self, "", None, None);
        } else if self.bench.view.filter().text().is_empty() {
            self.focus = Pane::Input;
        } else {
            self.set_filter("");
        }
    }

    fn paste(&mut self, text: &str) {
        if self.overlays.is_empty() {
            self.focus = Pane::Input;
            self.has_typed();
            self.input.paste(self.target.as_ref(), &self.bench, text);
        } else {
            // What is copied as a line has its end with it, which is no part of what a field of one line asks for.
            let text = text.trim_end_matches(['\r', '\n']);
            self.with_overlay(|overlay, ui| {
                overlay.paste(text, ui);
                Next::Stay
            });
        }
    }

    pub(in crate::ui) fn with_overlay(&mut self, act: impl FnOnce(&mut dyn Overlay, &mut Self) -> Next) {
        if let Some(place) = self.overlays.len().checked_sub(1) {
            self.with_overlay_at(place, act);
        }
    }

    /// Lends an overlay out of the stack while it acts, so that it can act on all the rest, and open others.
    pub(in crate::ui) fn with_overlay_at(
        &mut self,
        place: usize,
        act: impl FnOnce(&mut dyn Overlay, &mut Self) -> Next,
    ) {
        let mut overlay = self.overlays.remove(place);
        if act(overlay.as_mut(), self) == Next::Stay {
            self.overlays.insert(place.min(self.overlays.len()), overlay);
        }
    }

    fn mouse(&mut self, mouse: MouseEvent) -> bool {
        let (x, y) = (mouse.column, mouse.row);
        let wheel = match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) => 0,
            MouseEventKind::ScrollUp => -3,
            MouseEventKind::ScrollDown => 3,
            MouseEventKind::Drag(MouseButton::Left) if self.overlays.is_empty() => return self.drag(x, y),
            _ => return false,
        };
        if self.notice.as_ref().is_some_and(Notice::was_read) {
            self.notice = None;
        }
        if !self.overlays.is_empty() {
            self.with_overlay(|overlay, ui| overlay.mouse(x, y, wheel, ui));
        } else if wheel != 0 {
            match self.layout.pane_at(x, y) {
                Some(Pane::Log) => self.bench.view.scroll_by(wheel as isize),
                Some(Pane::Sockets) => self.move_in_list(wheel.signum()),
                Some(Pane::Inspector) => inspector::scroll_by(self, wheel as isize),
                Some(Pane::Input) | None => {}
            }
        } else {
            self.click(x, y);
        }
        true
    }

    /// The mouse moves with its button down: what began in the log selects rows, and in the inspector bytes.
    fn drag(&mut self, x: u16, y: u16) -> bool {
        let began = self.last_click.and_then(|(_, x, y)| self.layout.pane_at(x, y));
        if began == Some(Pane::Inspector) {
            return inspector::drag(self, x, y);
        }
        if began == Some(Pane::Log) {
            selection::drag(self, y);
        }
        began == Some(Pane::Log)
    }

    fn click(&mut self, x: u16, y: u16) {
        let now = Instant::now();
        let double = self.last_click.is_some_and(|(at, last_x, last_y)| {
            (last_x, last_y) == (x, y) && now.duration_since(at) < Duration::from_millis(400)
        });
        self.last_click = Some((now, x, y));
        let button = self.buttons.iter().find(|(area, _)| area.contains((x, y).into()));
        if let Some((_, action)) = button {
            self.run(action);
            return;
        }
        let Some(pane) = self.layout.pane_at(x, y) else { return };
        self.focus = pane;
        match pane {
            Pane::Sockets => {
                if let Some(entry) = self.sockets.entry_at(y) {
                    self.select(entry);
                }
            }
            Pane::Log => {
                log::click(self, y);
                if double {
                    inspector::show_row(self);
                }
            }
            Pane::Inspector => inspector::click(self, x, y),
            Pane::Input => self.input.click(self.target.as_ref(), x, y),
        }
    }

    pub(in crate::ui) fn focus_on(&mut self, pane: Pane) {
        self.focus = pane;
    }

    pub(in crate::ui) fn turn_focus(&mut self, by: isize) {
        // The inspector has a turn only where it has a place of its own.
        let turns: Vec<Pane> = Pane::ALL
            .into_iter()
            .filter(|pane| {
                *pane != Pane::Inspector || self.focus == Pane::Inspector || !self.layout.inspector.is_empty()
            })
            .collect();
        self.focus = turned(&turns, self.focus, by);
    }

    pub(in crate::ui) fn toggle_mouse(&mut self) {
        self.mouse = !self.mouse;
        self.effects.push(Effect::Mouse(self.mouse));
        self.tell_good(if self.mouse {
            "The mouse works the bench; M in the log gives it back to the terminal."
        } else {
            "The mouse is the terminal's, for selecting; M in the log takes it back."
        });
    }
}

//! The rules of the bench: which there are, in their order, how often each applied, and the keys that change them.

mod editor;
mod presets;
mod trial;
pub(in crate::ui) mod words;

use std::cell::Cell;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;

use super::{Next, Overlay, window};
use crate::log::sanitise::Printable;
use crate::profile::{PatternEntry, RuleEntry, WhenEntry};
use crate::rule::Once;
use crate::ui::Ui;
use crate::ui::canvas::Canvas;
use crate::ui::figures::grouped;
use crate::ui::widgets::paragraph::put_wrapped;
use presets::PRESETS;

/// The rows below the list: what the chosen rule does, the presets, and the keys.
const REST: u16 = 6;

#[derive(Default)]
struct Rules {
    /// Which has the keys; where it is past the last one, that does.
    chosen: usize,
    /// What was deleted, and from where, the last one last.
    deleted: Vec<(usize, RuleEntry)>,
    /// Where the rules were drawn, and the first of them.
    drawn: Cell<(Rect, usize)>,
}

/// Shows the rules of the bench.
pub(in crate::ui) fn open(ui: &mut Ui) {
    let root = presets::chosen_root(ui).map(|root| ui.bench.roster.name(root));
    // The first that is on what is selected is meant most likely.
    let chosen = root.and_then(|root| {
        ui.bench.profile.contents.rules.iter().position(|rule| rule.on.is_some() && rule.is_on(&root))
    });
    ui.overlays.push(Box::new(Rules { chosen: chosen.unwrap_or(0), ..Rules::default() }));
}

impl Rules {
    fn at(&self, ui: &Ui) -> usize {
        self.chosen.min(ui.bench.profile.contents.rules.len().saturating_sub(1))
    }

    fn move_by(&mut self, by: isize, ui: &Ui) {
        self.chosen = self.at(ui).saturating_add_signed(by);
        self.chosen = self.at(ui);
    }

    /// Moves the chosen rule up or down among the others, which decides who answers first.
    fn carry(&mut self, by: isize, ui: &mut Ui) {
        let (from, to) = (self.at(ui), self.at(ui).saturating_add_signed(by));
        let rules = &mut ui.bench.profile.contents.rules;
        if to < rules.len() && to != from {
            rules.swap(from, to);
            self.chosen = to;
            ui.settle_rules();
        }
    }

    fn toggle(&self, ui: &mut Ui) {
        let at = self.at(ui);
        if let Some(rule) = ui.bench.profile.contents.rules.get_mut(at) {
            rule.enabled = !rule.enabled;
            let said = if rule.enabled { format!("{} holds", rule.name) } else { format!("{} is off", rule.name) };
            ui.tell_good(said);
            ui.settle_rules();
        }
    }

    fn delete(&mut self, ui: &mut Ui) {
        let at = self.at(ui);
        if at < ui.bench.profile.contents.rules.len() {
            let rule = ui.bench.profile.contents.rules.remove(at);
            ui.tell_good(format!("{} is deleted; u takes that back", rule.name));
            self.deleted.push((at, rule));
            ui.settle_rules();
        }
    }

    fn undelete(&mut self, ui: &mut Ui) {
        let Some((place, mut rule)) = self.deleted.pop() else { return };
        let known = |name: &String| ui.bench.profile.contents.sockets.iter().any(|socket| socket.name == *name);
        if let Some(on) = &mut rule.on {
            on.retain(known);
        }
        rule.name = ui.bench.profile.free_rule_name(&rule.name);
        self.chosen = place.min(ui.bench.profile.contents.rules.len());
        ui.tell_good(format!("{} is back", rule.name));
        ui.bench.profile.contents.rules.insert(self.chosen, rule);
        ui.settle_rules();
    }

    /// How many deleted rules come back, one by one.
    fn undo_hint(&self) -> String {
        match self.deleted.len() {
            0 => String::new(),
            1 => "  u undelete".to_owned(),
            count => format!("  u undelete ({count})"),
        }
    }

    fn letter(&mut self, letter: char, ui: &mut Ui) -> Next {
        match letter {
            'q' => return Next::Close,
            'j' => self.move_by(1, ui),
            'k' => self.move_by(-1, ui),
            'J' | '+' => self.carry(1, ui),
            'K' | '-' => self.carry(-1, ui),
            ' ' => self.toggle(ui),
            'e' => self.edit(ui),
            'n' => {
                editor::open(ui, None);
                self.chosen = usize::MAX;
            }
            'd' => self.delete(ui),
            'u' => self.undelete(ui),
            key => {
                if let Some(preset) = PRESETS.iter().find(|preset| preset.key == key) {
                    preset.make(ui);
                    // It comes behind all others, also where it asks something before.
                    self.chosen = usize::MAX;
                }
            }
        }
        Next::Stay
    }

    fn edit(&self, ui: &mut Ui) {
        let at = self.at(ui);
        if at < ui.bench.profile.contents.rules.len() {
            editor::open(ui, Some(at));
        }
    }
}

impl Overlay for Rules {
    fn key(&mut self, key: KeyEvent, ui: &mut Ui) -> Next {
        let with_shift = key.modifiers.contains(KeyModifiers::SHIFT);
        if key.modifiers == KeyModifiers::CONTROL && key.code == KeyCode::Char('s') {
            super::profiles::save(ui);
            return Next::Stay;
        }
        if key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) {
            return Next::Stay;
        }
        match key.code {
            KeyCode::Esc => return Next::Close,
            KeyCode::Enter => self.edit(ui),
            KeyCode::Down if with_shift => self.carry(1, ui),
            KeyCode::Up if with_shift => self.carry(-1, ui),
            KeyCode::Down | KeyCode::Tab => self.move_by(1, ui),
            KeyCode::Up | KeyCode::BackTab => self.move_by(-1, ui),
            KeyCode::PageDown => self.move_by(10, ui),
            KeyCode::PageUp => self.move_by(-10, ui),
            KeyCode::Home => self.chosen = 0,
            KeyCode::End => self.move_by(isize::MAX, ui),
            KeyCode::Delete => self.delete(ui),
            KeyCode::Char(letter) => return self.letter(letter, ui),
            _ => {}
        }
        Next::Stay
    }

    fn mouse(&mut self, x: u16, y: u16, wheel: i32, ui: &mut Ui) -> Next {
        let (rows, first) = self.drawn.get();
        if wheel != 0 {
            self.move_by(wheel.signum() as isize, ui);
        } else if rows.contains((x, y).into()) {
            let index = first + usize::from(y - rows.y);
            if index == self.at(ui) {
                self.edit(ui);
            } else if index < ui.bench.profile.contents.rules.len() {
                self.chosen = index;
            }
        }
        Next::Stay
    }

    fn render(&self, canvas: &mut Canvas<'_>, screen: Rect, ui: &Ui) {
        let rules = &ui.bench.profile.contents.rules;
        if rules.is_empty() {
            render_empty(canvas, screen, ui, &self.undo_hint());
            return;
        }
        let look = &ui.look;
        let width = screen.width.saturating_sub(4).min(120);
        let rows = u16::try_from(rules.len()).unwrap_or(u16::MAX).max(4);
        let height = rows.saturating_add(REST + 4).min(screen.height.saturating_sub(2));
        let inside = window(canvas, screen, ui, "Rules: the first that matches answers", width, height);
        // On a small screen the rules themselves come first.
        let rest = if inside.height > REST + 5 { REST } else { 1 };
        let area = Rect { y: inside.y + 1, height: inside.height.saturating_sub(rest + 2), ..inside };
        let names = rules.iter().map(|rule| Printable::text(&rule.name).width()).max().unwrap_or(0);
        let places = rules.iter().map(|rule| Printable::text(&words::on(rule)).width()).max().unwrap_or(0);
        let column = |wanted: usize, most: u16| u16::try_from(wanted).unwrap_or(u16::MAX).clamp(4, most);
        let (name_width, on_width) = (column(names, area.width / 4), column(places, area.width / 5));
        let on_x = area.x + 3 + name_width + 1;
        let does_x = on_x + on_width + 1;
        let mut put = |x: u16, y: u16, end: u16, text: &str, style| {
            let text = Printable::text(text).truncate(usize::from(end.saturating_sub(x)), look.marks.ellipsis);
            canvas.put(x, y, end, &text, style)
        };
        put(area.x + 3, inside.y, on_x, "NAME", look.dim);
        put(on_x, inside.y, does_x, "ON", look.dim);
        put(does_x, inside.y, area.right(), &format!("WHEN {} SENDS", look.marks.arrow), look.dim);
        put(area.right().saturating_sub(5), inside.y, area.right(), "HITS", look.dim);
        let chosen = self.at(ui);
        let first = (chosen + 1).saturating_sub(usize::from(area.height.max(1)));
        self.drawn.set((area, first));
        for (y, rule) in (area.y..area.bottom()).zip(rules.iter().skip(first)) {
            let (mark, style) = if rule.enabled { (look.marks.open, look.good) } else { (look.marks.closed, look.dim) };
            let text = if rule.enabled { look.text } else { look.dim };
            put(area.x + 1, y, area.right(), mark, style);
            put(area.x + 3, y, on_x - 1, &rule.name, text);
            put(on_x, y, does_x - 1, &words::on(rule), text);
            let hits = grouped(rule.hits.get());
            let hits_x = area.right().saturating_sub(u16::try_from(hits.len() + 1).unwrap_or(0));
            let does = format!("{} {} {}", words::when(&rule.when), look.marks.arrow, words::does(rule));
            put(does_x, y, hits_x.saturating_sub(1), &does, text);
            put(hits_x, y, area.right(), &hits, if rule.hits.get() > 0 { look.key } else { look.dim });
        }
        if let Some(row) = chosen.checked_sub(first).and_then(|row| u16::try_from(row).ok()) {
            canvas.style(Rect { y: area.y + row, height: 1, ..area }, look.selected);
        }
        let bottom = inside.bottom().saturating_sub(1);
        if rest < REST {
            let keys = "Enter edits  n new  Space on/off  Esc closes";
            canvas.put(inside.x, bottom, inside.right(), &Printable::text(keys), look.dim);
            return;
        }
        let below = Rect { y: area.bottom() + 1, height: 2, ..inside };
        if let Some(rule) = rules.get(chosen) {
            match why_silent(ui, chosen) {
                Some(why) => put_wrapped(canvas, below, &Printable::text(&why), look.warning),
                None => put_wrapped(canvas, below, &Printable::text(&in_full(ui, rule)), look.text),
            };
        }
        let presets: Vec<_> = PRESETS.iter().map(|preset| format!("{} {}", preset.key, preset.name)).collect();
        let presets = format!("One key: {}", presets.join("  "));
        let undo = self.undo_hint();
        for (y, text) in [
            (bottom.saturating_sub(2), presets),
            (bottom.saturating_sub(1), "Enter edits  n new  Space on/off  d deletes".to_owned() + &undo),
            (bottom, "Shift-Up/Down order  ^S saves  Esc closes".to_owned()),
        ] {
            canvas.put(inside.x, y, inside.right(), &Printable::text(&text), look.dim);
        }
    }
}

/// What the bench knows of the rule of this name.
pub(in crate::ui) fn about(ui: &Ui, name: &str) -> String {
    let key = ui.keymap.key_of("rules").map(|key| format!("; {key} shows the rules")).unwrap_or_default();
    match ui.bench.profile.contents.rules.iter().find(|rule| rule.name == name) {
        Some(rule) => {
            let times = match rule.hits.get() {
                1 => "once".to_owned(),
                hits => format!("{} times", grouped(hits)),
            };
            format!("{}; applied {times} so far{key}", in_full(ui, rule))
        }
        None => format!("no rule is called so any more{key}"),
    }
}

/// All that a rule says.
fn in_full(ui: &Ui, rule: &RuleEntry) -> String {
    format!("on {}: {} {} {}", words::on(rule), words::when(&rule.when), ui.look.marks.arrow, words::does(rule))
}

/// Why a rule never answers as it stands, if that is plain.
pub(in crate::ui) fn why_silent(ui: &Ui, index: usize) -> Option<String> {
    let rules = &ui.bench.profile.contents.rules;
    let rule = rules.get(index)?;
    let wrong = ui.bench.wrong_rules();
    let prefix = format!("rule {}: ", rule.name);
    if let Some(why) = wrong.iter().find_map(|why| why.strip_prefix(&prefix)) {
        return Some(format!("It can't be applied: {why}."));
    }
    if !rule.enabled {
        return Some("It is off; Space turns it on.".to_owned());
    }
    if rule.on.as_ref().is_some_and(Vec::is_empty) {
        return Some("It is on no socket; Enter, and then `on`, names one.".to_owned());
    }
    let mut sockets = ui.bench.profile.contents.sockets.iter().filter(|socket| rule.is_on(&socket.name)).peekable();
    if sockets.peek().is_some() && sockets.all(|socket| !rule.when.can_come(&socket.endpoint)) {
        return Some("What it waits for never comes on such a socket.".to_owned());
    }
    let any = WhenEntry::Message(PatternEntry::Any);
    let is_for_messages = matches!(rule.when, WhenEntry::Message(_));
    let is_first = |before: &&RuleEntry| {
        let on_all = before.on.is_none() || rule.on.as_ref().is_some_and(|on| on.iter().all(|name| before.is_on(name)));
        let comes = before.when == rule.when || (is_for_messages && before.when == any);
        before.enabled && before.once == Once::Never && comes && on_all
    };
    if let Some(before) = rules[..index].iter().find(is_first) {
        let name = &before.name;
        return Some(format!("{name} stands before it and answers all that this would; Shift-Up moves this one up."));
    }
    ui.bench.profile.missing_folder(rule).map(|why| format!("It finds nothing: {why}."))
}

fn render_empty(canvas: &mut Canvas<'_>, screen: Rect, ui: &Ui, undo: &str) {
    let look = &ui.look;
    let height = u16::try_from(PRESETS.len()).unwrap_or(0) + 12;
    let inside = window(canvas, screen, ui, "Rules", 74, height);
    let about = "A rule answers by itself: when a message or a connection comes, it sends a text, a file or what a \
                 program says, and may close then. The engine does it at once, without the screen.";
    let mut y = inside.y;
    y += put_wrapped(canvas, Rect { y, ..inside }, &Printable::text(about), look.text) + 1;
    let root = presets::chosen_root(ui).map(|root| ui.bench.roster.name(root));
    let root = Printable::text(root.as_deref().unwrap_or("every socket"));
    let begin = Printable::text(&format!("One key makes one for {}:", root.as_str()));
    canvas.put(inside.x, y, inside.right(), &begin, look.dim);
    y += 1;
    for preset in PRESETS {
        let x = canvas.put(inside.x + 1, y, inside.right(), &Printable::text(&preset.key.to_string()), look.key);
        let x = canvas.put(x + 2, y, inside.right(), &Printable::text(&format!("{:<9}", preset.name)), look.title);
        canvas.put(x, y, inside.right(), &Printable::text(preset.help), look.text);
        y += 1;
    }
    let x = canvas.put(inside.x + 1, y, inside.right(), &Printable::text("n"), look.key);
    canvas.put(x + 2, y, inside.right(), &Printable::text("another, in a form that tries it on a message"), look.text);
    let bottom = inside.bottom().saturating_sub(1);
    canvas.put(inside.x, bottom, inside.right(), &Printable::text(&format!("Esc closes{undo}")), look.dim);
}

//! The bookmarks and named marks, to go to, rename or take away.

use crossterm::event::{KeyCode, KeyModifiers};

use super::Next;
use super::picker::{Item, Picker};
use crate::log::Spot;
use crate::ui::Ui;
use crate::ui::panes::log::marks;

pub(in crate::ui) fn open(ui: &mut Ui) {
    let spots: Vec<Spot> = ui.log.marks.iter().map(|(spot, _)| spot).collect();
    let items = ui.log.marks.iter().map(|(spot, mark)| {
        let (label, detail, note) = marks::described(ui, spot, mark);
        let take = Box::new(move |ui: &mut Ui| marks::go_to(ui, spot));
        Item { label, detail, note, unavailable: None, take }
    });
    let picker =
        Picker::new("Bookmarks", "Enter goes there, ^D takes it away, ^R renames it, Esc closes", items.collect());
    ui.overlays.push(Box::new(picker.with_keys(move |ui, key, index| {
        let control = key.modifiers == KeyModifiers::CONTROL;
        let spot = *spots.get(index?)?;
        match key.code {
            KeyCode::Char('d') if control => {}
            KeyCode::Delete => {}
            KeyCode::Char('r') if control => {
                let row = ui.bench.store.row(spot.seq)?;
                marks::ask_name(ui, Some((row, spot)));
                return Some(Next::Close);
            }
            _ => return None,
        }
        ui.log.marks.remove(spot);
        if !ui.log.marks.is_empty() {
            open(ui);
        }
        Some(Next::Close)
    })));
}

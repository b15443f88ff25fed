//! A search in what was sent.

use super::picker::{Item, Picker};
use crate::ui::Ui;

pub(in crate::ui) fn open(ui: &mut Ui) {
    let items = ui
        .input
        .entries(ui.target.as_ref(), &ui.bench)
        .iter()
        .rev()
        .map(|line| {
            let (mode, text) = (line.mode(), line.text.clone());
            Item {
                label: line.text.clone(),
                detail: String::new(),
                note: mode.name().to_owned(),
                unavailable: None,
                take: Box::new(move |ui| ui.input.put(ui.target.as_ref(), &ui.bench, mode, &text)),
            }
        })
        .collect();
    ui.overlays.push(Box::new(Picker::new("Sent before", "Enter takes it into the input", items)));
}

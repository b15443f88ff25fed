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
            let (mode, line) = (line.mode(), line.clone());
            Item {
                label: line.text.clone(),
                detail: line.checksum().map(|checksum| format!("+{checksum}")).unwrap_or_default(),
                note: mode.name().to_owned(),
                unavailable: None,
                take: Box::new(move |ui| ui.input.put_line(ui.target.as_ref(), &ui.bench, &line)),
            }
        })
        .collect();
    ui.overlays.push(Box::new(Picker::new("Sent before", "Enter takes it into the input", items)));
}

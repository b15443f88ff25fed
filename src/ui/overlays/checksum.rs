//! The checksum that goes behind what is typed: one of all there are, the last used first, then
//! those that many protocols have.

use super::picker::{Item, Picker};
use crate::payload::{self, ALGORITHMS, Checksum, Fill, Mode};
use crate::ui::Ui;

/// The longest draft over which every checksum is computed to be shown.
const SHOWN_MOST: usize = 4096;

/// Those that are asked for most, which come before all others.
const COMMON: [&str; 10] = [
    "crc16-modbus",
    "crc32-iso-hdlc",
    "sum8",
    "xor8",
    "lrc",
    "crc16-ibm-3740",
    "crc16-xmodem",
    "crc8-smbus",
    "crc32-iscsi",
    "inet",
];

pub(in crate::ui) fn open(ui: &mut Ui) {
    let current = ui.input.checksum(ui.target.as_ref());
    let payload = ui.input.template(ui.target.as_ref(), &ui.bench).ok();
    let payload = payload.map(|template| template.with_checksum(None).filled(&Fill::default()));
    let payload = payload.filter(|payload| payload.len() <= SHOWN_MOST);
    let recent = ui.input.checksums.iter().copied();
    let all = ALGORITHMS.iter().map(|algorithm| Checksum { algorithm, from: 0, to: None, order: None });
    let mut others: Vec<_> = all.filter(|checksum| !ui.input.checksums.contains(checksum)).collect();
    others.sort_by_key(|checksum| {
        COMMON.iter().position(|name| *name == checksum.algorithm.name).unwrap_or(COMMON.len())
    });
    let items = recent.chain(others).map(|checksum| {
        // What is filled in when it is sent may be another then; its length is not.
        let bytes = payload.as_ref().map(|payload| {
            let mut whole = payload.clone();
            checksum.append(&mut whole);
            payload::show(Mode::Hex, &whole[payload.len()..]).unwrap_or_default()
        });
        let mark = if current == Some(checksum) { " (chosen)" } else { "" };
        item(
            format!("{checksum}{mark}"),
            checksum.algorithm.aliases.join(" "),
            bytes.unwrap_or_default(),
            Some(checksum),
        )
    });
    let none = current.map(|_| item("none".to_owned(), "no checksum".to_owned(), String::new(), None));
    let items = none.into_iter().chain(items).collect();
    let hint = "Enter takes it. A range and an order can be typed: crc16-modbus 1..-1 big";
    ui.overlays.push(Box::new(Picker::new("Checksum behind what is typed", hint, items).or_text(|ui, text| {
        let checksum = text.parse()?;
        ui.input.set_checksum(ui.target.as_ref(), &ui.bench, Some(checksum));
        Ok(())
    })));
}

fn item(label: String, detail: String, note: String, checksum: Option<Checksum>) -> Item {
    let take = Box::new(move |ui: &mut Ui| ui.input.set_checksum(ui.target.as_ref(), &ui.bench, checksum));
    Item { label, detail, note, unavailable: None, take }
}

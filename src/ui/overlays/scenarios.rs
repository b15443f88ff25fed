//! The scenarios of the profile, with the last verdict on each: run one, or look at its report.

use crossterm::event::{KeyCode, KeyModifiers};

use super::confirm::Confirm;
use super::picker::{Item, Picker};
use super::{Next, report};
use crate::scenario::Verdict;
use crate::ui::Ui;
use crate::verdict::{Told, spell};

pub(in crate::ui) fn available(ui: &Ui) -> Result<(), &'static str> {
    if ui.bench.profile.contents.scenarios.is_empty() {
        return Err("the profile has no scenario; S in the log makes one of what was done");
    }
    Ok(())
}

pub(in crate::ui) fn open(ui: &mut Ui) {
    let is_busy = ui.bench.scenarios.running.is_some();
    let entries = ui.bench.profile.contents.scenarios.iter().enumerate();
    let items = entries.map(|(index, entry)| {
        let steps = entry.steps.len();
        let detail = if steps == 1 { "1 step".to_owned() } else { format!("{steps} steps") };
        Item {
            label: entry.name.clone(),
            detail,
            note: ui.bench.scenarios.verdict(&entry.name).map(note).unwrap_or_default(),
            unavailable: is_busy.then(|| "a scenario runs; Esc, and once more Esc, stops it".to_owned()),
            take: Box::new(move |ui: &mut Ui| ui.start_scenario(index)),
        }
    });
    let hint = match &ui.bench.scenarios.running {
        Some((run, _)) => format!("{} runs: Esc, and once more Esc, stops it", run.scenario().name),
        None => "Enter runs it, ^R shows why it failed, ^D deletes it, Esc closes".to_owned(),
    };
    let picker = Picker::new("Scenarios", hint, items.collect()).with_line(|ui, index| {
        let steps =
            ui.bench.profile.contents.scenarios.get(index).map(|entry| entry.steps.as_slice()).unwrap_or_default();
        steps.iter().map(|step| step.action.to_string()).collect::<Vec<_>>().join(" | ")
    });
    ui.overlays.push(Box::new(picker.with_keys(|ui, key, index| {
        let control = key.modifiers == KeyModifiers::CONTROL;
        let name = ui.bench.profile.contents.scenarios.get(index?)?.name.clone();
        match key.code {
            KeyCode::Char('r') if control => {
                let told = ui.bench.scenarios.verdict(&name).filter(|told| !told.verdict.is_passed())?.clone();
                report::open(ui, &told);
                return Some(Next::Stay);
            }
            KeyCode::Char('d') if control => {}
            KeyCode::Delete => {}
            _ => return None,
        }
        delete(ui, name);
        Some(Next::Close)
    })));
}

fn delete(ui: &mut Ui, name: String) {
    let text = format!("{name} goes from the scenarios of the bench; ^S then writes that to the profile.");
    ui.overlays.push(Box::new(Confirm::new("Delete the scenario?", &text, "Delete", move |ui| {
        ui.bench.profile.contents.scenarios.retain(|entry| entry.name != name);
        if available(ui).is_ok() {
            open(ui);
        }
    })));
}

fn note(told: &Told) -> String {
    match &told.verdict {
        Verdict::Passed => format!("passed, {}", spell(told.took)),
        Verdict::Failed(failure) => format!("failed, step {}", failure.step),
    }
}

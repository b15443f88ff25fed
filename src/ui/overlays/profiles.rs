//! Profiles: which one to load, under which name to save, and what to do when a file stands in the way.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::confirm::Confirm;
use super::message;
use super::picker::{Item, Picker};
use super::prompt::Prompt;
use crate::profile::{Invalid, Profile, SaveError};
use crate::ui::notice::Notice;
use crate::ui::panes::sockets::{Entry, SocketsPane};
use crate::ui::{Effect, Pane, Ui};

/// Shows the profiles of the folder; a path can be typed.
pub(in crate::ui) fn open(ui: &mut Ui, paths: Vec<PathBuf>) {
    let items = paths
        .into_iter()
        .map(|path| Item {
            label: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            detail: path.parent().map(|folder| folder.display().to_string()).unwrap_or_default(),
            note: String::new(),
            unavailable: None,
            take: Box::new(move |ui| load(ui, path.clone())),
        })
        .collect();
    let hint = "Enter loads; the path of a profile elsewhere can be typed";
    ui.overlays.push(Box::new(Picker::new("Profiles", hint, items).or_text(|ui, text| {
        let text = text.trim();
        if !text.contains('/') && Path::new(text).extension().is_none() {
            return Err("no profile of that name; a path has a / or an ending".to_owned());
        }
        load(ui, PathBuf::from(text));
        Ok(())
    })));
}

fn load(ui: &mut Ui, path: PathBuf) {
    let open = ui.bench.open_sockets();
    let unsaved = ui.bench.profile.is_modified() && ui.bench.roster.roots().next().is_some();
    if open == 0 && !unsaved {
        ui.effects.push(Effect::LoadProfile(path));
        return;
    }
    let mut text = String::new();
    if open > 0 {
        let sockets = if open == 1 { "socket" } else { "sockets" };
        let _ = write!(text, "{open} open {sockets} will be closed. ");
    }
    if unsaved {
        text.push_str("The present bench is not saved. ");
    }
    text.push_str("The log stays.");
    let title = format!("Load {}?", path.file_stem().unwrap_or_default().to_string_lossy());
    ui.overlays
        .push(Box::new(Confirm::new(&title, &text, "Load", move |ui| ui.effects.push(Effect::LoadProfile(path)))));
}

/// Puts a profile on the bench, or shows what is wrong with it.
pub(in crate::ui) fn loaded(ui: &mut Ui, result: Result<Profile, Invalid>) {
    let profile = match result {
        Ok(profile) => profile,
        Err(invalid) => return message::open(ui, "The profile was not loaded", &invalid.to_string()),
    };
    let warnings: Vec<String> = profile.warnings.iter().map(ToString::to_string).collect();
    let title = profile.title();
    let text = match profile.read_only.as_ref() {
        Some(why) => format!("{title} is loaded, read-only: {why}"),
        None => format!("{title} is loaded"),
    };
    ui.bench.load(profile, &mut ui.effects);
    ui.target = None;
    ui.sockets = SocketsPane::default();
    let first = ui.bench.roster.roots().next().map(|member| member.id);
    if let Some(first) = first {
        ui.select(Entry::Root(first));
        ui.may_select = true;
        ui.focus = Pane::Input;
    }
    ui.tell(Notice::good(text));
    ui.tell_of_wrong_rules();
    if !warnings.is_empty() {
        message::open(ui, "Warnings of the profile", &warnings.join("\n"));
    }
}

/// Saves to where the profile came from, or asks for a name.
pub(in crate::ui) fn save(ui: &mut Ui) {
    if ui.bench.profile.path.is_some() && ui.bench.profile.read_only.is_none() {
        ui.effects.push(Effect::SaveProfile { path: None, replace: false });
    } else {
        save_as(ui);
    }
}

pub(in crate::ui) fn save_as(ui: &mut Ui) {
    let text = ui.bench.profile.path.as_deref().map(|path| path.display().to_string()).unwrap_or_default();
    let check = |ui: &Ui, text: &str| path_of(ui, text).map(|_| ());
    let prompt = Prompt::new("Save the bench as a profile", "Name or path", &text, check, |ui, text| {
        if let Ok(path) = path_of(ui, text) {
            ui.effects.push(Effect::SaveProfile { path: Some(path), replace: false });
        }
    });
    ui.overlays.push(Box::new(prompt.with_text_selected()));
}

/// Where a profile of this name or path is: a bare name is in the folder of profiles.
fn path_of(ui: &Ui, text: &str) -> Result<PathBuf, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("a name, or a path that ends in .toml".to_owned());
    }
    if text.chars().any(char::is_control) {
        return Err("a name has no control characters".to_owned());
    }
    if text.contains('/') || Path::new(text).extension().is_some_and(|extension| extension == "toml") {
        return Ok(PathBuf::from(text));
    }
    match &ui.profile_folder {
        Some(folder) => Ok(folder.join(format!("{text}.toml"))),
        None => Err("there is no home folder for profiles; give a path that ends in .toml".to_owned()),
    }
}

/// What became of saving.
pub(in crate::ui) fn saved(ui: &mut Ui, path: Option<PathBuf>, result: Result<(), SaveError>) {
    let error = match result {
        Ok(()) => {
            let file = ui.bench.profile.path.as_deref().map(|path| path.display().to_string()).unwrap_or_default();
            let runs: Vec<_> = ui.bench.profile.running_programs().collect();
            // Where a program runs is the one thing that another folder changes.
            if path.is_some() && !runs.is_empty() {
                let (rules, folder) = (runs.join(", "), ui.bench.profile.folder_in_words());
                ui.tell_good(format!("saved to {file}; the program of {rules} runs in {folder}"));
            } else {
                ui.tell_good(format!("saved to {file}"));
            }
            return;
        }
        Err(error) => error,
    };
    let question = match &error {
        SaveError::Exists => Some(("Replace the file?", "There is a file of that name already.", "Replace")),
        SaveError::Changed => Some((
            "Replace what another wrote?",
            "The file was changed by another program since it was loaded here. Its changes would be lost.",
            "Replace",
        )),
        _ => None,
    };
    match question {
        Some((title, text, verb)) => ui.overlays.push(Box::new(Confirm::new(title, text, verb, move |ui| {
            ui.effects.push(Effect::SaveProfile { path, replace: true });
        }))),
        None => ui.tell_error(format!("Not saved: {error}. The changes are still here.")),
    }
}

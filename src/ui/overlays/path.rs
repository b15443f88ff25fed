//! The path of a file, as it is typed in a form: Tab completes it, and Enter asks whether the file is there.
//!
//! Owns the path while it is typed. It never looks at a file itself: what is in a folder is asked for by an effect.

use std::io;
use std::path::{MAIN_SEPARATOR, Path, PathBuf};

use crate::ui::widgets::text_input::{Edit, TextInput};
use crate::ui::{Effect, FolderEntry, Ui};

/// Why the folder was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    Completion,
    Submission,
}

/// A folder that was asked for.
#[derive(Debug)]
struct Asked {
    folder: PathBuf,
    why: Why,
}

/// What has become of a path, now that it is known what is in its folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listed {
    /// It went on as far as it can only be one.
    Completed,
    /// It was entered.
    Submitted(There),
    /// Nothing: it has changed since it was asked, or another folder was.
    Nothing,
}

/// Whether there is a file of this path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum There {
    Yes,
    No,
    /// The folder can't be listed. The file may be there, or be made there, all the same: the system will tell.
    Unknown,
}

/// A path that is typed.
#[derive(Debug, Default)]
pub(super) struct PathField {
    input: TextInput,
    /// What no answer has come to yet.
    asked: Option<Asked>,
    /// What it could go on with, where that is several things.
    candidates: Vec<String>,
}

impl PathField {
    pub(super) const fn input(&self) -> &TextInput {
        &self.input
    }

    pub(super) fn set_text(&mut self, text: &str) {
        self.asked = None;
        self.input.set_text(text);
    }

    pub(super) fn apply(&mut self, edit: Edit) {
        self.asked = None;
        self.candidates.clear();
        self.input.apply(edit);
    }

    /// What it could go on with, for a reader; empty where that is not several things. A disk that keeps it waiting is
    /// told instead.
    pub(super) fn candidates(&self) -> String {
        match &self.asked {
            Some(_) => format!("waiting for the disk: {}", if self.folder().is_empty() { "." } else { self.folder() }),
            None => self.candidates.join("  "),
        }
    }

    /// Up to its last slash.
    pub(super) fn folder(&self) -> &str {
        split(self.input.text()).0
    }

    /// What comes after its last slash.
    pub(super) fn name(&self) -> &str {
        split(self.input.text()).1
    }

    /// What it stands for.
    pub(super) fn path(&self) -> PathBuf {
        expand_home(self.input.text())
    }

    /// Whether it names a file.
    ///
    /// # Errors
    /// That it does not, without a full stop.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.name().is_empty() { Err("the path of a file is missing; Tab completes it".to_owned()) } else { Ok(()) }
    }

    /// Has the path completed once it is known what is in its folder.
    pub(super) fn complete(&mut self, ui: &mut Ui) {
        self.ask(Why::Completion, ui);
    }

    /// Asks whether the file is there that was entered.
    pub(super) fn submit(&mut self, ui: &mut Ui) {
        self.ask(Why::Submission, ui);
    }

    fn ask(&mut self, why: Why, ui: &mut Ui) {
        let folder = expand_home(self.folder());
        let before = self.asked.replace(Asked { folder: folder.clone(), why });
        if before.is_none_or(|before| before.folder != folder) {
            ui.effects.push(Effect::ListFolder(folder));
        }
    }

    /// Takes in what is in a folder.
    ///
    /// # Errors
    /// Why the path does not go on, or can't be that of a file, without a full stop.
    pub(super) fn listed(&mut self, folder: &Path, result: &io::Result<Vec<FolderEntry>>) -> Result<Listed, String> {
        let Some(asked) = self.asked.take_if(|asked| asked.folder == folder) else { return Ok(Listed::Nothing) };
        let name = self.name();
        let there = match (asked.why, result) {
            (Why::Completion, Ok(entries)) => {
                let (path, candidates) = completion(self.input.text(), entries)?;
                self.input.set_text(&path);
                self.candidates = candidates;
                return Ok(Listed::Completed);
            }
            (Why::Completion, Err(error)) => return Err(error.to_string()),
            (Why::Submission, Ok(entries)) => match entries.iter().find(|entry| entry.name == name) {
                Some(entry) if entry.is_folder => return Err(format!("{name} is a folder")),
                Some(_) => There::Yes,
                None => There::No,
            },
            (Why::Submission, Err(error)) if error.kind() == io::ErrorKind::NotFound => {
                return Err(format!("there is no folder {}", self.folder()));
            }
            (Why::Submission, Err(_)) => There::Unknown,
        };
        Ok(Listed::Submitted(there))
    }
}

/// A path completed in a folder that has these entries, as far as it can only be one, and what its name could be where
/// that is several. Fails where nothing there begins like it.
fn completion(path: &str, entries: &[FolderEntry]) -> Result<(String, Vec<String>), String> {
    let (folder, start) = split(path);
    // What begins with a dot is hidden, unless it is asked for.
    let fits = |entry: &&FolderEntry| {
        entry.name.starts_with(start) && (!entry.name.starts_with('.') || start.starts_with('.'))
    };
    let mut names: Vec<String> = entries
        .iter()
        .filter(fits)
        .map(|entry| if entry.is_folder { format!("{}{MAIN_SEPARATOR}", entry.name) } else { entry.name.clone() })
        .collect();
    names.sort();
    let shared = names.iter().map(String::as_str).reduce(shared_start);
    let shared = shared.ok_or_else(|| format!("nothing there begins with `{start}`"))?;
    let path = format!("{folder}{shared}");
    Ok((path, if names.len() > 1 { names } else { Vec::new() }))
}

/// A path's folder, up to its last slash, and the name after that.
fn split(path: &str) -> (&str, &str) {
    path.split_at(path.rfind(MAIN_SEPARATOR).map_or(0, |at| at + 1))
}

/// A path that begins with `~/` with the home folder in its place.
pub(super) fn expand_home(text: &str) -> PathBuf {
    match (text.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest.trim_start_matches('/')),
        _ => Path::new(text).to_owned(),
    }
}

fn shared_start<'a>(one: &'a str, other: &str) -> &'a str {
    let shared = one.chars().zip(other.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
    &one[..shared]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn completed(text: &str, names: &[&str]) -> (String, usize) {
        let entry =
            |name: &&str| FolderEntry { name: name.trim_end_matches('/').to_owned(), is_folder: name.ends_with('/') };
        let completed = completion(text, &names.iter().map(entry).collect::<Vec<_>>());
        completed.map_or((text.to_owned(), 0), |(path, candidates)| (path, candidates.len()))
    }

    #[test]
    fn a_path_goes_on_as_far_as_it_can_only_be_one() {
        let names = ["data-1.bin", "data-2.bin", "dé", "dè", "src/", ".git/"];
        assert_eq!(completed("/a/da", &names), ("/a/data-".to_owned(), 2));
        assert_eq!(completed("/a/s", &names), ("/a/src/".to_owned(), 0));
        assert_eq!(completed("d", &["dé", "dè"]), ("d".to_owned(), 2));
        assert_eq!(completed("/a/", &["src/", ".git/"]), ("/a/src/".to_owned(), 0));
        assert_eq!(completed("/a/.", &["src/", ".git/"]), ("/a/.git/".to_owned(), 0));
        assert_eq!(completed("/a/x", &names), ("/a/x".to_owned(), 0));
    }

    proptest! {
        #[test]
        fn completing_only_ever_adds(text in "[a-c/.é]{0,8}", names in prop::collection::vec("[a-c.é]{1,6}/?", 0..8)) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let (after, candidates) = completed(&text, &names);
            prop_assert!(after.starts_with(&text));
            prop_assert_ne!(candidates, 1);
        }
    }
}

//! Profiles: the TOML files that hold a bench, read with the place of every mistake and saved with every comment kept.
//!
//! Owns [`Profile`]: what it reads (`version`, `name`, `description`, `record`, `[vars]`, `[[socket]]`, `[[payload]]`,
//! `[[rule]]`, `[[scenario]]`), what of the file it keeps without using it, and the saving, which changes only what the
//! user changed and never leaves half a file. It never opens a socket and never sends a payload.

mod atomic;
mod comments;
mod folder;
mod message;
mod names;
mod payload_entry;
mod read;
mod relocate;
mod rule;
mod save;
mod scenario;
mod socket_entry;
mod write;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml_edit::DocumentMut;

use crate::contract::Rotation;
pub use crate::diagnostic::{Diagnostic, Invalid, Severity};
pub use atomic::{NewFile, write_atomic};
pub use folder::{folder, list, resolve};
pub use message::{Message, PatternEntry};
pub use names::{check_name, check_socket_name};
pub use payload_entry::{PayloadContent, PayloadEntry};
pub use rule::{Compiler, RULE_FILE_MAX, RuleEntry, SendEntry, WhenEntry};
pub use save::SaveError;
pub use scenario::{Chosen, ScenarioEntry, StepAction, StepEntry};
pub use socket_entry::SocketEntry;

use crate::diagnostic::Source;
use crate::document::{Reader, read_file, without_mark};
use crate::payload::Variables;

/// A bench as a file holds it. Change the fields as the user wishes, then [`save`](Self::save).
#[derive(Clone, Debug)]
pub struct Profile {
    /// The file; `None` for a profile that was never saved.
    pub path: Option<PathBuf>,
    /// What it says, which the user may change, but for what says otherwise.
    pub contents: Contents,
    /// What was read and is not used.
    pub warnings: Vec<Diagnostic>,
    /// Why the profile can't be saved: it was written for a version that this program does not know.
    pub read_only: Option<String>,
    /// What templates know besides `vars`: what is saved must be readable with that again.
    given: Variables,
    saved: Saved,
}

/// The profile as it was last read or saved.
#[derive(Clone, Debug)]
struct Saved {
    /// The file, byte for byte.
    text: String,
    /// True once `text` has been in the file; false for a profile that was never saved.
    on_disk: bool,
    document: DocumentMut,
    contents: Contents,
}

/// What a profile says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// What the profile calls itself; empty if it does not say.
    pub name: String,
    /// What it is for; empty if it does not say.
    pub description: String,
    /// The sockets, in the file's order. Their names are unique.
    pub sockets: Vec<SocketEntry>,
    /// The variables of its templates. Saving leaves those of the file, and fails where these are others.
    pub vars: BTreeMap<String, String>,
    /// The saved payloads, in the file's order. Their names are unique.
    pub payloads: Vec<PayloadEntry>,
    /// The automatic replies, in the file's order: the first that matches a message answers it. Their names are unique.
    pub rules: Vec<RuleEntry>,
    /// The scenarios, in the file's order. Their names are unique.
    pub scenarios: Vec<ScenarioEntry>,
    /// The file that the sockets are recorded into, if they are. Saving leaves what the file says, and fails where this is
    /// something else.
    pub record: Option<PathBuf>,
    /// When one file of that recording ends and the next begins. As `record`, it can't be changed.
    pub rotation: Rotation,
}

impl Default for Profile {
    fn default() -> Self {
        Self::new()
    }
}

impl Profile {
    /// An empty profile without a name and without a file.
    #[must_use]
    pub fn new() -> Self {
        let mut document = DocumentMut::new();
        document["version"] = toml_edit::value(read::VERSION);
        let text = document.to_string();
        Self {
            path: None,
            contents: Contents::default(),
            warnings: Vec::new(),
            read_only: None,
            given: Variables::default(),
            saved: Saved { text, on_disk: false, document, contents: Contents::default() },
        }
    }

    /// Gives templates these variables besides those of the profile. One that is read has them already.
    pub fn give(&mut self, given: &Variables) {
        self.given.clone_from(given);
    }

    /// Reads a profile's text; `path` is the file that it was read from.
    ///
    /// # Errors
    /// Every mistake in the text, in its order. In a profile of an unknown version they are warnings.
    pub fn parse(text: &str, path: Option<&Path>) -> Result<Self, Invalid> {
        Self::parse_with(text, path, &Variables::default())
    }

    /// As [`parse`](Self::parse), where these variables are given, which go before those of the profile.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_with(text: &str, path: Option<&Path>, given: &Variables) -> Result<Self, Invalid> {
        let mut reader = Reader::new(Source { path, text: without_mark(text) });
        let document = reader.parse()?;
        let (contents, read_only) = read::read(&mut reader, &document, given);
        let mut warnings = reader.take_warnings();
        let errors = reader.take_errors();
        if read_only.is_some() {
            warnings.extend(errors.into_iter().map(|mut error| {
                error.severity = Severity::Warning;
                error
            }));
        } else if !errors.is_empty() {
            // What was not used may be what the mistakes are about.
            warnings.extend(errors);
            warnings.sort_by_key(|told| (told.line, told.column));
            return Err(Invalid(warnings));
        }
        warnings.sort_by_key(|warning| (warning.line, warning.column));
        Ok(Self {
            path: path.map(Path::to_path_buf),
            contents: contents.clone(),
            warnings,
            read_only,
            given: given.clone(),
            saved: Saved { text: text.to_owned(), on_disk: path.is_some(), document: document.into_mut(), contents },
        })
    }

    /// Reads a profile's file.
    ///
    /// # Errors
    /// When the file can't be read, and as [`parse`](Self::parse).
    pub fn load(path: &Path) -> Result<Self, Invalid> {
        Self::load_with(path, &Variables::default())
    }

    /// As [`load`](Self::load), where these variables are given, which go before those of the profile.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_with(path: &Path, given: &Variables) -> Result<Self, Invalid> {
        Self::parse_with(&read_file(path)?, Some(path), given)
    }

    /// What to call the profile: its own name, or else its file's.
    #[must_use]
    pub fn title(&self) -> String {
        match &self.path {
            _ if !self.contents.name.is_empty() => self.contents.name.clone(),
            Some(path) => path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            None => "the bench".to_owned(),
        }
    }

    /// The document with what was changed applied to it; without changes, the very text that was read.
    #[must_use]
    pub fn to_toml(&self) -> String {
        write::render(self)
    }

    /// True when saving would change the text that was read or last saved.
    #[must_use]
    pub fn is_modified(&self) -> bool {
        write::is_changed(self) && self.to_toml() != self.saved.text
    }
}

//! What the screen asks for, which others do, and what it must be told for that.

use std::path::PathBuf;

use crate::contract::Command;
use crate::exporter::Order;

/// What the screen wants done that it can't do itself.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// Hand this to the engine.
    Order(Command),
    /// Record what comes from now on into this file, and answer with
    /// [`Ui::recording_begun`](super::Ui::recording_begun).
    Record {
        /// Where.
        path: PathBuf,
        /// Whether a file that is there may be written over.
        replace: bool,
    },
    /// End the recording.
    StopRecording,
    /// Look which profiles there are, and answer with [`Ui::show_profiles`](super::Ui::show_profiles).
    ListProfiles,
    /// Look what is in this folder, and answer with [`Ui::folder_listed`](super::Ui::folder_listed).
    ListFolder(PathBuf),
    /// Read this profile, and answer with [`Ui::profile_loaded`](super::Ui::profile_loaded).
    LoadProfile(PathBuf),
    /// Write the bench's profile to this path, or where it came from, and answer with
    /// [`Ui::profile_saved`](super::Ui::profile_saved).
    SaveProfile {
        /// Where, if not where it came from.
        path: Option<PathBuf>,
        /// Whether a file that is there, or was changed by another, may be replaced.
        replace: bool,
    },
    /// Find out which addresses a host's name stands for, and answer with [`Ui::looked_up`](super::Ui::looked_up).
    LookUp(String),
    /// Begin this export, with what [`Ui::export_job`](super::Ui::export_job) gives for it, and tell of it with
    /// [`Ui::export_told`](super::Ui::export_told).
    Export(Order),
    /// End the export of this number.
    CancelExport(u64),
    /// Put this into the clipboard, and say where it went with [`Ui::tell`](super::Ui::tell).
    Copy(String),
    /// Have the terminal report the mouse, or leave it to the terminal.
    Mouse(bool),
    /// Draw every cell anew.
    Redraw,
    /// Stop the process until the shell continues it.
    Suspend,
    /// Leave.
    Quit,
}

/// What a form must know of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// The names of the network interfaces.
    pub interfaces: Vec<String>,
    /// The folder in which to propose the paths of Unix sockets.
    pub socket_folder: String,
}

impl Default for Surroundings {
    fn default() -> Self {
        Self { interfaces: Vec::new(), socket_folder: "/tmp".to_owned() }
    }
}

/// What is in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderEntry {
    /// Its name.
    pub name: String,
    /// Whether it is a folder itself.
    pub is_folder: bool,
}

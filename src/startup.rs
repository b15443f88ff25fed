//! What every way to start the program begins with: its configuration, the variables that are given, its diagnostics and
//! its recording, and how it says what is wrong with them.

mod locale;

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Mutex;

use crate::cli::{Common, Start};
use crate::config::{Config, MIN_MEMORY, Theme};
use crate::contract::EndpointError;
use crate::log::sanitise::Printable;
use crate::os::File;
use crate::payload::Variables;
use crate::profile::Profile;
use crate::recorder::{Recorder, free_path};
use crate::ui::Keymap;

pub(crate) use locale::repertoire_of;

/// The configuration and the keys that come of it; the program's own diagnostics go to the file that was asked for, if
/// one was.
///
/// # Errors
/// What is wrong with either, to be printed as it is.
pub(crate) fn configure(start: &Start, memory: Option<u64>) -> Result<(Config, Keymap), String> {
    let mut config = match &start.config {
        Some(path) => Config::load(path).map_err(|invalid| invalid.to_string())?,
        None => match Config::default_path().filter(|path| path.exists()) {
            Some(path) => Config::load(&path).map_err(|invalid| invalid.to_string())?,
            None => Config::default(),
        },
    };
    for warning in &config.warnings {
        say(&warning.to_string());
    }
    if config.theme.is_none() && locale::names_another_charset() {
        config.theme = Some(Theme::Ascii);
    }
    let mut keymap = Keymap::default();
    for binding in &config.keys {
        keymap
            .bind(&binding.action, &binding.chords)
            .map_err(|error| config.key_error(binding, error.0).to_string())?;
    }
    if let Some(memory) = memory {
        if memory < MIN_MEMORY {
            return Err(format!("sockbench: --memory: {memory} bytes are less than 1MiB"));
        }
        config.memory = memory;
    }
    if let Some(path) = &start.log_file {
        let failed = |error| complaint(&format!("--log-file: {} can't be written: {error}", path.display()));
        start_diagnostics(path).map_err(failed)?;
    }
    Ok((config, keymap))
}

/// The environment, and the variables that the command line gives, which go before those of a profile.
///
/// # Errors
/// One sentence: which of them can't be one.
pub(crate) fn given_variables(common: &Common) -> Result<Variables, String> {
    // A value that is no text can't be filled into one.
    let texts =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let mut given = Variables::with_environment(texts);
    for (name, value) in &common.set {
        given.set(name, value).map_err(|why| complaint(&format!("--set: {why}")))?;
    }
    Ok(given)
}

/// Sends the program's own diagnostics to this file.
fn start_diagnostics(path: &Path) -> io::Result<()> {
    let file = File::open_with(OpenOptions::new().create(true).append(true).mode(0o600), path)?;
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(Mutex::new(file)).finish();
    // The only one that is ever set.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Ok(())
}

/// Begins the recording that the command line asks for, or else the profile, with the first row of the log.
///
/// # Errors
/// One sentence: why there is none. Where the file is from the command line, one that is there is not written over.
pub(crate) fn start_recorder(
    common: &Common,
    profile: Option<&Profile>,
    wake: impl Fn() + Send + 'static,
) -> Result<Option<Recorder>, String> {
    let rotation = common.record_rotate.or(profile.map(|profile| profile.contents.rotation)).unwrap_or_default();
    let path = match (&common.record, profile.and_then(|profile| profile.contents.record.as_ref())) {
        (Some(path), _) => path.clone(),
        // It is run more than once.
        (None, Some(path)) => free_path(path),
        (None, None) => return Ok(None),
    };
    let started = Recorder::start(&path, false, rotation, 1, wake);
    started.map(Some).map_err(|error| {
        let path = Printable::text(&path.to_string_lossy());
        match error.kind() {
            io::ErrorKind::AlreadyExists => {
                format!("{path} is there already, and a recording begins in a new file; give another name")
            }
            _ => format!("can't record into {path}: {error}"),
        }
    })
}

/// Prints a line on standard error. Where nobody can read it any more, all else goes on.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// A sentence of this program for standard error, in which names and paths from elsewhere are harmless.
pub(crate) fn complaint(sentence: &str) -> String {
    let _held = repertoire_of(&io::stderr()).hold();
    format!("sockbench: {}", Printable::text(sentence).as_str())
}

/// An endpoint's error with the place marked below.
pub(crate) fn point_at(text: &str, error: &EndpointError) -> String {
    let _held = repertoire_of(&io::stderr()).hold();
    let shown = Printable::text(text);
    let column = text[..error.at.start].chars().count() + 1;
    let before = " ".repeat(Printable::text(&text[..error.at.start]).width());
    let carets = "^".repeat(Printable::text(&text[error.at.clone()]).width().max(1));
    format!("sockbench: {error}, at column {column}\n  {}\n  {before}{carets}", shown.as_str())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn the_command_line_may_not_give_less_memory_than_the_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, "").unwrap();
        let start = Start { config: Some(path), log_file: None };
        assert_eq!(configure(&start, Some(1 << 20)).unwrap().0.memory, 1 << 20);
        let error = configure(&start, Some(10)).err().unwrap();
        assert!(error.contains("less than 1MiB"), "{error}");
    }

    #[test]
    fn a_log_file_that_can_not_be_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let start = Start { config: None, log_file: Some(folder.path().to_owned()) };
        let error = configure(&start, None).err().unwrap();
        assert!(error.contains("--log-file: ") && error.contains("Is a directory"), "{error}");
    }

    #[test]
    fn why_there_is_no_recording_can_not_act_on_a_terminal() {
        let common = Cli::parse_from(["sockbench", "--record", "/nowhere/\x1b[2J/trace.pcapng"]).workbench.common;
        let why = start_recorder(&common, None, || {}).err().unwrap();
        assert!(why.contains("\\x1b[2J/trace") && !why.contains('\x1b'), "{why}");
    }
}

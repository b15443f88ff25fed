//! What every way to start the program begins with: its configuration, its diagnostics, and what is wrong with an
//! endpoint.

use std::{fs, io};

use crate::cli::Common;
use crate::config::Config;
use crate::contract::EndpointError;
use crate::log::sanitise::Printable;
use crate::ui::Keymap;

/// The configuration and the keys that come of it.
pub(crate) fn configure(common: &Common) -> Result<(Config, Keymap), String> {
    let mut config = match &common.config {
        Some(path) => Config::load(path).map_err(|invalid| invalid.to_string())?,
        None => match Config::default_path().filter(|path| path.exists()) {
            Some(path) => Config::load(&path).map_err(|invalid| invalid.to_string())?,
            None => Config::default(),
        },
    };
    for warning in &config.warnings {
        eprintln!("{warning}");
    }
    let mut keymap = Keymap::default();
    for binding in &config.keys {
        keymap
            .bind(&binding.action, &binding.chords)
            .map_err(|error| config.key_error(binding, error.0).to_string())?;
    }
    if let Some(memory) = common.memory {
        config.memory = memory;
    }
    Ok((config, keymap))
}

/// Sends the program's own diagnostics to the file that was asked for.
pub(crate) fn start_diagnostics(common: &Common) -> io::Result<()> {
    if let Some(path) = &common.log_file {
        let file = fs::OpenOptions::new().create(true).append(true).open(path)?;
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(std::sync::Mutex::new(file)).finish();
        // The only one that is ever set.
        let _ = tracing::subscriber::set_global_default(subscriber);
    }
    Ok(())
}

/// An endpoint's error with the place marked below.
pub(crate) fn point_at(text: &str, error: &EndpointError) -> String {
    let before = text[..error.at.start].chars().count();
    let carets = "^".repeat(text[error.at.clone()].chars().count().max(1));
    let shown = Printable::text(text);
    format!("sockbench: {error}, at column {}\n  {}\n  {}{carets}", before + 1, shown.as_str(), " ".repeat(before))
}

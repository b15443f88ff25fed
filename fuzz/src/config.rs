//! The configuration: read, or refused with the place of each mistake.

use std::path::Path;

use sockbench::config::Config;

/// The input is a configuration file.
pub fn check(data: &[u8]) {
    let Some(text) = super::text_of(data) else { return };
    let without_mark = text.strip_prefix('\u{feff}').unwrap_or(text);
    match Config::parse(text, Some(Path::new("config.toml"))) {
        Ok(config) => {
            for warning in &config.warnings {
                super::can_be_shown(warning, without_mark);
            }
            assert!(config.memory >= 1 << 20);
            for binding in &config.keys {
                super::can_be_shown(&config.key_error(binding, &*binding.action), without_mark);
                for (index, chord) in binding.chords.iter().enumerate() {
                    super::can_be_shown(&config.chord_error(binding, index, chord), without_mark);
                }
            }
            // A comment changes nothing.
            let again = Config::parse(&format!("{text}\n# a comment"), None).unwrap_or_else(|why| panic!("{why}"));
            assert_eq!(
                (config.theme, config.memory, config.mouse, config.time, config.keys, config.defaults),
                (again.theme, again.memory, again.mouse, again.time, again.keys, again.defaults),
            );
        }
        Err(invalid) => {
            assert!(!invalid.0.is_empty());
            for error in &invalid.0 {
                super::can_be_shown(error, without_mark);
            }
        }
    }
}

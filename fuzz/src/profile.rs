//! Profiles: read, or refused with the place of each mistake; unchanged, they are written as they were; and what is read
//! can be used.

use std::path::Path;

use sockbench::payload::Variables;
use sockbench::profile::Profile;

/// The input is a profile.
pub fn check(data: &[u8]) {
    let Some(text) = super::text_of(data) else { return };
    let without_mark = text.strip_prefix('\u{feff}').unwrap_or(text);
    let diagnostics = match Profile::parse(text, Some(Path::new("/nonexistent/lab.toml"))) {
        Ok(profile) => {
            assert_eq!(profile.to_toml(), text);
            assert!(!profile.is_modified());
            if profile.read_only.is_none() {
                can_be_used(&profile, text);
            }
            profile.warnings
        }
        Err(invalid) => {
            assert!(!invalid.0.is_empty());
            invalid.0
        }
    };
    for diagnostic in &diagnostics {
        super::can_be_shown(diagnostic, without_mark);
    }
}

/// Its rules and scenarios can be made ready: what could not is told when it is read. Only files are looked for later.
fn can_be_used(profile: &Profile, text: &str) {
    if text.contains("file") || text.contains('\\') {
        return;
    }
    let variables = Variables::default().or(&profile.contents.vars);
    for socket in &profile.contents.sockets {
        let (_, wrong) = profile.compiler(&variables).rules_on(socket);
        assert!(wrong.is_empty(), "{wrong:?}");
    }
    if !profile.contents.scenarios.is_empty() {
        let ready = profile.scenarios_named(&[], &Variables::default());
        assert!(ready.is_ok_and(|ready| ready.len() == profile.contents.scenarios.len()));
    }
}

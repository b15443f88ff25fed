//! Where profiles are.

use std::fs;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

use crate::os;

/// The profile folder, `$XDG_CONFIG_HOME/sockbench/profiles`, on every system; `None` where there is no home. It may
/// not exist yet; saving into it makes it.
#[must_use]
pub fn folder() -> Option<PathBuf> {
    let base = etcetera::base_strategy::Xdg::new().ok()?;
    Some(base.config_dir().join("sockbench").join("profiles"))
}

/// The file that a user means by a path or by the bare name of a profile: a name without `/` and without `.toml`, that
/// is no file here, is a file of the profile folder.
#[must_use]
pub fn resolve(name_or_path: &str) -> PathBuf {
    resolve_in(folder().as_deref(), name_or_path)
}

/// The profiles in the profile folder, sorted by name. A folder that can't be read holds none.
#[must_use]
pub fn list() -> Vec<PathBuf> {
    folder().map(|folder| list_in(&folder)).unwrap_or_default()
}

fn resolve_in(folder: Option<&Path>, name_or_path: &str) -> PathBuf {
    let path = PathBuf::from(name_or_path);
    let is_bare =
        !name_or_path.contains('/') && !name_or_path.is_empty() && path.extension().is_none_or(|e| e != "toml");
    match folder {
        // Files such as `.` are paths, although they look like bare names.
        Some(folder) if is_bare && os::call("stat", || path.metadata()).is_err() => {
            folder.join(format!("{name_or_path}.toml"))
        }
        _ => path,
    }
}

fn list_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = os::call("opendir", || fs::read_dir(folder)) else { return Vec::new() };
    let mut paths: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        // A file whose name begins with a dot has no place in a list: an editor's backup, or hidden on purpose.
        .filter(|path| path.file_name().is_some_and(|name| !name.as_encoded_bytes().starts_with(b".")))
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .filter(|path| os::call("stat", || path.metadata()).is_ok_and(|file| file.is_file()))
        .collect();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_is_in_the_folder_and_a_path_is_a_path() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Some(dir.path());
        assert_eq!(resolve_in(folder, "echo-lab"), dir.path().join("echo-lab.toml"));
        assert_eq!(resolve_in(folder, "v1.2"), dir.path().join("v1.2.toml"));
        for path in ["echo-lab.toml", "./echo-lab", "/tmp/echo-lab", "..", "Cargo.lock"] {
            assert_eq!(resolve_in(folder, path), Path::new(path), "{path}");
        }
        assert_eq!(resolve_in(None, "echo-lab"), Path::new("echo-lab"));
    }

    #[test]
    fn the_list_is_sorted_and_holds_profiles_only() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.toml", "a.toml", "notes.txt", ".hidden.toml"] {
            std::fs::write(dir.path().join(name), "version = 1\n").unwrap();
        }
        std::fs::create_dir(dir.path().join("folder.toml")).unwrap();
        assert_eq!(list_in(dir.path()), [dir.path().join("a.toml"), dir.path().join("b.toml")]);
        assert!(list_in(&dir.path().join("missing")).is_empty());
    }
}

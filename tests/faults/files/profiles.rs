//! Profiles that are read and saved.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use sockbench::os::fault::{Armed, Fault};
use sockbench::profile::Profile;

use super::{assert_told, each_fault_of_files, has_come, names};

const OLD: &str = "version = 1 # kept\nname = \"old\"\n";
const NEW: &str = "version = 1 # kept\nname = \"new\"\n";

/// How a profile gets into its file.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    /// Into a file that is not there yet.
    New,
    /// Into its own.
    Own,
    /// Into its own, to which a link leads.
    Linked,
    /// Into another's, which is replaced.
    Others,
    /// Into another's, which nobody said is to be replaced.
    Refused,
}

// Cases 31, 32.
#[test]
fn a_profile_is_the_old_one_or_the_new_one_and_can_be_saved_again() {
    for way in [Way::New, Way::Own, Way::Linked, Way::Others, Way::Refused] {
        each_fault_of_files(|fault, armed| save(way, fault, armed));
    }
}

fn save(way: Way, fault: Option<Fault>, armed: &Armed) {
    let folder = super::folder();
    let file = folder.path().join("lab.toml");
    let (mut mode, mut old, mut path) = (0o600, None, file.clone());
    if way != Way::New {
        fs::write(&file, OLD).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        (mode, old) = (0o640, Some(OLD.to_owned()));
    }
    if way == Way::Linked {
        path = folder.path().join("lab-link.toml");
        symlink("lab.toml", &path).unwrap();
    }
    let before = names(folder.path());
    let is_own = matches!(way, Way::Own | Way::Linked);
    let loaded = if is_own { Profile::load(&path) } else { Profile::parse(OLD, None) };
    let mut profile = match loaded {
        Ok(profile) => profile,
        Err(why) => return assert_told(&why.to_string(), "lab", fault, armed),
    };
    "new".clone_into(&mut profile.contents.name);
    let saved = if is_own { profile.save() } else { profile.save_as(&path, way == Way::Others) };
    let now = fs::read_to_string(&file).ok();
    let is_new = now.as_deref() == Some(NEW);
    match &saved {
        Ok(()) => assert!(is_new && !profile.is_modified() && way != Way::Refused),
        Err(why) => {
            assert!(now == old || is_new && way != Way::Refused, "{now:?}");
            assert!(profile.is_modified());
            if way == Way::Refused && !has_come(fault, armed) {
                assert!(why.to_string().contains("already"), "{why}");
            } else if way != Way::Refused {
                assert_told(&why.to_string(), "lab", fault, armed);
            }
        }
    }
    if has_come(fault, armed) && fault.is_some_and(|fault| ["fchmod", "fsync", "rename", "write"].contains(&fault.call))
    {
        assert!(saved.is_err(), "nobody was told");
    }
    let after = || if now.is_some() && old.is_none() { vec!["lab.toml".to_owned()] } else { before.clone() };
    assert_eq!(names(folder.path()), after());
    // When all is well again, it is as if nothing had been.
    armed.cease();
    if profile.path.is_some() {
        profile.save().unwrap();
    } else {
        profile.save_as(&path, way != Way::New || is_new).unwrap();
    }
    assert!(fs::read_to_string(&file).unwrap() == NEW && !profile.is_modified());
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, mode);
    assert_eq!(path.is_symlink(), way == Way::Linked);
    assert_eq!(names(folder.path()).len(), before.len().max(1));
}

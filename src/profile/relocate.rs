//! Relative paths of a profile whose file gets into another folder.
//!
//! Owns that saving never changes what a path means. It never looks whether there is anything at one.

use std::path::{Path, PathBuf, absolute};

use super::scenario::StepAction;
use super::{Message, PayloadContent, Profile, SendEntry};
use crate::os;

impl Profile {
    /// Where relative paths begin, in words that can follow "relative to": the folder of the profile's file, or the
    /// current directory as long as there is no file.
    #[must_use]
    pub fn folder_in_words(&self) -> String {
        let folder = settled(self.folder());
        let what = if self.path.is_some() { "the profile's folder" } else { "the current directory" };
        format!("{what} {}", folder.display())
    }

    /// The names of the rules that run a program, which runs in the folder of the profile.
    pub fn running_programs(&self) -> impl Iterator<Item = &str> {
        let runs = |send: &SendEntry| matches!(send, SendEntry::Program { .. });
        self.contents
            .rules
            .iter()
            .filter(move |rule| rule.send.as_ref().is_some_and(runs))
            .map(|rule| rule.name.as_str())
    }

    /// The profile as it is to be written to this file: each relative path in it leads from there to where it led from
    /// the folder it had. What is below the new folder stays relative. Of a program that is the path of the program
    /// itself; what its arguments mean is not known.
    pub(super) fn moved_to(&self, file: &Path) -> Self {
        let mut moved = self.clone();
        moved.path = Some(file.to_path_buf());
        let (old, new) = (settled(self.folder()), settled(moved.folder()));
        if old == new {
            return moved;
        }
        for payload in &mut moved.contents.payloads {
            rewrite_content(&mut payload.content, &old, &new);
        }
        for rule in &mut moved.contents.rules {
            match &mut rule.send {
                Some(SendEntry::Message(message)) => rewrite_message(message, &old, &new),
                Some(SendEntry::File { root, .. }) => rewrite(root, &old, &new),
                Some(SendEntry::Program { command, .. }) => {
                    if let Some(program) = command.first_mut().filter(|program| program.contains('/')) {
                        let mut path = PathBuf::from(&*program);
                        rewrite(&mut path, &old, &new);
                        // Without a `/` it would be looked for in PATH.
                        let path = if path.components().count() == 1 { Path::new(".").join(path) } else { path };
                        *program = path.to_string_lossy().into_owned();
                    }
                }
                Some(SendEntry::Characters) | None => {}
            }
        }
        for step in moved.contents.scenarios.iter_mut().flat_map(|scenario| &mut scenario.steps) {
            if let StepAction::Send { message, .. } = &mut step.action {
                rewrite_message(message, &old, &new);
            }
        }
        moved
    }
}

fn rewrite_message(message: &mut Message, old: &Path, new: &Path) {
    if let Message::Written(content, _) = message {
        rewrite_content(content, old, new);
    }
}

fn rewrite_content(content: &mut PayloadContent, old: &Path, new: &Path) {
    if let PayloadContent::File(path) = content {
        rewrite(path, old, new);
    }
}

fn rewrite(path: &mut PathBuf, old: &Path, new: &Path) {
    if path.is_relative() {
        // `.` in the middle says nothing, `..` may lead over a link and stays.
        let whole: PathBuf = old.join(&*path).components().collect();
        *path = match whole.strip_prefix(new) {
            Ok(below) if below.as_os_str().is_empty() => PathBuf::from("."),
            Ok(below) => below.to_path_buf(),
            Err(_) => whole,
        };
    }
}

/// A folder's path from the root on, without links where it is there.
fn settled(folder: &Path) -> PathBuf {
    os::call("realpath", || folder.canonicalize())
        .or_else(|_| absolute(folder))
        .unwrap_or_else(|_| folder.to_path_buf())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const LAB: &str = "version = 1\n[[socket]]\nname = 'a'\nopen = 'tcp://127.0.0.1:1'\n\
        [[payload]]\nname = 'p'\nfile = 'in/p.bin' # a file\n\
        [[rule]]\nname = 'files'\nwhen = { any = true }\nsend = { file = 'x', root = 'public' }\n\
        [[rule]]\nname = 'program'\nwhen = { any = true }\nsend = { exec = ['./run.sh', './y'] }\n\
        [[rule]]\nname = 'found in PATH'\nwhen = { any = true }\nsend = { exec = ['cat'] }\n\
        [[scenario]]\nname = 's'\n[[scenario.step]]\nsend = { file = 'step.bin' }\nto = 'a'\n";

    /// All paths of the profile as they are written, and as they are meant.
    fn paths(profile: &Profile) -> (String, Vec<PathBuf>) {
        let mut found = Vec::new();
        for payload in &profile.contents.payloads {
            if let PayloadContent::File(path) = &payload.content {
                found.push(path.clone());
            }
        }
        for rule in &profile.contents.rules {
            match &rule.send {
                Some(SendEntry::File { root, .. }) => found.push(root.clone()),
                Some(SendEntry::Program { command, .. }) => found.push(command[0].clone().into()),
                _ => {}
            }
        }
        for step in &profile.contents.scenarios[0].steps {
            if let StepAction::Send { message: Message::Written(PayloadContent::File(path), _), .. } = &step.action {
                found.push(path.clone());
            }
        }
        let shown = found.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" ");
        let folder = profile.folder().canonicalize().unwrap();
        (shown, found.iter().map(|path| folder.join(path).components().collect()).collect())
    }

    #[test]
    fn paths_mean_the_same_wherever_the_profile_is_saved() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        fs::create_dir_all(base.join("lab/in")).unwrap();
        fs::create_dir_all(base.join("other")).unwrap();
        let file = base.join("lab/lab.toml");
        fs::write(&file, LAB).unwrap();
        let mut profile = Profile::load(&file).unwrap();
        let (written, meant) = paths(&profile);
        assert_eq!(written, "in/p.bin public ./run.sh cat step.bin");

        // Into its own folder, by whatever path: nothing changes.
        profile.save_as(&base.join("lab/../lab/again.toml"), false).unwrap();
        assert_eq!(fs::read_to_string(base.join("lab/again.toml")).unwrap(), LAB);

        for (name, shown) in [
            ("other/lab.toml", "L/in/p.bin L/public L/run.sh cat L/step.bin"),
            ("lab/in/lab.toml", "p.bin L/public L/run.sh cat L/step.bin"),
            ("lab.toml", "lab/in/p.bin lab/public lab/run.sh cat lab/step.bin"),
        ] {
            let mut profile = Profile::load(&file).unwrap();
            profile.save_as(&base.join(name), false).unwrap();
            let saved = Profile::load(&base.join(name)).unwrap();
            let (written, now) = paths(&saved);
            assert_eq!(written, shown.replace('L', base.join("lab").to_str().unwrap()), "{name}");
            // What is found in PATH begins nowhere.
            assert_eq!([&now[..3], &now[4..]], [&meant[..3], &meant[4..]], "{name}");
            assert_eq!(paths(&profile), (written, now));
            assert!(!profile.is_modified() && saved.to_toml().contains("# a file"));
        }
    }

    #[test]
    fn a_failed_save_moves_no_path() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("lab.toml");
        fs::write(&file, LAB).unwrap();
        let mut profile = Profile::load(&file).unwrap();
        profile.save_as(&dir.path().join("missing/lab.toml"), false).unwrap_err();
        assert_eq!(profile.to_toml(), LAB);
    }

    #[test]
    fn a_bench_that_was_never_saved_begins_in_the_current_directory() {
        let here = std::env::current_dir().unwrap().canonicalize().unwrap();
        let mut profile = Profile::parse(LAB, None).unwrap();
        assert_eq!(profile.folder_in_words(), format!("the current directory {}", here.display()));
        let dir = tempfile::tempdir().unwrap();
        profile.save_as(&dir.path().join("lab.toml"), false).unwrap();
        let Some(SendEntry::File { root, .. }) = &profile.contents.rules[0].send else { panic!() };
        assert_eq!(*root, here.join("public"));
        assert!(profile.folder_in_words().starts_with("the profile's folder /"));
    }
}

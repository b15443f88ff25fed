//! The documentation is true: its commands, its profile, its keys and its links are those of the program.
#![expect(clippy::unwrap_used, reason = "a test that can't read the documentation has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use crokey::KeyCombination;
use sockbench::cli::{Cli, Subcommands};
use sockbench::config::Config;
use sockbench::contract::Endpoint;
use sockbench::profile::Profile;
use sockbench::ui::{Keymap, Scope, actions};

/// The documents that tell what the program does.
const DOCUMENTS: &[&str] = &["README.md", "ARCHITECTURE.md", "CHANGELOG.md"];

/// A key as the README writes it, where it is pressed, and the action that it must be the key of there. A key that
/// stands in the README and not here fails a test.
const KEYS: &[(&str, Scope, &str, &str)] = &[
    ("Ctrl-Y", Scope::Input, "ctrl-y", "line-ending"),
    ("Ctrl-T", Scope::Input, "ctrl-t", "mode"),
    ("Ctrl-N", Scope::Input, "ctrl-n", "new-socket"),
    ("Ctrl-S", Scope::Input, "ctrl-s", "save-profile"),
    ("Ctrl-Q", Scope::Input, "ctrl-q", "quit"),
    ("Ctrl-P", Scope::Input, "ctrl-p", "palette"),
    ("Ctrl-E", Scope::Input, "ctrl-e", "payloads"),
    ("Ctrl-]", Scope::Input, "ctrl-]", "checksum"),
    ("Ctrl-\\", Scope::Input, "ctrl-\\", "repeat"),
    ("`p`", Scope::Log, "p", "keep-message"),
    ("Ctrl-6", Scope::Input, "ctrl-6", "scenarios"),
    ("`S`", Scope::Sockets, "shift-s", "list-scenarios"),
    ("`S`", Scope::Log, "shift-s", "save-scenario"),
    ("F1", Scope::Input, "f1", "help"),
    ("Tab", Scope::Input, "tab", "next-pane"),
    ("Enter", Scope::Inspector, "enter", "inspector-enter"),
    ("`End`", Scope::Log, "end", "follow"),
    ("`/`", Scope::Log, "/", "log-filter"),
    ("`4`", Scope::Log, "4", "log-timeline"),
    ("`1`", Scope::Log, "1", "as-text"),
    ("`R`", Scope::Log, "shift-r", "replay"),
    ("`2`", Scope::Log, "2", "as-hex"),
    ("`3`", Scope::Log, "3", "as-both"),
    ("`T`", Scope::Log, "shift-t", "time-column"),
    ("`D`", Scope::Log, "shift-d", "delta-column"),
    ("`b`", Scope::Log, "b", "bookmark"),
    ("`'`", Scope::Log, "'", "next-bookmark"),
    ("`m`", Scope::Log, "m", "mark"),
    ("`B`", Scope::Log, "shift-b", "bookmarks"),
    ("`t`", Scope::Log, "t", "round-trips"),
    ("`s`", Scope::Log, "s", "statistics"),
    ("`s`", Scope::Inspector, "s", "statistics-of"),
    ("`y`", Scope::Log, "y", "copy"),
    ("`Y`", Scope::Log, "shift-y", "export"),
    ("`v`", Scope::Log, "v", "select"),
    ("`q`", Scope::Inspector, "q", "inspector-to-log"),
    ("`v`", Scope::Inspector, "v", "inspector-select"),
    ("`=`", Scope::Log, "=", "compare"),
    ("Ctrl-D", Scope::Input, "ctrl-d", "send-file"),
    ("`O`", Scope::Sockets, "shift-o", "options"),
    ("`w`", Scope::Sockets, "w", "save-received"),
    ("`f`", Scope::Log, "f", "find"),
    ("`n`", Scope::Log, "n", "find-next"),
    ("`N`", Scope::Log, "shift-n", "find-previous"),
    ("`f`", Scope::Sockets, "f", "transfers"),
    ("`c`", Scope::Sockets, "c", "record"),
    ("`c`", Scope::Log, "c", "log-record"),
    ("`s`", Scope::Sockets, "s", "echo-server"),
    ("Shift-E", Scope::Sockets, "shift-e", "echo"),
    ("`a`", Scope::Sockets, "a", "list-rules"),
    ("`a`", Scope::Log, "a", "log-rules"),
    ("Ctrl-V", Scope::Input, "ctrl-v", "rules"),
    ("Enter", Scope::Log, "enter", "inspect"),
    ("Enter", Scope::Input, "enter", "send"),
];

/// Keys that the README has the user press in another terminal.
const KEYS_ELSEWHERE: &[&str] = &["Ctrl-C", "Ctrl-D"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The lines inside the fenced blocks of this language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    text.match_indices(&fence).map(|(at, _)| text[at + fence.len()..].split("```").next().unwrap().to_owned()).collect()
}

/// What stands in backticks, outside fenced blocks.
fn code_spans(text: &str) -> Vec<&str> {
    text.split("```").step_by(2).flat_map(|prose| prose.split('`').skip(1).step_by(2)).collect()
}

/// Every command line of `sockbench` in a document, without the program's name.
fn commands(text: &str) -> Vec<String> {
    let shell = blocks(text, "sh").join("\n");
    let typed = shell.lines().filter_map(|line| line.strip_prefix("cargo run --release -- "));
    let named = code_spans(text).into_iter().filter_map(|span| span.strip_prefix("sockbench "));
    typed.chain(named).map(str::to_owned).collect()
}

#[test]
fn every_command_is_one_that_the_program_takes() {
    let commands = commands(&read("README.md"));
    for command in &commands {
        let words = std::iter::once("sockbench").chain(command.split_whitespace());
        let cli = Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{command}: {error}"));
        for endpoint in cli.workbench.endpoints {
            endpoint.parse::<Endpoint>().unwrap_or_else(|error| panic!("{command}: {error}"));
        }
    }
    assert!(commands.len() >= 5, "the commands were found: {commands:?}");
}

#[test]
fn the_tour_ends_with_a_run_of_the_profile_that_it_saved() {
    let readme = read("README.md");
    let saved = readme.split("**Keep it.**").nth(1).unwrap();
    let name = code_spans(saved)[0];
    let commands = commands(&readme);
    let loads = |cli: &Cli| cli.workbench.profile.as_deref() == Some(name);
    let runs = |cli: &Cli| matches!(&cli.command, Some(Subcommands::Run(run)) if run.profile == name);
    let parsed: Vec<_> = commands
        .iter()
        .filter_map(|command| Cli::try_parse_from(std::iter::once("sockbench").chain(command.split_whitespace())).ok())
        .collect();
    assert!(parsed.iter().any(loads) && parsed.iter().any(runs), "{name} in {commands:?}");
}

#[test]
fn every_endpoint_can_be_opened_as_it_stands() {
    let mut found = 0;
    for name in DOCUMENTS {
        let text = read(name);
        for span in code_spans(&text).into_iter().filter(|span| span.contains("://") && !span.contains("address")) {
            span.parse::<Endpoint>().unwrap_or_else(|error| panic!("{name}: {span}: {error}"));
            found += 1;
        }
    }
    assert!(found >= 5, "the endpoints were found");
}

#[test]
fn the_profile_loads_without_a_warning() {
    let profiles = blocks(&read("README.md"), "toml");
    let has = |what: &str| profiles.iter().any(|text| text.contains(what));
    assert!(has("[[payload]]") && has("[[scenario]]"));
    for text in profiles {
        let profile = Profile::parse(&text, None).unwrap_or_else(|error| panic!("{error}"));
        assert!(profile.warnings.is_empty(), "{:?}", profile.warnings);
        assert!(!profile.contents.sockets.is_empty());
    }
}

#[test]
fn every_link_leads_to_a_file_that_exists() {
    for name in DOCUMENTS {
        let text = read(name);
        for (at, _) in text.match_indices("](") {
            let target = text[at + 2..].split([')', '#', ' ']).next().unwrap();
            if !target.contains("://") && !target.is_empty() {
                assert!(root().join(target).exists(), "{name} links to {target}");
            }
        }
    }
}

/// A path in backticks is one below the repository or below `src`; a capital word in it stands for any name.
#[test]
fn every_path_exists() {
    for name in DOCUMENTS {
        let text = read(name);
        for span in code_spans(&text) {
            let is_path = span.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c))
                && (span.contains('/') || Path::new(span).extension().is_some_and(|extension| extension == "rs"))
                && !span.starts_with('/');
            if is_path {
                let exists = root().join(span).exists() || root().join("src").join(span).exists();
                assert!(exists, "{name} names {span}");
            }
        }
    }
}

#[test]
fn the_check_runs_the_command_that_tests() {
    let readme = read("README.md");
    let first = blocks(&readme, "sh").into_iter().next().unwrap();
    let test = first.lines().last().unwrap();
    assert!(test.starts_with("cargo "), "{test}");
    let check = read(".ci/run");
    assert!(check.lines().any(|line| line.starts_with(test)), "{test} in .ci/run");
    for peer in ["nc", "ncat", "socat", "python3"] {
        assert!(readme.contains(&format!("`{peer}`")), "the tests need {peer}");
    }
}

#[test]
fn every_key_is_the_key_of_what_it_is_said_to_do() {
    let keymap = Keymap::default();
    let readme = read("README.md");
    for (written, scope, key, action) in KEYS {
        assert!(readme.contains(written), "{written} is no longer in the README");
        let key = key.parse::<KeyCombination>().unwrap();
        let does = keymap.action(*scope, key.into()).map(|spec| spec.name);
        assert_eq!(does, Some(*action), "{written}");
    }
    let known: BTreeSet<&str> =
        KEYS.iter().map(|(written, ..)| *written).chain(KEYS_ELSEWHERE.iter().copied()).collect();
    for word in readme.split(|c: char| !c.is_ascii_alphanumeric() && !"-]\\".contains(c)) {
        let is_chord = ["Ctrl-", "Shift-", "Alt-"].iter().any(|modifier| word.starts_with(modifier));
        let is_function_key = word.strip_prefix('F').is_some_and(|number| number.parse::<u8>().is_ok());
        if is_chord || is_function_key {
            assert!(known.contains(word), "{word} is not checked against the keymap");
        }
    }
}

#[test]
fn the_example_of_a_configuration_is_the_default_and_its_comments_are_settings() {
    let text = read("config.example.toml");
    let path = Path::new("config.example.toml");
    let config = Config::parse(&text, Some(path)).unwrap_or_else(|error| panic!("{error}"));
    let default = Config::default();
    assert_eq!(
        (config.theme, config.memory, config.mouse, config.time),
        (default.theme, default.memory, default.mouse, default.time)
    );
    assert!(config.keys.is_empty() && config.defaults.is_empty() && config.warnings.is_empty());

    let set: String = text
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(setting) if setting.starts_with(|c: char| c.is_ascii_lowercase()) => format!("{setting}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let config = Config::parse(&set, Some(path)).unwrap_or_else(|error| panic!("{error}"));
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    assert!(!config.keys.is_empty() && !config.defaults.is_empty());
    let mut keymap = Keymap::default();
    for binding in &config.keys {
        keymap.bind(&binding.action, &binding.chords).unwrap_or_else(|error| panic!("{}", error.0));
    }
}

#[test]
fn the_lists_that_the_documentation_sends_to_are_whole() {
    let listed = sockbench::listing::actions_table();
    for action in actions() {
        assert!(listed.contains(action.name), "{} is not listed", action.name);
    }
}

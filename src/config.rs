//! The configuration: `config.toml`, what a user sets once for every bench.
//!
//! Owns the file's keys, their defaults and their mistakes. It never knows which actions and key chords there are: it
//! keeps where each stands, so that whoever knows can say what is wrong with it at the right place.

use std::ops::Range;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use toml_edit::{Item, TableLike, Value};

use crate::contract::{SCHEMES, option_spec, parse_size};
use crate::diagnostic::{Diagnostic, Invalid, Severity, Source};
use crate::document::{Reader, key_span, read_file, without_mark};

/// What the user has set, or the defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The colours and signs of the screen; `None` where the file does not say.
    pub theme: Option<Theme>,
    /// What the log may hold in memory, in bytes; at least 1 MiB.
    pub memory: u64,
    /// Whether clicks and the wheel act in the program; if not, the terminal selects text with them.
    pub mouse: bool,
    /// How the log shows when a thing happened.
    pub time: TimeFormat,
    /// What the user wants on other keys than the program's own, in the file's order.
    pub keys: Vec<KeyBinding>,
    /// Options for new sockets, by name, in the file's order; each holds for the schemes that have the option. The
    /// names are in the table of options, and the values are ones that the option can have.
    pub defaults: Vec<(String, String)>,
    /// What was read and is not used.
    pub warnings: Vec<Diagnostic>,
    path: Option<PathBuf>,
    text: String,
}

/// The colours and signs of the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// The terminal's own sixteen colours.
    #[default]
    Terminal,
    /// As much contrast as the terminal can give.
    HighContrast,
    /// No character outside ASCII: what comes from outside is escaped where it has others.
    Ascii,
}

/// How the log shows when a thing happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeFormat {
    /// The time of day, in the system's time zone.
    #[default]
    Local,
    /// The time of day, in UTC.
    Utc,
    /// The time since the program began.
    Elapsed,
}

/// The keys that an action is to have, as the file says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyBinding {
    /// The action's name; it may be one that does not exist.
    pub action: String,
    /// The chords, such as `ctrl-n`; they may be ones that do not exist. None at all takes the action off every key.
    pub chords: Vec<String>,
    /// The line in which the action's name stands, from 1.
    pub line: usize,
    /// The character in that line, from 1.
    pub column: usize,
    action_at: Range<usize>,
    chords_at: Vec<Range<usize>>,
}

/// Words of the file, each with what it means.
type Words<T> = &'static [(&'static str, T)];

impl Theme {
    /// Every theme with its name in the file.
    pub const ALL: Words<Self> =
        &[("terminal", Self::Terminal), ("high-contrast", Self::HighContrast), ("ascii", Self::Ascii)];
}

impl TimeFormat {
    /// Every way to show the time with its name in the file.
    pub const ALL: Words<Self> = &[("local", Self::Local), ("utc", Self::Utc), ("elapsed", Self::Elapsed)];
}

/// The least that the log may be held to, in bytes.
pub(crate) const MIN_MEMORY: u64 = 1 << 20;

impl Default for Config {
    fn default() -> Self {
        Self {
            theme: None,
            memory: 256 << 20,
            mouse: true,
            time: TimeFormat::default(),
            keys: Vec::new(),
            defaults: Vec::new(),
            warnings: Vec::new(),
            path: None,
            text: String::new(),
        }
    }
}

impl Config {
    /// Reads a configuration's text; `path` is the file that it was read from.
    ///
    /// # Errors
    /// Every mistake in the text.
    pub fn parse(text: &str, path: Option<&Path>) -> Result<Self, Invalid> {
        let text = without_mark(text);
        let mut reader = Reader::new(Source { path, text });
        let document = reader.parse()?;
        let mut config = Self { path: path.map(Path::to_path_buf), text: text.to_owned(), ..Self::default() };
        for (key, item) in document.iter() {
            match key {
                "theme" => config.theme = Some(read_word(&mut reader, key, item, Theme::ALL)),
                "time" => config.time = read_word(&mut reader, key, item, TimeFormat::ALL),
                "memory" => config.memory = read_memory(&mut reader, key, item).unwrap_or(config.memory),
                "mouse" => config.mouse = reader.flag(key, item).unwrap_or(config.mouse),
                "keys" => {
                    if let Some(table) = table(&mut reader, key, item) {
                        config.keys = read_keys(&mut reader, table);
                    }
                }
                "defaults" => {
                    if let Some(table) = table(&mut reader, key, item) {
                        config.defaults = read_defaults(&mut reader, table);
                    }
                }
                _ => reader.unknown_key(
                    document.as_table(),
                    key,
                    &["theme", "time", "memory", "mouse", "keys", "defaults"],
                ),
            }
        }
        let errors = reader.take_errors();
        config.warnings = reader.take_warnings();
        if !errors.is_empty() {
            let mut told = [config.warnings, errors].concat();
            told.sort_by_key(|told| (told.line, told.column));
            return Err(Invalid(told));
        }
        Ok(config)
    }

    /// Reads a configuration's file.
    ///
    /// # Errors
    /// When the file can't be read, and as [`parse`](Self::parse).
    pub fn load(path: &Path) -> Result<Self, Invalid> {
        Self::parse(&read_file(path)?, Some(path))
    }

    /// The file that is read when the user names none, `$XDG_CONFIG_HOME/sockbench/config.toml`, on every system;
    /// `None` where there is no home. It need not exist.
    #[must_use]
    pub fn default_path() -> Option<PathBuf> {
        let base = etcetera::base_strategy::Xdg::new().ok()?;
        Some(base.config_dir().join("sockbench").join("config.toml"))
    }

    /// An error at the name of a binding's action.
    #[must_use]
    pub fn key_error(&self, binding: &KeyBinding, message: impl Into<String>) -> Diagnostic {
        self.source().diagnostic(Severity::Error, binding.action_at.clone(), message)
    }

    /// An error at one of a binding's chords; without such a chord, at the name of its action.
    #[must_use]
    pub fn chord_error(&self, binding: &KeyBinding, chord: usize, message: impl Into<String>) -> Diagnostic {
        let at = binding.chords_at.get(chord).unwrap_or(&binding.action_at);
        self.source().diagnostic(Severity::Error, at.clone(), message)
    }

    fn source(&self) -> Source<'_> {
        Source { path: self.path.as_deref(), text: &self.text }
    }
}

fn table<'i>(reader: &mut Reader<'_>, key: &str, item: &'i Item) -> Option<&'i dyn TableLike> {
    let table = item.as_table_like();
    if table.is_none() {
        reader.wrong_type(key, item, &format!("a table, under [{key}]"));
    }
    table
}

fn read_word<T: Copy + Default>(reader: &mut Reader<'_>, key: &str, item: &Item, words: Words<T>) -> T {
    let Some(text) = reader.string(key, item) else { return T::default() };
    if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == text) {
        return *meaning;
    }
    let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
    let at = reader.inside(item, text, 0..text.len());
    reader.error(at, format!("{key}: `{text}` is none of {}", known.join(", ")));
    T::default()
}

fn read_memory(reader: &mut Reader<'_>, key: &str, item: &Item) -> Option<u64> {
    let text = reader.string(key, item)?;
    let size = parse_size(text).and_then(|size| match size {
        MIN_MEMORY.. => Ok(size),
        _ => Err(format!("`{text}` is less than 1MiB")),
    });
    size.map_err(|message| {
        let at = reader.inside(item, text, 0..text.len());
        reader.error(at, format!("{key}: {message}"));
    })
    .ok()
}

fn read_keys(reader: &mut Reader<'_>, table: &dyn TableLike) -> Vec<KeyBinding> {
    let mut bindings = Vec::new();
    for (action, item) in table.iter() {
        let values: Vec<&Value> = match item {
            Item::Value(Value::Array(array)) => array.iter().collect(),
            Item::Value(value) => vec![value],
            _ => Vec::new(),
        };
        if item.as_table_like().is_some() || item.is_array_of_tables() || !values.iter().all(|value| value.is_str()) {
            reader.wrong_type(action, item, "a chord such as \"ctrl-n\", or a list of chords");
            continue;
        }
        let action_at = key_span(table, action);
        bindings.push(KeyBinding {
            action: action.to_owned(),
            chords: values.iter().filter_map(|value| value.as_str()).map(str::to_owned).collect(),
            line: reader.line(&action_at),
            column: reader.column(&action_at),
            action_at,
            chords_at: values.iter().map(|value| value.span().unwrap_or(0..0)).collect(),
        });
    }
    bindings
}

fn read_defaults(reader: &mut Reader<'_>, table: &dyn TableLike) -> Vec<(String, String)> {
    let mut defaults = Vec::new();
    for (name, item) in table.iter() {
        if let Some(spec) = option_spec(name) {
            defaults.extend(reader.option_value(spec, item).map(|text| (name.to_owned(), text)));
        } else {
            let known: Vec<_> = SCHEMES.iter().flat_map(|scheme| scheme.options).map(|option| option.name).collect();
            reader.unknown_key(table, name, &known);
        }
    }
    defaults
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../config.example.toml");

    /// Without what is not a setting: where it came from.
    fn settings(config: Config) -> Config {
        Config { path: None, text: String::new(), ..config }
    }

    fn errors(text: &str) -> Vec<Diagnostic> {
        Config::parse(text, Some(Path::new("config.toml"))).unwrap_err().0
    }

    #[test]
    fn the_example_shows_the_defaults() {
        assert_eq!(settings(Config::parse(EXAMPLE, None).unwrap()), Config::default());
    }

    #[test]
    fn what_the_example_has_behind_a_comment_sign_can_be_used() {
        let used: Vec<_> = EXAMPLE
            .lines()
            .map(|line| line.strip_prefix('#').filter(|rest| rest.starts_with(char::is_alphabetic)).unwrap_or(line))
            .collect();
        let config = Config::parse(&used.join("\n"), None).unwrap();
        assert_eq!(config.warnings, []);
        assert!(!config.keys.is_empty() && !config.defaults.is_empty());
    }

    #[test]
    fn every_key_is_read() {
        let config = Config::parse(
            "theme = 'high-contrast'\nmemory = '64MiB'\nmouse = false\ntime = 'utc'\n\
             [keys]\nnew-socket = 'ctrl-n'\nquit = ['ctrl-q', 'f10']\nredraw = []\n\
             [defaults]\neol = 'crlf'\nbacklog = 5\nnodelay = false\nconnect-timeout = '3s'\n",
            None,
        )
        .unwrap();
        assert_eq!((config.theme, config.time), (Some(Theme::HighContrast), TimeFormat::Utc));
        assert_eq!((config.memory, config.mouse), (64 << 20, false));
        let keys: Vec<_> =
            config.keys.iter().map(|key| (key.action.as_str(), key.chords.join(" "), key.line)).collect();
        let wanted = [("new-socket", "ctrl-n", 6), ("quit", "ctrl-q f10", 7), ("redraw", "", 8)];
        assert_eq!(keys, wanted.map(|(action, chords, line)| (action, chords.to_owned(), line)));
        let defaults: Vec<_> = config.defaults.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(defaults, ["eol=crlf", "backlog=5", "nodelay=false", "connect-timeout=3s"]);
    }

    #[test]
    fn every_mistake_is_told_at_its_place() {
        let text =
            "theme = 'dark'\nmemory = 5\nmouse = 'no'\ntime = 1\nkeys = 1\n[defaults]\neol = 'x'\nbacklog = -1\n";
        let places: Vec<_> = errors(text).iter().map(|error| (error.line, error.column)).collect();
        assert_eq!(places, [(1, 10), (2, 10), (3, 9), (4, 8), (5, 8), (7, 8), (8, 11)]);
        assert_eq!(errors("memory = '1KiB'\n[keys]\nquit = ['q', 1]\n").len(), 2);
    }

    #[test]
    fn unknown_keys_are_warnings() {
        let config = Config::parse("tehme = 'ascii'\n[defaults]\nframing = 'line'\ncolour = 1\n", None).unwrap();
        assert_eq!(config.warnings.iter().map(|warning| warning.line).collect::<Vec<_>>(), [1, 4]);
        assert_eq!(config.defaults, [("framing".to_owned(), "line".to_owned())]);
    }

    #[test]
    fn a_binding_knows_where_it_stands() {
        let text = "\u{feff}# keys\n[keys]\n  quit = ['ctrl-q', 'ctrl-ö']\n";
        let config = Config::parse(text, Some(Path::new("config.toml"))).unwrap();
        let binding = &config.keys[0];
        assert_eq!((binding.line, binding.column), (3, 3));
        let error = config.key_error(binding, "no such action");
        assert_eq!((error.line, error.column), (3, 3));
        let error = config.chord_error(binding, 1, "no such key");
        assert_eq!((error.line, error.column), (3, 21));
        assert!(error.to_string().contains("^^^^^^^^"), "{error}");
    }
}

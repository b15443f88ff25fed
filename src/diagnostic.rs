//! Diagnostics: what is wrong in a file that a person wrote, and exactly where.
//!
//! Owns the position (file, line, column), the offending text, and how both are shown with a caret under the place. It
//! never reads a file and never decides what is wrong. What it shows is free of control characters, whatever the file
//! holds.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

/// Whether it stops the file from being used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The file can't be used.
    Error,
    /// The file is used; this part of it is not.
    Warning,
}

/// One mistake in a file, and where it is.
///
/// [`Display`](fmt::Display) is [`render`](Self::render) without colour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file, if the text came from one.
    pub path: Option<PathBuf>,
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
    /// Whether the file can be used all the same.
    pub severity: Severity,
    /// What is wrong. No full stop.
    pub message: String,
    /// What to do about it, where that is not plain from the message.
    pub help: Option<String>,
    excerpt: Option<Excerpt>,
}

/// The part of the line that is shown, and what of it is marked, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Excerpt {
    text: String,
    at: Range<usize>,
    is_from_start: bool,
}

/// A file that can't be used, with every mistake that was found; at least one. Warnings of what was not used stand among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid(pub Vec<Diagnostic>);

/// A file's text, to make diagnostics from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    /// Where the text came from.
    pub(crate) path: Option<&'a Path>,
    /// All of it.
    pub(crate) text: &'a str,
}

impl Source<'_> {
    /// A diagnostic about these bytes of the text. A range that goes on past its line is cut there.
    pub(crate) fn diagnostic(&self, severity: Severity, at: Range<usize>, message: impl Into<String>) -> Diagnostic {
        let start = floor(self.text, at.start);
        let line_start = self.text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = self.text[start..].find('\n').map_or(self.text.len(), |newline| start + newline);
        let line = self.text[line_start..line_end].trim_end_matches('\r');
        let from = (start - line_start).min(line.len());
        let to = floor(line, at.end.max(start) - line_start).max(from);
        Diagnostic {
            path: self.path.map(Path::to_path_buf),
            line: self.text[..line_start].matches('\n').count() + 1,
            column: line[..from].chars().count() + 1,
            severity,
            message: message.into(),
            help: None,
            excerpt: Some(Excerpt::new(line, from..to)),
        }
    }
}

impl Diagnostic {
    /// An error about a file as a whole, such as one that can't be read.
    #[must_use]
    pub fn of_file(path: &Path, message: impl Into<String>) -> Self {
        Self {
            path: Some(path.to_path_buf()),
            line: 1,
            column: 1,
            severity: Severity::Error,
            message: message.into(),
            help: None,
            excerpt: None,
        }
    }

    /// Says also what to do.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Writes it for a person, over several lines: the message, `file:line:column`, the line and a caret under the
    /// place. With `color`, in the terminal's colours.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let path = self.path.as_ref().map(|path| visible(&path.to_string_lossy()));
        let mut group = Group::with_title(level.primary_title(visible(&self.message)));
        if let Some(excerpt) = &self.excerpt {
            let place = path.unwrap_or_else(|| "<text>".to_owned());
            let mut snippet = Snippet::source(excerpt.text.as_str())
                .line_start(self.line)
                .annotation(AnnotationKind::Primary.span(excerpt.at.clone()));
            if excerpt.is_from_start {
                snippet = snippet.path(place);
            } else {
                // The column counted in the excerpt would not be that in the file.
                group = group.element(Origin::path(place).line(self.line).char_column(self.column));
            }
            group = group.element(snippet);
        } else if let Some(path) = path {
            group = group.element(Origin::path(path));
        }
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(visible(help)));
        }
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&[group])
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            diagnostic.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Invalid {}

impl Excerpt {
    /// How much of a line is shown before and after the beginning of what is marked, in bytes.
    const BEFORE: usize = 60;
    const AFTER: usize = 120;

    fn new(line: &str, at: Range<usize>) -> Self {
        let begin = floor(line, at.start.saturating_sub(Self::BEFORE));
        let end = floor(line, at.start + Self::AFTER).max(at.start);
        let before = visible(&line[begin..at.start]);
        let marked = visible(&line[at.start..at.end.min(end)]);
        let after = visible(&line[at.end.min(end)..end]);
        let at = before.len()..before.len() + marked.len();
        Self { at, text: before + &marked + &after, is_from_start: begin == 0 }
    }
}

/// The text with every control character (the terminal's orders among them) replaced by one that only shows.
fn visible(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\t' | '\n' => ' ',
            // Unicode's pictures of the control characters stand in the same order as these.
            '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(c)).unwrap_or(char::REPLACEMENT_CHARACTER),
            c if c.is_control() => char::REPLACEMENT_CHARACTER,
            c => c,
        })
        .collect()
}

/// The nearest place at or before `at` that is inside the text and between two characters.
fn floor(text: &str, at: usize) -> usize {
    text.floor_char_boundary(at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn diagnostic(text: &str, at: Range<usize>) -> Diagnostic {
        Source { path: Some(Path::new("a.toml")), text }.diagnostic(Severity::Error, at, "it is wrong")
    }

    #[test]
    fn it_shows_the_place() {
        let text = "one = 1\ntwö = \"x\"\n";
        let at = text.find("\"x\"").unwrap();
        let shown = diagnostic(text, at..at + 3).with_help("write y").to_string();
        let expected = "\
error: it is wrong
 --> a.toml:2:7
  |
2 | twö = \"x\"
  |       ^^^
  = help: write y";
        let trimmed: Vec<_> = shown.lines().map(str::trim_end).filter(|line| *line != "  |").collect();
        let expected: Vec<_> = expected.lines().filter(|line| *line != "  |").collect();
        assert_eq!(trimmed, expected, "{shown}");
    }

    #[test]
    fn a_long_line_is_shown_in_part_with_its_true_column() {
        let text = format!("x{}bad{}", " ".repeat(100_000), "y".repeat(100_000));
        let shown = diagnostic(&text, 100_001..100_004).to_string();
        assert!(shown.contains("a.toml:1:100002"), "{shown}");
        assert!(shown.contains("bad") && shown.contains("^^^") && shown.len() < 2_000, "{shown}");
    }

    proptest! {
        #[test]
        fn any_place_in_any_text_can_be_shown(text in "(\\PC|[\\x00-\\x9f]|\r\n){0,40}", from in 0usize..80, len in 0usize..80) {
            let diagnostic = diagnostic(&text, from..from + len);
            let shown = diagnostic.render(false);
            prop_assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
            prop_assert!(diagnostic.line <= text.matches('\n').count() + 1);
        }
    }
}

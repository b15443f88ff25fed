//! How things look: styles by meaning, and the marks that go with them, so that nothing is told by colour alone.

use ratatui::style::{Color, Modifier, Style};

use super::canvas::BorderSet;
use crate::config::Theme;
use crate::log::sanitise::Repertoire;

/// Styles and marks by meaning.
#[derive(Clone, Debug)]
pub(super) struct Look {
    pub(super) text: Style,
    pub(super) dim: Style,
    pub(super) title: Style,
    pub(super) border: Style,
    pub(super) border_focused: Style,
    pub(super) received: Style,
    pub(super) sent: Style,
    pub(super) good: Style,
    pub(super) warning: Style,
    pub(super) error: Style,
    pub(super) selected: Style,
    pub(super) selected_unfocused: Style,
    /// Over whatever style what was looked for has, that of a selected row included.
    pub(super) found: Style,
    pub(super) key: Style,
    pub(super) badge: Style,
    pub(super) marks: &'static Marks,
    /// What of all that comes from outside is drawn as it is.
    pub(super) repertoire: Repertoire,
    pub(super) frame: BorderSet,
    pub(super) frame_focused: BorderSet,
}

/// The glyphs that carry meaning.
#[derive(Debug)]
pub(super) struct Marks {
    pub(super) open: &'static str,
    pub(super) half: &'static str,
    pub(super) closed: &'static str,
    pub(super) failed: &'static str,
    pub(super) waiting: &'static str,
    pub(super) root: &'static str,
    pub(super) received: &'static str,
    /// What came with the same `recv` as the line above, and the last that did.
    pub(super) received_with: &'static str,
    pub(super) received_last: &'static str,
    /// What came in several parts.
    pub(super) split: &'static str,
    pub(super) sent: &'static str,
    pub(super) down: &'static str,
    pub(super) up: &'static str,
    pub(super) arrow: &'static str,
    pub(super) dot: &'static str,
    pub(super) bar: &'static str,
    pub(super) delta: &'static str,
    pub(super) none: &'static str,
    pub(super) plus_minus: &'static str,
    pub(super) ellipsis: &'static str,
    pub(super) bookmark: &'static str,
    pub(super) blocks: &'static Blocks,
    pub(super) chosen: &'static str,
}

/// What charts are drawn with.
#[derive(Debug)]
pub(super) struct Blocks {
    /// Cells filled from below, from nothing to all in eighths.
    pub(super) up: [&'static str; 9],
    /// Cells filled from above, from nothing to all in halves.
    pub(super) down: [&'static str; 3],
    /// Cells filled from the left, from nothing to all in eighths.
    pub(super) right: [&'static str; 9],
    /// Nothing went above it, and nothing below.
    pub(super) line: &'static str,
}

static UNICODE_BLOCKS: Blocks = Blocks {
    up: [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
    down: [" ", "▀", "█"],
    right: [" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"],
    line: "─",
};

static ASCII_BLOCKS: Blocks = Blocks {
    up: [" ", ".", ".", ".", ":", ":", ":", "|", "#"],
    down: [" ", "'", "#"],
    right: [" ", "-", "-", "-", "=", "=", "=", "=", "#"],
    line: "-",
};

static UNICODE: Marks = Marks {
    open: "●",
    half: "◐",
    closed: "○",
    failed: "✖",
    waiting: "…",
    root: "▾",
    received: "←RX",
    received_with: "├RX",
    received_last: "└RX",
    split: "⋯",
    sent: "→TX",
    down: "↓",
    up: "↑",
    arrow: "→",
    dot: "·",
    bar: "│",
    delta: "Δ",
    none: "–",
    plus_minus: "±",
    ellipsis: "…",
    bookmark: "◆",
    blocks: &UNICODE_BLOCKS,
    chosen: "█",
};

static ASCII: Marks = Marks {
    open: "*",
    half: "%",
    closed: "o",
    failed: "x",
    waiting: "~",
    root: "-",
    received: "<RX",
    received_with: "|RX",
    received_last: "`RX",
    split: "..",
    sent: ">TX",
    down: "v",
    up: "^",
    arrow: "->",
    dot: "|",
    bar: "|",
    delta: "+/-",
    none: "-",
    plus_minus: "+/-",
    ellipsis: "..",
    bookmark: "#",
    blocks: &ASCII_BLOCKS,
    chosen: ">",
};

impl Look {
    /// The look of a theme; `colour` is false where `NO_COLOR` is set.
    pub(super) fn new(theme: Theme, colour: bool) -> Self {
        let style = Style::new();
        let bold = style.add_modifier(Modifier::BOLD);
        let reversed = style.add_modifier(Modifier::REVERSED);
        let plain = Self {
            text: style,
            dim: style.add_modifier(Modifier::DIM),
            title: bold,
            border: style.add_modifier(Modifier::DIM),
            border_focused: bold,
            received: style,
            sent: bold,
            good: style,
            warning: bold,
            error: bold,
            selected: reversed,
            selected_unfocused: style.add_modifier(Modifier::UNDERLINED),
            found: bold.add_modifier(Modifier::UNDERLINED),
            key: bold,
            badge: reversed,
            marks: &UNICODE,
            repertoire: Repertoire::Unicode,
            frame: BorderSet::Plain,
            frame_focused: BorderSet::Heavy,
        };
        let coloured = |look: Self| Self {
            // The bright one: the dark blue of many terminals can hardly be read on black.
            received: style.fg(Color::LightBlue),
            // Orange is not among the sixteen colours; yellow is what their themes have in its place.
            sent: style.fg(Color::Yellow),
            good: style.fg(Color::Green),
            warning: bold.fg(Color::Yellow),
            error: bold.fg(Color::Red),
            border_focused: bold.fg(Color::Cyan),
            key: bold.fg(Color::Cyan),
            badge: reversed.fg(Color::Cyan).add_modifier(Modifier::BOLD),
            found: bold.fg(Color::Black).bg(Color::Yellow).remove_modifier(Modifier::REVERSED),
            // One colour for the whole row, or each piece of it would be a block of its own.
            selected: reversed.fg(Color::Reset).remove_modifier(Modifier::DIM),
            ..look
        };
        let look = match theme {
            Theme::Terminal => plain,
            Theme::HighContrast => Self { dim: style, border: style, received: bold, ..plain },
            Theme::Ascii => Self {
                marks: &ASCII,
                repertoire: Repertoire::Ascii,
                frame: BorderSet::Ascii,
                frame_focused: BorderSet::AsciiHeavy,
                ..plain
            },
        };
        match (colour, theme) {
            (true, Theme::HighContrast) => Self {
                received: bold.fg(Color::LightCyan),
                sent: bold.fg(Color::LightYellow),
                error: bold.fg(Color::White).bg(Color::Red),
                warning: bold.fg(Color::Black).bg(Color::Yellow),
                ..coloured(look)
            },
            (true, _) => coloured(look),
            (false, _) => look,
        }
    }
}

//! Regular expressions: the syntax of the `regex` crate, over bytes, with an end to what they may cost.
//!
//! Owns how large one may be, and what is told of one that can't be compiled. Every regular expression of the program is
//! one of these. It never knows where it was written, or what it is looked for in.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use regex_automata::Input;
use regex_automata::meta::{BuildError, Config, Regex};
use regex_automata::nfa::thompson::WhichCaptures;
use regex_automata::util::syntax;

/// The longest text of one, in bytes: what is read of it takes some thousand times as much for a moment.
pub const TEXT_MAX: usize = 16 << 10;

/// The largest automaton that one may be compiled to, in bytes. It is 10,000 states and more, each of which may have to be
/// looked at for each byte that is searched; and it is as much as `(?s).{0,1000}x` takes, or `\w{1,20}`. 1,000 words in
/// any case take a quarter of it.
pub const SIZE_MAX: usize = 1 << 20;

/// The most groups that one may capture: while it is searched, each state may remember the places of each.
pub const GROUPS_MAX: usize = 32;

/// A regular expression, compiled once for all who have a copy.
#[derive(Clone)]
pub struct Expression(Arc<Compiled>);

struct Compiled {
    text: Box<str>,
    regex: Regex,
    /// What matched included.
    captures: usize,
    /// How many states there are at most to be looked at for each byte.
    weight: usize,
}

/// What is wrong in a regular expression: where in its text, in bytes, and what, as one sentence without a full stop.
pub type Wrong = (Range<usize>, String);

impl Expression {
    /// One that finds, and captures nothing. In any case where it is `insensitive`; `(?-u)` in it takes bytes for
    /// characters.
    ///
    /// # Errors
    /// What is wrong in it, or that it is too large.
    pub fn new(text: &str, insensitive: bool) -> Result<Self, Wrong> {
        check_length(text)?;
        Self::of(text, insensitive)
    }

    /// As [`new`](Self::new), of a text that stands for what a user wrote in a shorter way.
    ///
    /// # Errors
    /// As those of [`new`](Self::new), whatever its length.
    pub fn of(text: &str, insensitive: bool) -> Result<Self, Wrong> {
        Self::build(text, insensitive, WhichCaptures::Implicit)
    }

    /// One that captures its groups, too.
    ///
    /// # Errors
    /// As those of [`new`](Self::new), and that it has too many groups.
    pub fn capturing(text: &str) -> Result<Self, Wrong> {
        check_length(text)?;
        let expression = Self::build(text, false, WhichCaptures::All)?;
        let groups = expression.captures_len() - 1;
        if groups > GROUPS_MAX {
            let why = format!(
                "{groups} groups are too many; at most {GROUPS_MAX} are captured, and (?:...) captures nothing"
            );
            return Err((0..text.len(), why));
        }
        Ok(expression)
    }

    fn build(text: &str, insensitive: bool, captures: WhichCaptures) -> Result<Self, Wrong> {
        let config = Config::new().utf8_empty(false).nfa_size_limit(Some(SIZE_MAX)).which_captures(captures);
        let syntax = syntax::Config::new().utf8(false).case_insensitive(insensitive);
        let built = Regex::builder().configure(config).syntax(syntax).build(text);
        let regex = built.map_err(|error| wrong(text, &error))?;
        // The `regex` counts the groups that are written.
        let captures = if matches!(captures, WhichCaptures::All) { regex.captures_len() } else { 1 };
        let weight = 1 + regex.memory_usage() / BYTES_A_STATE;
        Ok(Self(Arc::new(Compiled { text: text.into(), regex, captures, weight })))
    }

    /// The text that it was compiled from.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// How many captures a match has, what matched included.
    #[must_use]
    pub fn captures_len(&self) -> usize {
        self.0.captures
    }

    /// How many states there are at most to be looked at for each byte: about 10 ns each where that is so.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.0.weight
    }

    /// Whether it is in there.
    #[must_use]
    pub fn is_in(&self, haystack: &[u8]) -> bool {
        self.0.regex.is_match(haystack)
    }

    /// The first place in there that begins at this byte or after it.
    #[must_use]
    pub fn find_at(&self, haystack: &[u8], at: usize) -> Option<Range<usize>> {
        self.0.regex.search(&Input::new(haystack).range(at..)).map(|found| found.range())
    }

    /// Where it is in there, each time.
    pub fn find_iter<'a>(&'a self, haystack: &'a [u8]) -> impl Iterator<Item = Range<usize>> + 'a {
        self.0.regex.find_iter(haystack).map(|found| found.range())
    }

    /// The first place in there, and what each group captured, what matched before all, and empty where a group took no
    /// part.
    #[must_use]
    pub fn captures<'a>(&self, haystack: &'a [u8]) -> Option<(Range<usize>, Vec<&'a [u8]>)> {
        if self.captures_len() == 1 {
            let at = self.find_at(haystack, 0)?;
            return Some((at.clone(), vec![&haystack[at]]));
        }
        let mut captures = self.0.regex.create_captures();
        self.0.regex.captures(haystack, &mut captures);
        let at = captures.get_match()?.range();
        Some((at, captures.iter().map(|group| group.map_or(&b""[..], |group| &haystack[group.range()])).collect()))
    }
}

/// Equal when they are written alike.
impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Expression {}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/", self.as_str())
    }
}

/// About how much memory goes to a state.
const BYTES_A_STATE: usize = 64;

fn check_length(text: &str) -> Result<(), Wrong> {
    if text.len() > TEXT_MAX {
        let why = format!("a regular expression of {} bytes is too long; at most {TEXT_MAX} are compiled", text.len());
        return Err((0..text.len(), why));
    }
    Ok(())
}

fn wrong(text: &str, error: &BuildError) -> Wrong {
    match error.syntax_error() {
        Some(regex_syntax::Error::Parse(error)) => {
            (error.span().start.offset..error.span().end.offset, error.kind().to_string())
        }
        Some(regex_syntax::Error::Translate(error)) => {
            (error.span().start.offset..error.span().end.offset, error.kind().to_string())
        }
        _ => {
            let why =
                format!("too large once written out, more than {} MiB; (?-u) makes classes smaller", SIZE_MAX >> 20);
            (0..text.len(), why)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Some of what a user may well look for.
    fn usual() -> Vec<String> {
        let words: Vec<_> = (0..1_000).map(|number| format!("word{}x{number}", number * 7_919 % 1_000)).collect();
        let words = words.join("|");
        let mut usual: Vec<_> = [
            r"\pL+",
            r"\w{1,20}",
            r"(?-u:\w){1,255}",
            r"\d{1,3}(\.\d{1,3}){3}",
            "[0-9a-f]{64}",
            "(?i)stra\u{df}e gr\u{f6}\u{df}e \u{43a}\u{43b}\u{44e}\u{447}",
            "(?s).{0,1000}x",
            "[ab]{6000}c",
            r#"^(\S+) (\S+) (\S+) \[([\w:/]+\s[+\-]\d{4})\] "(\S+) (\S+)\s*(\S+)?\s*" (\d{3}) (\S+)"#,
        ]
        .map(str::to_owned)
        .into();
        usual.extend([format!("(?i){words}"), words]);
        usual
    }

    #[test]
    fn what_is_usual_is_compiled() {
        for text in usual() {
            let expression = Expression::capturing(&text).unwrap_or_else(|(_, why)| panic!("{text}: {why}"));
            assert!(!expression.is_in(b""), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_at_its_place() {
        for compile in [Expression::capturing, |text: &str| Expression::new(text, false)] {
            let error = |text| compile(text).unwrap_err();
            assert_eq!(error("ab(c"), (2..3, "unclosed group".to_owned()));
            assert_eq!(
                error("é[z-a]"),
                (3..6, "invalid character class range, the start must be <= the end".to_owned())
            );
        }
    }

    #[test]
    fn what_would_take_too_much_is_an_error() {
        let compilers = [
            Expression::capturing,
            |text: &str| Expression::new(text, false),
            |text: &str| Expression::new(text, true),
        ];
        for (unit, times, rest) in [
            ("(a|b)*", 40_000, ""),
            ("()", TEXT_MAX, ""),
            ("(", TEXT_MAX, ""),
            ("(?:", 1_000, ""),
            ("[a&&", TEXT_MAX / 4, ""),
            ("()", 150, "(?:[ab]{100000})?"),
            (r"\W", TEXT_MAX / 2, ""),
            ("", 0, "(a{1000}){1000}"),
            ("", 0, r"(?i)\pL{1000}"),
            ("", 0, "(((a{0,100}){0,100}){0,100}){0,100}"),
        ] {
            let text = unit.repeat(times) + rest;
            for compile in compilers {
                // What was compiled would fill the screen.
                let Err((at, why)) = compile(&text) else { panic!("{times} times {unit}, {rest}") };
                assert!(text.get(at).is_some() && !why.is_empty(), "{why}");
            }
        }
        let groups = |count| Expression::capturing(&"(a)".repeat(count)).map(|one| one.captures_len());
        assert_eq!(groups(GROUPS_MAX), Ok(GROUPS_MAX + 1));
        assert!(groups(GROUPS_MAX + 1).unwrap_err().1.contains("33 groups"));
    }

    #[test]
    fn groups_that_nobody_names_take_no_memory() {
        let text = "()".repeat(1_000) + "(a){0,100}b";
        let expression = Expression::new(&text, false).unwrap();
        assert_eq!(expression.captures_len(), 1);
        assert_eq!(expression.captures(b"xaaby"), Some((1..4, vec![&b"aab"[..]])));
    }
}

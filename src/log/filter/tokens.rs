//! From a filter's text to its tokens: quotes, negations, parentheses, keys and their values.
//!
//! Owns the surface of the language. Of the keys it knows only that the values of one are patterns between slashes.

use std::ops::Range;

use super::FilterError;
use super::keys::PATTERN_KEY;

/// One term as it is written, or what stands between terms.
pub(super) struct Token {
    /// All of it, its `!` included.
    pub(super) at: Range<usize>,
    pub(super) negated: bool,
    pub(super) kind: TokenKind,
}

pub(super) enum TokenKind {
    Or,
    Open,
    Close,
    /// Text to look for.
    Words(String),
    /// `key:value|value`, each value with its place.
    Keyed {
        key: String,
        key_at: Range<usize>,
        values: Vec<(String, Range<usize>)>,
    },
}

/// Reads all of the text. Parentheses may be left open, but none is closed that is not open.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, FilterError> {
    let mut tokens = Vec::new();
    let mut reader = Reader { text, at: 0, depth: 0 };
    loop {
        reader.skip_blanks();
        if reader.peek().is_none() {
            return Ok(tokens);
        }
        tokens.push(reader.token()?);
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// How many parentheses are open.
    depth: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let taken = self.peek()?;
        self.at += taken.len_utf8();
        Some(taken)
    }

    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.take();
        }
    }

    fn at_end_of_term(&self) -> bool {
        self.peek().is_none_or(|next| next.is_whitespace() || next == ')' && self.depth > 0)
    }

    fn token(&mut self) -> Result<Token, FilterError> {
        let start = self.at;
        let mut negated = false;
        while self.peek() == Some('!') {
            self.take();
            negated = !negated;
        }
        let kind = match self.peek() {
            Some('(') => {
                self.take();
                self.depth += 1;
                TokenKind::Open
            }
            Some(')') if start == self.at => {
                self.take();
                self.depth = self.depth.checked_sub(1).ok_or_else(|| {
                    FilterError::new(start..self.at, "no parenthesis is open here; in quotes it is a text")
                })?;
                TokenKind::Close
            }
            _ if self.at_end_of_term() => {
                return Err(FilterError::new(start..self.at, "nothing stands after this `!`"));
            }
            _ => self.term(start)?,
        };
        Ok(Token { at: start..self.at, negated, kind })
    }

    fn term(&mut self, start: usize) -> Result<TokenKind, FilterError> {
        if let Some(key_end) = self.key_end() {
            let key_at = self.at..key_end;
            let key = self.text[key_at.clone()].to_owned();
            self.at = key_end + ":".len();
            let values = self.values(key == PATTERN_KEY)?;
            return Ok(TokenKind::Keyed { key, key_at, values });
        }
        let is_quoted = self.peek() == Some('"');
        let word = self.piece(false)?;
        if word == "|" && !is_quoted && start + 1 == self.at {
            Ok(TokenKind::Or)
        } else if word.is_empty() {
            Err(FilterError::new(start..self.at, "there is nothing between the quotes"))
        } else {
            Ok(TokenKind::Words(word))
        }
    }

    /// Where the key ends, if a key and its colon stand here. A key has nothing but letters, so that `12:30` and
    /// `10.0.0.5:80` are words.
    fn key_end(&self) -> Option<usize> {
        let rest = &self.text[self.at..];
        let len = rest.find(|c: char| !c.is_ascii_alphabetic())?;
        (len > 0 && rest[len..].starts_with(':')).then_some(self.at + len)
    }

    fn values(&mut self, are_patterns: bool) -> Result<Vec<(String, Range<usize>)>, FilterError> {
        let mut values = Vec::new();
        loop {
            let start = self.at;
            let value = if are_patterns && self.peek() == Some('/') { self.pattern()? } else { self.piece(true)? };
            if value.is_empty() {
                return Err(FilterError::new(start..self.at, "a value is missing here"));
            }
            values.push((value, start..self.at));
            if self.peek() != Some('|') {
                return Ok(values);
            }
            self.take();
        }
    }

    /// What stands up to a blank or to a parenthesis that closes and, among values, up to `|`. Quotes take all of them
    /// in; within them, `\"` is a quote and `\\` a backslash. In words a quote opens only at the beginning, so that
    /// `say"hi` is a word; and a parenthesis that a word itself opens is its own, so that `send(1)` is one.
    fn piece(&mut self, among_values: bool) -> Result<String, FilterError> {
        if self.peek() == Some('"') {
            return self.quoted();
        }
        let mut piece = String::new();
        let mut open = 0_usize;
        while let Some(next) = self.peek() {
            match next {
                '(' => open += 1,
                ')' if open > 0 => open -= 1,
                '|' if among_values => break,
                _ if self.at_end_of_term() => break,
                _ => {}
            }
            piece.extend(self.take());
        }
        Ok(piece)
    }

    fn quoted(&mut self) -> Result<String, FilterError> {
        let open = self.at;
        self.take();
        let mut piece = String::new();
        loop {
            match self.take() {
                Some('"') => return Ok(piece),
                Some('\\') if matches!(self.peek(), Some('"' | '\\')) => piece.extend(self.take()),
                Some(other) => piece.push(other),
                None => return Err(FilterError::new(open..self.at, "this quote is not closed")),
            }
        }
    }

    /// A pattern with its slashes and flags. Within it, `\/` is a slash.
    fn pattern(&mut self) -> Result<String, FilterError> {
        let open = self.at;
        self.take();
        loop {
            match self.take() {
                Some('/') => break,
                Some('\\') => _ = self.take(),
                Some(_) => {}
                None => return Err(FilterError::new(open..self.at, "this pattern is not closed with `/`")),
            }
        }
        while self.peek().is_some_and(|flag| flag.is_ascii_alphabetic()) {
            self.take();
        }
        if !(self.at_end_of_term() || self.peek() == Some('|')) {
            return Err(FilterError::new(self.at..self.at, "a blank must stand after the pattern"));
        }
        Ok(self.text[open..self.at].to_owned())
    }
}

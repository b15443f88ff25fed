//! From a filter's text to its tokens: quotes, negations, keys and their values.
//!
//! Owns the surface of the language. It never knows which keys there are.

use std::ops::Range;

use super::FilterError;

/// One term as it is written, or the `|` between terms.
pub(super) struct Token {
    /// All of it, its `!` included.
    pub(super) at: Range<usize>,
    pub(super) negated: bool,
    pub(super) kind: TokenKind,
}

pub(super) enum TokenKind {
    Or,
    /// Text to look for.
    Words(String),
    /// `key:value|value`, each value with its place.
    Keyed {
        key: String,
        key_at: Range<usize>,
        values: Vec<(String, Range<usize>)>,
    },
}

/// Reads all of the text.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, FilterError> {
    let mut tokens = Vec::new();
    let mut reader = Reader { text, at: 0 };
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
        self.peek().is_none_or(char::is_whitespace)
    }

    fn token(&mut self) -> Result<Token, FilterError> {
        let start = self.at;
        let mut negated = false;
        while self.peek() == Some('!') {
            self.take();
            negated = !negated;
        }
        let kind = if self.at_end_of_term() {
            return Err(FilterError::new(start..self.at, "nothing stands after this `!`"));
        } else if let Some(key_end) = self.key_end() {
            let key_at = self.at..key_end;
            let key = self.text[key_at.clone()].to_owned();
            self.at = key_end + ":".len();
            TokenKind::Keyed { key, key_at, values: self.values()? }
        } else {
            let is_quoted = self.peek() == Some('"');
            let word = self.piece(false)?;
            if word == "|" && !is_quoted && start + 1 == self.at {
                TokenKind::Or
            } else if word.is_empty() {
                return Err(FilterError::new(start..self.at, "there is nothing between the quotes"));
            } else {
                TokenKind::Words(word)
            }
        };
        Ok(Token { at: start..self.at, negated, kind })
    }

    /// Where the key ends, if a key and its colon stand here. A key has nothing but letters, so that `12:30` and
    /// `10.0.0.5:80` are words.
    fn key_end(&self) -> Option<usize> {
        let rest = &self.text[self.at..];
        let len = rest.find(|c: char| !c.is_ascii_alphabetic())?;
        (len > 0 && rest[len..].starts_with(':')).then_some(self.at + len)
    }

    fn values(&mut self) -> Result<Vec<(String, Range<usize>)>, FilterError> {
        let mut values = Vec::new();
        loop {
            let start = self.at;
            let value = self.piece(true)?;
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

    /// What stands up to a blank or, among values, up to `|`. Quotes take blanks and bars in; within them, `\"` is a
    /// quote and `\\` a backslash. In words a quote opens only at the beginning, so that `say"hi` is a word.
    fn piece(&mut self, among_values: bool) -> Result<String, FilterError> {
        if self.peek() == Some('"') {
            return self.quoted();
        }
        let mut piece = String::new();
        while !(self.at_end_of_term() || among_values && self.peek() == Some('|')) {
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
}

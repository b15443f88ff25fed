//! A call as it is written in Python, Rust and C: what stands before it, what takes its result, and what is done where it
//! failed.
//!
//! Owns the frame around a call. It never knows which call it is.

use super::errors::python_exception;

/// A step in three languages.
#[derive(Clone, Debug, Default)]
pub(super) struct Code {
    pub(super) python: Line,
    pub(super) rust: Line,
    pub(super) c: Line,
}

/// One call in one language, as far as it does not depend on what came of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    /// What must stand before it; or, where `call` is empty, all of it.
    before: String,
    /// What takes the result: `n = `.
    binding: &'static str,
    /// The call, without an end.
    call: String,
    /// It can't fail in this language, or its result says so in another way than usual.
    infallible: bool,
}

impl Line {
    pub(super) fn new(call: impl Into<String>) -> Self {
        Self { call: call.into(), ..Self::default() }
    }

    pub(super) fn after(before: impl Into<String>, call: impl Into<String>) -> Self {
        Self { before: before.into(), ..Self::new(call) }
    }

    pub(super) fn bound(self, binding: &'static str) -> Self {
        Self { binding, ..self }
    }

    pub(super) fn infallible(self) -> Self {
        Self { infallible: true, ..self }
    }

    /// Lines that need nothing added.
    pub(super) fn whole(lines: impl Into<String>) -> Self {
        Self::after(lines, "")
    }

    fn with(&self, rest: &str) -> String {
        match (self.before.is_empty(), rest.is_empty()) {
            (true, _) => rest.to_owned(),
            (_, true) => self.before.clone(),
            _ => format!("{}\n{rest}", self.before),
        }
    }

    /// In Python; where it failed, with the exception that it raised.
    pub(super) fn python(&self, code: Option<&str>) -> String {
        let Self { binding, call, .. } = self;
        self.with(&match code {
            _ if call.is_empty() => String::new(),
            Some(code) => format!(
                "try:\n    {binding}{call}\nexcept {} as error:\n    print(error.errno, error.strerror)  # {code}",
                python_exception(code)
            ),
            None => format!("{binding}{call}"),
        })
    }

    /// In Rust; where it failed, with the error that it gave.
    pub(super) fn rust(&self, code: Option<&str>) -> String {
        let Self { binding, call, infallible, .. } = self;
        self.with(&match code {
            _ if call.is_empty() => String::new(),
            _ if *infallible => format!("{binding}{call};"),
            Some(code) => format!("if let Err(error) = {call} {{\n    eprintln!(\"{{error}}\"); // {code}\n}}"),
            None => format!("{binding}{call}?;"),
        })
    }

    /// In C; where it failed, with its errno.
    pub(super) fn c(&self, code: Option<&str>, name: &str) -> String {
        let Self { binding, call, .. } = self;
        let name = word(name, "call");
        let comment = code.map(|code| format!(" /* {code} */")).unwrap_or_default();
        let variable = binding.trim_end_matches(" = ").rsplit(' ').next().unwrap_or_default();
        self.with(&match binding.is_empty() {
            _ if call.is_empty() => String::new(),
            true => format!("if ({call} < 0)\n    perror(\"{name}\");{comment}"),
            false => format!("{binding}{call};\nif ({variable} < 0)\n    perror(\"{name}\");{comment}"),
        })
    }
}

/// A name as it may stand in code, or this other one.
pub(super) fn word<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    let is_word = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_word { text } else { otherwise }
}

//! The formats, a row each.

use crate::capture::PcapngWriter;
use crate::log::export::{
    Framed, c_array, csv, csv_header, framed_csv, framed_hexdump, framed_jsonl, framed_markdown_row, framed_text,
    hexdump, jsonl, markdown_header, markdown_row, python, text,
};
use crate::log::{LogStore, Roster, Row};

/// A format at work: it appends to memory, row by row.
pub trait Format {
    /// What stands before the first row.
    fn begin(&mut self, _out: &mut Vec<u8>) {}

    /// A row. One that the format has no form for leaves nothing.
    fn row(&mut self, row: &Row, store: &LogStore, roster: &Roster, out: &mut Vec<u8>);

    /// True where the messages of a framed stream are written in place of the rows that they came in.
    fn takes_messages(&self) -> bool {
        false
    }

    /// A message of a framed stream, which ends in a row.
    fn message(&mut self, _: &Row, _: &Framed<'_>, _: &LogStore, _: &Roster, _out: &mut Vec<u8>) {}

    /// What stands after the last row.
    fn end(&mut self, _out: &mut Vec<u8>) {}
}

/// A format that the log can be exported in.
pub struct FormatSpec {
    /// Its name: `jsonl`.
    pub name: &'static str,
    /// What the names of its files end in, without the dot.
    pub extension: &'static str,
    /// What it is, in a few words.
    pub help: &'static str,
    /// Begins an export.
    pub start: fn() -> Box<dyn Format>,
}

impl std::fmt::Debug for FormatSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("FormatSpec").field(&self.name).finish()
    }
}

impl PartialEq for FormatSpec {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// Every format. Which rows they take: `c`, `python` and `raw` messages alone, all others every row.
pub static FORMATS: &[FormatSpec] = &[
    FormatSpec {
        name: "text",
        extension: "txt",
        help: "a line a row; 1,024 bytes of a message at most",
        start: || Box::new(Lines { header: |_| {}, row: text, message: framed_text }),
    },
    FormatSpec {
        name: "hexdump",
        extension: "txt",
        help: "every byte in hex and ASCII",
        start: || Box::new(Lines { header: |_| {}, row: hexdump, message: framed_hexdump }),
    },
    FormatSpec {
        name: "jsonl",
        extension: "jsonl",
        help: "an object a line, for programs",
        start: || Box::new(Lines { header: |_| {}, row: jsonl, message: framed_jsonl_of }),
    },
    FormatSpec {
        name: "csv",
        extension: "csv",
        help: "for spreadsheets; a formula gets an apostrophe",
        start: || Box::new(Lines { header: csv_header, row: csv, message: framed_csv }),
    },
    FormatSpec {
        name: "markdown",
        extension: "md",
        help: "a table of calls and their results",
        start: || Box::new(Lines { header: markdown_header, row: markdown_row, message: framed_markdown_row }),
    },
    FormatSpec { name: "c", extension: "h", help: "each message as an array of C", start: || Box::new(Rows(c_array)) },
    FormatSpec {
        name: "python",
        extension: "py",
        help: "each message as a bytes literal of Python",
        start: || Box::new(Rows(python)),
    },
    FormatSpec {
        name: "raw",
        extension: "bin",
        help: "the messages' bytes and nothing else",
        start: || Box::new(Rows(raw)),
    },
    FormatSpec {
        name: "pcapng",
        extension: "pcapng",
        help: "packets, for Wireshark and its like",
        start: || Box::new(Packets(PcapngWriter::new())),
    },
];

/// Text: what is copied unless another format is asked for.
pub static TEXT: &FormatSpec = &FORMATS[0];

/// Hexdump: the same where the log shows hex.
pub static HEXDUMP: &FormatSpec = &FORMATS[1];

/// Markdown: the same where the log shows a timeline.
pub static MARKDOWN: &FormatSpec = &FORMATS[4];

type WriteRow = fn(&Row, &LogStore, &Roster, &mut Vec<u8>);

/// A format of rows that need nothing around them.
struct Rows(WriteRow);

impl Format for Rows {
    fn row(&mut self, row: &Row, store: &LogStore, roster: &Roster, out: &mut Vec<u8>) {
        (self.0)(row, store, roster, out);
    }
}

/// A format of lines below a header, where there is one: rows, and the messages of framed streams.
struct Lines {
    header: fn(&mut Vec<u8>),
    row: WriteRow,
    message: fn(&Row, &Framed<'_>, &LogStore, &Roster, &mut Vec<u8>),
}

impl Format for Lines {
    fn begin(&mut self, out: &mut Vec<u8>) {
        (self.header)(out);
    }

    fn row(&mut self, row: &Row, store: &LogStore, roster: &Roster, out: &mut Vec<u8>) {
        (self.row)(row, store, roster, out);
    }

    fn takes_messages(&self) -> bool {
        true
    }

    fn message(&mut self, row: &Row, framed: &Framed<'_>, store: &LogStore, roster: &Roster, out: &mut Vec<u8>) {
        (self.message)(row, framed, store, roster, out);
    }
}

/// A line of JSON with the number of the row in which the message ends.
fn framed_jsonl_of(row: &Row, framed: &Framed<'_>, store: &LogStore, roster: &Roster, out: &mut Vec<u8>) {
    framed_jsonl(row.seq, row, framed, store, roster, out);
}

/// Packets, which depend on those before.
struct Packets(PcapngWriter);

impl Format for Packets {
    fn begin(&mut self, out: &mut Vec<u8>) {
        self.0.begin(out);
    }

    fn row(&mut self, row: &Row, store: &LogStore, roster: &Roster, out: &mut Vec<u8>) {
        self.0.row(row, store, roster, out);
    }
}

fn raw(row: &Row, store: &LogStore, _: &Roster, out: &mut Vec<u8>) {
    out.extend_from_slice(&store.bytes(row));
}

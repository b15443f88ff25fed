//! Templates: payloads with places that are filled in when they are sent.
//!
//! Owns reading them from the escaped notation and filling them. Variables and the environment hold when a template is
//! read, so that a name that nobody knows is a mistake then; the counter, the time and all else when it is filled. Pure:
//! it reads no clock, no environment and no source of chance, but takes them as arguments.

use std::collections::BTreeMap;

use super::Checksum;
use super::notation::{Mode, NotationError, error, parse_in, parse_pieces};
use crate::encoding::Encoding;

/// The most bytes that `{{random N}}` and `{{random_hex N}}` stand for.
const RANDOM_MAX: usize = 1 << 20;

/// The names that stand for something of the moment, and that no variable can have.
const OF_THE_MOMENT: [(&str, Part); 7] = [
    ("counter", Part::Counter),
    ("time", Part::Time),
    ("unix", Part::Unix),
    ("unix_ms", Part::UnixMs),
    ("uuid", Part::Uuid),
    ("peer", Part::Peer),
    ("local", Part::Local),
];

/// What came, where a template answers it.
const WHAT_CAME: &str = "payload";

/// The names that a template can use for a text: variables, and the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variables {
    named: BTreeMap<String, String>,
    environment: BTreeMap<String, String>,
}

impl Variables {
    /// No variables, and this environment for `{{env.NAME}}`.
    #[must_use]
    pub fn with_environment(environment: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { named: BTreeMap::new(), environment: environment.into_iter().collect() }
    }

    /// Gives a variable a value.
    ///
    /// # Errors
    /// Where no variable can be called so; one sentence without a full stop.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        check_variable_name(name)?;
        self.named.insert(name.to_owned(), value.to_owned());
        Ok(())
    }

    /// These and, for names that they don't have, those.
    #[must_use]
    pub fn or(&self, others: &BTreeMap<String, String>) -> Self {
        let mut all = self.clone();
        for (name, value) in others {
            all.named.entry(name.clone()).or_insert_with(|| value.clone());
        }
        all
    }

    /// The names of the variables, in the alphabet's order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.named.keys().map(String::as_str)
    }
}

/// Whether a variable can be called so: letters, digits, `_` and `-`, a letter or `_` first, and no name of the notation.
///
/// # Errors
/// One sentence without a full stop: what is wrong.
pub fn check_variable_name(name: &str) -> Result<(), String> {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') || !name.chars().all(is_word) {
        return Err(format!("`{name}` can't name a variable; letters, digits, _ and - can, and a letter begins"));
    }
    let is_taken = OF_THE_MOMENT.iter().any(|(taken, _)| *taken == name);
    if is_taken || [WHAT_CAME, "env", "random", "random_hex"].contains(&name) {
        return Err(format!("`{name}` stands for something else in a template"));
    }
    Ok(())
}

/// Where a template stands, which decides what can be filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It is sent by itself.
    Message,
    /// It answers what came, so `{{payload}}` and so many captures, from `{{0}}` on, are there; or a step of a
    /// connection's life, without any.
    Reply {
        /// How many captures there are, the whole match included.
        captures: usize,
    },
}

/// Bytes with places to be filled in, and the checksum of all that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
    encoding: Encoding,
    checksum: Option<Checksum>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Bytes(Vec<u8>),
    Part(Part),
}

/// What is filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Counter,
    Time,
    Unix,
    UnixMs,
    Uuid,
    Random(usize),
    RandomHex(usize),
    Peer,
    Local,
    Capture(usize),
    WhatCame,
}

/// What a template is filled with. The default has no peer, nothing that came, and the beginning of 1970 as its time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fill<'a> {
    /// Which message of its socket this is, from 1.
    pub counter: u64,
    /// The time, in nanoseconds since 1970-01-01T00:00:00 UTC.
    pub at: u64,
    /// What chance begins from: the same seed fills in the same bytes.
    pub seed: u64,
    /// Whom it goes to.
    pub peer: &'a str,
    /// From where.
    pub local: &'a str,
    /// What matched, and then each part of it that was captured. One that is missing is empty.
    pub captures: &'a [&'a [u8]],
    /// What came.
    pub payload: &'a [u8],
}

impl Template {
    /// Reads what is written in this mode. Only the escaped one has places to be filled in.
    ///
    /// # Errors
    /// When the text is not written by the rules of the mode, and for a name that nobody knows, with its place.
    pub fn parse(
        mode: Mode,
        text: &str,
        encoding: Encoding,
        variables: &Variables,
        place: Place,
    ) -> Result<Self, NotationError> {
        if mode != Mode::Escaped {
            return Ok(Self::of(parse_in(mode, text, encoding)?));
        }
        let mut pieces = Vec::new();
        let bytes = parse_pieces(text, encoding, &mut |name, at, bytes| {
            let wrong = |what: String| error(text, at.clone(), what);
            match meaning(name, variables, place).map_err(wrong)? {
                Meaning::Text(value) => {
                    let value = encoding.encode(value);
                    bytes.extend(value.map_err(|_| wrong(format!("the value of {name} is no text of {encoding},")))?);
                }
                Meaning::Part(part) => {
                    pieces.push(Piece::Bytes(std::mem::take(bytes)));
                    pieces.push(Piece::Part(part));
                }
            }
            Ok(())
        })?;
        pieces.push(Piece::Bytes(bytes));
        Ok(Self { pieces, encoding, checksum: None })
    }

    /// Bytes as they are.
    #[must_use]
    pub fn of(bytes: Vec<u8>) -> Self {
        Self { pieces: vec![Piece::Bytes(bytes)], encoding: Encoding::UTF_8, checksum: None }
    }

    /// What came, and nothing else.
    #[must_use]
    pub fn what_came() -> Self {
        Self { pieces: vec![Piece::Part(Part::WhatCame)], encoding: Encoding::UTF_8, checksum: None }
    }

    /// Itself with these bytes behind it.
    #[must_use]
    pub fn followed_by(mut self, bytes: &[u8]) -> Self {
        self.pieces.push(Piece::Bytes(bytes.to_vec()));
        self
    }

    /// Itself with a checksum of it all at its end, or none.
    #[must_use]
    pub fn with_checksum(mut self, checksum: Option<Checksum>) -> Self {
        self.checksum = checksum;
        self
    }

    /// The bytes that it stands for.
    ///
    /// What has characters that the encoding lacks, which a peer's path can have, is filled in as UTF-8.
    #[must_use]
    pub fn filled(&self, fill: &Fill<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut chance = fastrand::Rng::with_seed(fill.seed);
        for piece in &self.pieces {
            match piece {
                Piece::Bytes(literal) => bytes.extend_from_slice(literal),
                Piece::Part(part) => self.fill_part(*part, fill, &mut chance, &mut bytes),
            }
        }
        if let Some(checksum) = &self.checksum {
            checksum.append(&mut bytes);
        }
        bytes
    }

    fn fill_part(&self, part: Part, fill: &Fill<'_>, chance: &mut fastrand::Rng, bytes: &mut Vec<u8>) {
        let text = match part {
            Part::Counter => fill.counter.to_string(),
            Part::Time => rfc_3339(fill.at),
            Part::Unix => (fill.at / 1_000_000_000).to_string(),
            Part::UnixMs => (fill.at / 1_000_000).to_string(),
            Part::Uuid => uuid(chance),
            Part::RandomHex(count) => {
                let mut digits = vec![0; count];
                chance.fill(&mut digits);
                const_hex::encode(digits)
            }
            Part::Peer => fill.peer.to_owned(),
            Part::Local => fill.local.to_owned(),
            Part::Random(count) => {
                let start = bytes.len();
                bytes.resize(start + count, 0);
                chance.fill(&mut bytes[start..]);
                return;
            }
            Part::Capture(number) => {
                bytes.extend_from_slice(fill.captures.get(number).copied().unwrap_or_default());
                return;
            }
            Part::WhatCame => {
                bytes.extend_from_slice(fill.payload);
                return;
            }
        };
        if self.encoding.is_utf8() {
            bytes.extend_from_slice(text.as_bytes());
        } else {
            bytes.extend(self.encoding.encode(&text).unwrap_or_else(|_| text.into_bytes()));
        }
    }

    /// True where it names the peer, without which it can't be filled.
    #[must_use]
    pub fn needs_peer(&self) -> bool {
        self.has(|part| part == Part::Peer)
    }

    /// True where it names its own address, without which it can't be filled.
    #[must_use]
    pub fn needs_local(&self) -> bool {
        self.has(|part| part == Part::Local)
    }

    /// True where it holds the time, so that it is another from one moment to the next.
    #[must_use]
    pub fn tells_time(&self) -> bool {
        self.has(|part| matches!(part, Part::Time | Part::Unix | Part::UnixMs))
    }

    /// True where something is filled in when it is sent: it stands for other bytes from one send to the next.
    #[must_use]
    pub fn is_filled(&self) -> bool {
        self.has(|_| true)
    }

    /// True where it stands for what came, and for nothing else.
    #[must_use]
    pub fn is_what_came(&self) -> bool {
        let is_what_came = |piece: &Piece| match piece {
            Piece::Bytes(bytes) => bytes.is_empty(),
            Piece::Part(part) => *part == Part::WhatCame,
        };
        let parts = self.pieces.iter().filter(|piece| matches!(piece, Piece::Part(_))).count();
        parts == 1 && self.checksum.is_none() && self.pieces.iter().all(is_what_came)
    }

    fn has(&self, wanted: impl Fn(Part) -> bool) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Part(part) if wanted(*part)))
    }
}

/// What stands between the braces.
enum Meaning<'a> {
    Text(&'a str),
    Part(Part),
}

fn meaning<'a>(name: &str, variables: &'a Variables, place: Place) -> Result<Meaning<'a>, String> {
    if let Some((_, part)) = OF_THE_MOMENT.iter().find(|(known, _)| *known == name) {
        return Ok(Meaning::Part(*part));
    }
    if let Some(name) = name.strip_prefix("env.") {
        let value = variables.environment.get(name);
        return value.map(|value| Meaning::Text(value)).ok_or_else(|| format!("the environment has no `{name}`,"));
    }
    let mut words = name.split_whitespace();
    if let (Some(word @ ("random" | "random_hex")), count, None) = (words.next(), words.next(), words.next()) {
        let count = count.and_then(|count| count.parse().ok()).filter(|count| (1..=RANDOM_MAX).contains(count));
        let count = count.ok_or_else(|| format!("{word} takes a number of bytes from 1 to {RANDOM_MAX},"))?;
        return Ok(Meaning::Part(if word == "random" { Part::Random(count) } else { Part::RandomHex(count) }));
    }
    let number = Some(name).filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())).map(str::parse);
    match (number, place) {
        (Some(Ok(number)), Place::Reply { captures }) if number < captures => {
            return Ok(Meaning::Part(Part::Capture(number)));
        }
        (Some(Ok(number)), Place::Reply { captures }) if captures > 0 => {
            return Err(format!("the pattern has no capture {number}, the last is {},", captures - 1));
        }
        (Some(_), _) if !name.is_empty() => return Err("captures are for replies to a pattern,".to_owned()),
        (None, Place::Reply { captures: 0 }) if name == WHAT_CAME => {
            return Err("{{payload}} is for replies to a message,".to_owned());
        }
        (None, Place::Reply { .. }) if name == WHAT_CAME => return Ok(Meaning::Part(Part::WhatCame)),
        (None, Place::Message) if name == WHAT_CAME => return Err("{{payload}} is for replies,".to_owned()),
        _ => {}
    }
    if let Some(value) = variables.named.get(name) {
        return Ok(Meaning::Text(value));
    }
    Err(format!("nothing is called `{name}` (a literal brace is \\{{),"))
}

/// A time with its milliseconds, in UTC.
fn rfc_3339(nanoseconds: u64) -> String {
    let time = jiff::Timestamp::from_nanosecond(i128::from(nanoseconds)).unwrap_or(jiff::Timestamp::MAX);
    format!("{time:.3}")
}

/// A UUID of version 4 (RFC 9562, section 5.4).
fn uuid(chance: &mut fastrand::Rng) -> String {
    let bits = chance.u128(..);
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let digits = format!("{bits:032x}");
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn variables() -> Variables {
        let mut variables = Variables::with_environment([("HOME".to_owned(), "/root".to_owned())]);
        variables.set("who", "client").unwrap();
        variables
    }

    fn read(text: &str, place: Place) -> Result<Template, NotationError> {
        Template::parse(Mode::Escaped, text, Encoding::UTF_8, &variables(), place)
    }

    const FILL: Fill<'_> = Fill {
        counter: 7,
        at: 1_700_000_000_123_456_789,
        seed: 5,
        peer: "10.0.0.5:80",
        local: "10.0.0.6:51000",
        captures: &[b"all", b"\xffone"],
        payload: b"came\0",
    };

    #[test]
    fn every_name_stands_for_its_bytes() {
        let reply = Place::Reply { captures: 2 };
        let table: [(&str, &[u8]); 13] = [
            ("", b""),
            ("Hello, {{who}}!\\n", b"Hello, client!\n"),
            ("{{ who }}\\{{who}}", b"client{{who}}"),
            ("{{env.HOME}}/x", b"/root/x"),
            ("#{{counter}}\\0", b"#7\0"),
            ("{{time}}", b"2023-11-14T22:13:20.123Z"),
            ("{{unix}} {{unix_ms}}", b"1700000000 1700000000123"),
            ("{{peer}} {{local}}", b"10.0.0.5:80 10.0.0.6:51000"),
            ("{{0}}{{1}}{{payload}}", b"all\xffonecame\0"),
            ("{\"a\":{\"b\":1}}", b"{\"a\":{\"b\":1}}"),
            ("}}{{counter}}}}", b"}}7}}"),
            ("{{{counter}}}", b"{7}"),
            ("\\h(DE AD){{counter}}\\h(01)", &[0xde, 0xad, b'7', 1]),
        ];
        for (text, bytes) in table {
            assert_eq!(read(text, reply).map(|template| template.filled(&FILL)).as_deref(), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_nobody_knows_is_an_error_with_its_place() {
        let table = [
            ("a{{b}}", Place::Message, 1..6, "nothing is called `b` (a literal brace is \\{), at 2"),
            ("é{{}}", Place::Message, 2..6, "nothing is called `` (a literal brace is \\{), at 2"),
            ("{{who", Place::Message, 0..5, "unclosed {{ (a literal brace is \\{), at 1"),
            ("{{env.NO}}", Place::Message, 0..10, "the environment has no `NO`, at 1"),
            ("{{random}}", Place::Message, 0..10, "random takes a number of bytes from 1 to 1048576, at 1"),
            ("{{random_hex 0}}", Place::Message, 0..16, "random_hex takes a number of bytes from 1 to 1048576, at 1"),
            ("{{0}}", Place::Message, 0..5, "captures are for replies to a pattern, at 1"),
            ("{{0}}", Place::Reply { captures: 0 }, 0..5, "captures are for replies to a pattern, at 1"),
            ("{{2}}", Place::Reply { captures: 2 }, 0..5, "the pattern has no capture 2, the last is 1, at 1"),
            ("{{payload}}", Place::Message, 0..11, "{{payload}} is for replies, at 1"),
            ("{{payload}}", Place::Reply { captures: 0 }, 0..11, "{{payload}} is for replies to a message, at 1"),
        ];
        for (text, place, at, message) in table {
            assert_eq!(read(text, place), Err(NotationError { at, message: message.to_owned() }));
        }
        for name in ["", "time", "payload", "env.x", "a b", "1", "random"] {
            assert!(Variables::default().set(name, "x").is_err(), "{name}");
        }
    }

    #[test]
    fn chance_is_the_same_for_the_same_seed_and_another_for_another() {
        let template = read("{{uuid}}|{{random 5}}{{random_hex 3}}", Place::Message).unwrap();
        let one = template.filled(&FILL);
        assert_eq!(one.len(), 36 + 1 + 5 + 6);
        assert_eq!(one, template.filled(&FILL));
        assert_ne!(one, template.filled(&Fill { seed: 6, ..FILL }));
        let uuid = std::str::from_utf8(&one[..36]).unwrap();
        let parts: Vec<_> = uuid.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert!(&uuid[14..15] == "4" && "89ab".contains(&uuid[19..20]), "{uuid}");
    }

    #[test]
    fn text_is_in_the_encoding_and_the_checksum_is_over_all_before_it() {
        let wide = Encoding::named("utf-16le").unwrap();
        let template = Template::parse(Mode::Escaped, "{{who}}{{counter}}", wide, &variables(), Place::Message);
        assert_eq!(template.unwrap().filled(&FILL), b"c\0l\0i\0e\0n\0t\x007\0");
        let sum = Checksum::named("sum8").unwrap();
        let template = read("{{counter}}", Place::Message).unwrap().followed_by(b"\n").with_checksum(Some(sum));
        assert_eq!(template.filled(&FILL), b"7\nA");
    }

    proptest! {
        #[test]
        fn without_places_it_is_the_payload_and_errors_lie_on_characters(
            text in r"([0-9a-z ,:(){}\\{}hun0é語\n.]|\{\{(who|counter|random 3|env.HOME)\}\}|\PC){0,16}",
        ) {
            match (read(&text, Place::Message), super::super::parse(Mode::Escaped, &text)) {
                (Ok(template), Ok(bytes)) => {
                    prop_assert!(!template.is_filled());
                    prop_assert_eq!(template.filled(&FILL), bytes);
                }
                (Err(error), Ok(_)) => prop_assert!(false, "{} is refused: {}", text, error),
                (Err(error), Err(_)) => {
                    prop_assert!(text.get(error.at.clone()).is_some() && !error.at.is_empty(), "{:?}", error);
                }
                (Ok(_), Err(_)) => prop_assert!(text.contains("{{"), "{}", text),
            }
        }
    }
}

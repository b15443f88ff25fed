//! How a framing is written: `line`, `delimiter:0d0a`, `length:u16be,offset=4,max=64KiB`.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::time::Duration;

use super::{DEFAULT_MAX, FIELDS, Framing, LONGEST_DELIMITER, Length, MOST, Rule};
use crate::quantity::{format_duration, format_size, parse_duration, parse_size};

/// What is wrong with a framing, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FramingError {
    /// The bytes of the text that are wrong; may be empty, at the place where something is missing.
    pub at: Range<usize>,
    /// What is wrong, and what would be right. No full stop.
    pub message: String,
}

impl fmt::Display for FramingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for FramingError {}

fn error(at: Range<usize>, message: impl Into<String>) -> FramingError {
    FramingError { at, message: message.into() }
}

impl FromStr for Framing {
    type Err = FramingError;

    fn from_str(text: &str) -> Result<Self, FramingError> {
        let mut parts = parts_of(text);
        let first = parts.next().unwrap_or(0..0);
        let mut rule = parse_rule(text, first.clone())?;
        let (mut max, mut given) = (DEFAULT_MAX, Vec::new());
        let mut max_at = first.clone();
        for part in parts {
            let Some((name, value)) = text[part.clone()].split_once('=') else {
                return Err(error(part, "settings are written name=value, such as max=64KiB"));
            };
            if given.contains(&name) {
                return Err(error(part, format!("`{name}` is given twice")));
            }
            given.push(name);
            let at = part.start + name.len() + 1..part.end;
            match (name, &mut rule) {
                ("max", Rule::Raw) => {
                    return Err(error(part, "raw has no max: a message is what one recv returned"));
                }
                ("max", _) => {
                    max = parse_up_to(value, MOST).map_err(|message| error(at.clone(), message))?;
                    max_at = at;
                }
                ("offset", Rule::Length(length)) => {
                    length.offset = value
                        .parse()
                        .map_err(|_| error(at, format!("`{value}` is not a whole number from 0 to {}", u16::MAX)))?;
                }
                ("adjust", Rule::Length(length)) => {
                    length.adjust = value
                        .parse()
                        .map_err(|_| error(at, format!("`{value}` is not a whole number such as -2 or 4")))?;
                }
                ("offset" | "adjust", _) => return Err(error(part, format!("only length has `{name}`"))),
                (_, Rule::Length(_)) => {
                    return Err(error(part, format!("no `{name}` here; there are max, offset and adjust")));
                }
                _ => return Err(error(part, format!("no `{name}` here; there is max"))),
            }
        }
        let least = match &rule {
            Rule::Fixed(size) => *size,
            Rule::Length(length) => u32::from(length.offset),
            _ => 0,
        };
        if least > max {
            let message = format!("a message has at least {least} bytes, and max allows {max}");
            return Err(error(max_at, message));
        }
        Ok(Self { rule, max })
    }
}

/// Where the parts between commas are.
fn parts_of(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    text.split(',').scan(0, |start, part| {
        let range = *start..*start + part.len();
        *start = range.end + 1;
        Some(range)
    })
}

fn parse_rule(text: &str, at: Range<usize>) -> Result<Rule, FramingError> {
    let part = &text[at.clone()];
    let (name, argument) = match part.split_once(':') {
        Some((name, argument)) => (name, Some(argument)),
        None => (part, None),
    };
    let argument_at = (at.start + name.len() + 1).min(at.end)..at.end;
    let wanted = |what: &str| argument.ok_or_else(|| error(at.end..at.end, format!("{name} wants {what}")));
    match name {
        "raw" | "line" if argument.is_some() => {
            Err(error(argument_at.start - 1..at.end, format!("nothing stands behind {name}")))
        }
        "raw" => Ok(Rule::Raw),
        "line" => Ok(Rule::Line),
        "delimiter" => {
            parse_delimiter(wanted("hex digits, such as delimiter:0d0a")?, &argument_at).map(Rule::Delimiter)
        }
        "fixed" => match parse_up_to(wanted("a number of bytes, such as fixed:16")?, MOST) {
            Ok(size) => Ok(Rule::Fixed(size)),
            Err(message) => Err(error(argument_at, message)),
        },
        "length" => {
            let argument = wanted("its field, such as length:u16be")?;
            let field = FIELDS.into_iter().find(|field| field.name == argument).ok_or_else(|| {
                let names = FIELDS.map(|field| field.name).join(", ");
                error(argument_at, format!("`{argument}` is none of {names}"))
            })?;
            Ok(Rule::Length(Length { field, offset: 0, adjust: 0 }))
        }
        "idle" => {
            let gap = parse_duration(wanted("a time, such as idle:50ms")?)
                .map_err(|message| error(argument_at.clone(), message))?;
            if gap < Duration::from_millis(1) {
                return Err(error(argument_at, "a gap that ends a message is at least 1ms long"));
            }
            Ok(Rule::Idle(Duration::from_micros(u64::try_from(gap.as_micros()).unwrap_or(u64::MAX))))
        }
        _ => {
            let known = "raw, line, delimiter:HEX, fixed:N, length:FIELD, idle:TIME";
            Err(error(at.start..at.start + name.len(), format!("no framing `{name}`; there are {known}")))
        }
    }
}

fn parse_delimiter(digits: &str, at: &Range<usize>) -> Result<Box<[u8]>, FramingError> {
    if let Some((index, c)) = digits.char_indices().find(|(_, c)| !c.is_ascii_hexdigit()) {
        let start = at.start + index;
        return Err(error(start..start + c.len_utf8(), format!("`{c}` is no hex digit")));
    }
    if digits.is_empty() {
        return Err(error(at.clone(), "a delimiter has at least one byte"));
    }
    if digits.len() % 2 == 1 {
        return Err(error(at.end - 1..at.end, "an odd digit: bytes are pairs of them"));
    }
    if digits.len() / 2 > LONGEST_DELIMITER {
        return Err(error(at.clone(), format!("a delimiter has at most {LONGEST_DELIMITER} bytes")));
    }
    const_hex::decode(digits).map(Vec::into_boxed_slice).map_err(|wrong| error(at.clone(), wrong.to_string()))
}

/// A size from 1 up to `most` bytes.
fn parse_up_to(text: &str, most: u32) -> Result<u32, String> {
    let size = parse_size(text)?;
    let in_range = u32::try_from(size).ok().filter(|size| (1..=most).contains(size));
    in_range.ok_or_else(|| format!("`{text}` is not from 1 to {}", format_size(u64::from(most))))
}

impl fmt::Display for Framing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.rule {
            Rule::Raw => f.write_str("raw")?,
            Rule::Line => f.write_str("line")?,
            Rule::Delimiter(bytes) => write!(f, "delimiter:{}", const_hex::encode(bytes))?,
            Rule::Fixed(size) => write!(f, "fixed:{size}")?,
            Rule::Length(Length { field, offset, adjust }) => {
                write!(f, "length:{}", field.name)?;
                if *offset != 0 {
                    write!(f, ",offset={offset}")?;
                }
                if *adjust != 0 {
                    write!(f, ",adjust={adjust}")?;
                }
            }
            Rule::Idle(gap) => write!(f, "idle:{}", format_duration(*gap))?,
        }
        if self.max != DEFAULT_MAX {
            write!(f, ",max={}", format_size(u64::from(self.max)))?;
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every framing, with limits that short streams reach.
    pub(in crate::framing) fn any_framing() -> impl Strategy<Value = Framing> {
        let max = prop_oneof![2 => Just(DEFAULT_MAX), 3 => 1..12_u32];
        let length = (prop::sample::select(FIELDS.to_vec()), 0..4_u16, -4..5_i32);
        let rule = prop_oneof![
            Just(Rule::Raw),
            Just(Rule::Line),
            prop::collection::vec(prop::sample::select(b"ab\n".to_vec()), 1..4)
                .prop_map(|bytes| Rule::Delimiter(bytes.into())),
            (1..6_u32).prop_map(Rule::Fixed),
            length.prop_map(|(field, offset, adjust)| Rule::Length(Length { field, offset, adjust })),
            (1..200_u64).prop_map(|millis| Rule::Idle(Duration::from_millis(millis))),
        ];
        (rule, max).prop_map(|(rule, max)| {
            let max = match &rule {
                Rule::Raw => DEFAULT_MAX,
                Rule::Fixed(size) => max.max(*size),
                Rule::Length(length) => max.max(u32::from(length.offset)),
                _ => max,
            };
            Framing { rule, max }
        })
    }

    #[test]
    fn errors_say_where() {
        for (text, wrong) in [
            ("", ""),
            ("lines", "lines"),
            ("line:0a", ":0a"),
            ("delimiter", ""),
            ("delimiter:", ""),
            ("delimiter:0d0", "0"),
            ("delimiter:0dxy", "x"),
            ("fixed:0", "0"),
            ("fixed:2MiB", "fixed:2MiB"),
            ("fixed:5,max=4", "4"),
            ("length:u24", "u24"),
            ("length:u8,offset=70000", "70000"),
            ("length:u8,adjust=2,adjust=2", "adjust=2"),
            ("length:u8,offset=9,max=8", "8"),
            ("length:u8,skip=1", "skip=1"),
            ("line,offset=1", "offset=1"),
            ("line,max=2GiB", "2GiB"),
            ("line,", ""),
            ("raw,max=5", "max=5"),
            ("idle:soon", "soon"),
            ("idle:0.1ms", "0.1ms"),
        ] {
            let error = text.parse::<Framing>().unwrap_err();
            assert_eq!(&text[error.at.clone()], wrong, "{text}: {error}");
        }
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        for (text, written) in [
            ("line,max=1MiB", "line"),
            ("delimiter:0D0A", "delimiter:0d0a"),
            ("length:u16le,adjust=0,offset=2,max=2048", "length:u16le,offset=2,max=2KiB"),
            ("length:u8,adjust=-1", "length:u8,adjust=-1"),
            ("idle:1.5s", "idle:1500ms"),
            ("fixed:1KiB", "fixed:1024"),
        ] {
            assert_eq!(text.parse::<Framing>().unwrap().to_string(), written);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(framing in any_framing()) {
            prop_assert_eq!(framing.to_string().parse::<Framing>(), Ok(framing));
        }

        #[test]
        fn any_text_is_a_framing_or_an_error_inside_it(
            text in "(raw|line|delimiter|fixed|length|idle)?[:,=]?(u8|u16be|[0-9a-fmµ.]{0,4})(,?(max|offset|adjust)?=?-?[0-9kKiB]{0,5}){0,2}",
        ) {
            match text.parse::<Framing>() {
                Ok(framing) => prop_assert_eq!(framing.to_string().parse::<Framing>(), Ok(framing)),
                Err(error) => prop_assert!(text.get(error.at).is_some()),
            }
        }
    }
}

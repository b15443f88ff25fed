//! Endpoint URLs: `scheme://address?option=value&...`, one syntax for the command line, the form, the palette and
//! profiles.
//!
//! Owns the tables of schemes and options, from which the form, the `list` command and the documentation come. Pure:
//! text in, values out. It never resolves a name and never opens anything.

mod address;
mod options;
mod scheme;
mod settings;
mod values;

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

pub use crate::quantity::{format_duration, format_size, parse_duration, parse_size};
pub use address::{EndpointAddress, Host, HostPort, UnixName};
pub use options::{OptionSpec, option_spec};
pub use scheme::{AddressKind, Role, SCHEMES, Scheme, SchemeSpec};
pub use settings::{PairType, Saving};
pub use values::{AfterFin, Choice, Group, LineEnding, Value, ValueKind};

use options::Options;

/// The names of a URL's options, and where each stands.
type Places<'a> = Vec<(&'a str, Range<usize>)>;

/// Why `wrap` can't be.
const NEEDS_FRAME: &str =
    "wrap needs a framing that puts something around what is sent: line, delimiter, fixed or length";

/// What to open: a scheme, an address, and the options that were given.
///
/// [`Display`](fmt::Display) writes the URL and [`FromStr`] reads it; they are inverses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The kind of socket.
    pub scheme: Scheme,
    /// Where.
    pub address: EndpointAddress,
    options: Options,
}

/// What is wrong with an endpoint, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointError {
    /// The bytes of the text that are wrong; may be empty, at the place where something is missing.
    pub at: Range<usize>,
    /// What is wrong, and what would be right. No full stop.
    pub message: String,
}

impl EndpointError {
    fn new(at: Range<usize>, message: impl Into<String>) -> Self {
        Self { at, message: message.into() }
    }

    fn shifted(mut self, by: usize) -> Self {
        self.at = self.at.start + by..self.at.end + by;
        self
    }
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for EndpointError {}

impl Endpoint {
    /// An endpoint without options.
    #[must_use]
    pub const fn new(scheme: Scheme, address: EndpointAddress) -> Self {
        Self { scheme, address, options: Options::new() }
    }

    /// Gives an option by its name and its text; an option that was there is replaced.
    ///
    /// # Errors
    /// When the scheme has no such option, or the text is not a value of it. The range is the wrong part of
    /// `text`; for an unknown option it is empty.
    pub fn set_option(&mut self, name: &str, text: &str) -> Result<(), EndpointError> {
        let spec = self
            .scheme
            .spec()
            .option(name)
            .ok_or_else(|| EndpointError::new(0..0, unknown_option(self.scheme, name)))?;
        let value = spec
            .kind
            .parse(text)
            .map_err(|message| EndpointError::new(spec.kind.wrong_part(text), format!("{name}: {message}")))?;
        self.options.set(spec, value);
        Ok(())
    }

    /// Takes an option back, so that its default holds.
    pub fn clear_option(&mut self, name: &str) {
        self.options.clear(name);
    }

    /// The options that were given, with their values, in the order of the table.
    pub fn options(&self) -> impl Iterator<Item = (&'static OptionSpec, &Value)> {
        self.options.iter()
    }

    /// What was given for this option, if anything.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<&Value> {
        self.options.get(name)
    }

    /// Whether its options can stand beside each other, once all are given.
    ///
    /// # Errors
    /// The option that can't stand there, and why not: `wrap` without a framing that puts something around, or lines of an
    /// encoding in which their end is half a character.
    pub fn check(&self) -> Result<(), (&'static OptionSpec, String)> {
        let encoding = self.encoding();
        if self.framing().is_line() && encoding.has_wide_units() {
            let name = encoding.name();
            let end = if name.ends_with("be") { "000a" } else { "0a00" };
            let why = format!("line ends at the byte 0a, which is half a character of {name}; use delimiter:{end}");
            return Err((&options::FRAMING, why));
        }
        if self.wants_wrap() && self.wrap().is_none() {
            return Err((&options::WRAP, NEEDS_FRAME.to_owned()));
        }
        Ok(())
    }

    /// Reads a URL some of whose options may be written elsewhere, so that [`check`](Self::check) is still to be asked.
    ///
    /// # Errors
    /// As reading all of an endpoint.
    pub fn parse_part(text: &str) -> Result<Self, EndpointError> {
        let (endpoint, _) = read_url(text)?;
        Ok(endpoint)
    }

    /// The URL without its options: `tcp-listen://127.0.0.1:7788`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// Reads an address as the form takes it, and the scheme as the form has it chosen.
    ///
    /// # Errors
    /// When the text is not an address of that scheme.
    pub fn from_parts(scheme: Scheme, address: &str) -> Result<Self, EndpointError> {
        Ok(Self::new(scheme, EndpointAddress::parse(scheme, address)?))
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let (endpoint, places) = read_url(text)?;
        if let Err((spec, why)) = endpoint.check() {
            let at = places.into_iter().find(|(name, _)| *name == spec.name).map_or(0..text.len(), |(_, at)| at);
            return Err(EndpointError::new(at, why));
        }
        Ok(endpoint)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.address)?;
        for (index, (spec, value)) in self.options.iter().enumerate() {
            let mark = if index == 0 { '?' } else { '&' };
            match value {
                Value::Path(path) => write!(f, "{mark}{}={}", spec.name, address::encode(path))?,
                _ => write!(f, "{mark}{}={value}", spec.name)?,
            }
        }
        Ok(())
    }
}

/// An endpoint, and where in its URL each option stands.
fn read_url(text: &str) -> Result<(Endpoint, Places<'_>), EndpointError> {
    let Some(scheme_end) = text.find("://") else {
        return Err(EndpointError::new(
            0..text.len(),
            "an endpoint is written scheme://address, such as tcp://127.0.0.1:7788",
        ));
    };
    let name = &text[..scheme_end];
    let scheme = Scheme::from_name(name).ok_or_else(|| {
        let known: Vec<_> = SCHEMES.iter().map(|spec| spec.name).collect();
        EndpointError::new(0..scheme_end, format!("no scheme `{name}`; there are {}", known.join(", ")))
    })?;
    let address_start = scheme_end + "://".len();
    let address_end = text[address_start..].find('?').map_or(text.len(), |at| address_start + at);
    let address = EndpointAddress::parse(scheme, &text[address_start..address_end])
        .map_err(|error| error.shifted(address_start))?;
    let mut endpoint = Endpoint::new(scheme, address);
    let mut start = address_end + 1;
    let mut places = Vec::new();
    while start <= text.len() {
        let end = text[start..].find('&').map_or(text.len(), |at| start + at);
        let pair = &text[start..end];
        if pair.is_empty() {
            return Err(EndpointError::new(start..end, "an option is missing here; write option=value"));
        }
        let (name, value, value_start) = match pair.split_once('=') {
            Some((name, value)) => (name, value, start + name.len() + 1),
            // A flag may stand alone: `?reuse-address`.
            None if option_spec(pair).is_some_and(|spec| spec.kind == ValueKind::Flag) => (pair, "true", end),
            None => (pair, "", end),
        };
        if endpoint.option(name).is_some() {
            return Err(EndpointError::new(start..end, format!("option `{name}` is given twice")));
        }
        let is_path = option_spec(name).is_some_and(|spec| spec.kind == ValueKind::Path);
        let decoded = if is_path { address::decode(value) } else { value.to_owned() };
        endpoint.set_option(name, &decoded).map_err(|mut error| {
            if is_path && !error.at.is_empty() {
                error.at = 0..value.len();
            }
            if error.at.is_empty() && !value.is_empty() || pair == name {
                EndpointError::new(start..start + name.len(), error.message)
            } else {
                error.shifted(value_start)
            }
        })?;
        places.push((name, start..end));
        start = end + 1;
    }
    Ok((endpoint, places))
}

fn unknown_option(scheme: Scheme, name: &str) -> String {
    let spec = scheme.spec();
    let known: Vec<_> = spec.options.iter().map(|option| option.name).collect();
    format!("{} has no option `{name}`; it has {}", spec.name, known.join(", "))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Endpoint {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn urls_read_as_written() {
        for url in [
            "tcp://127.0.0.1:7788",
            "tcp://[::1]:80",
            "tcp://[fe80::1%eth0]:80",
            "tcp-listen://localhost:0?backlog=5",
            "udp://example.org:53",
            "udp-bind://0.0.0.0:7788?eol=crlf",
            "udp-bind://0.0.0.0:7788?broadcast=true&join=239.1.2.3@eth0,ff02::12@lo&multicast-ttl=3",
            "unix-listen:///tmp/a b.sock?unlink=true",
            "unix://@abstract",
            "unix-dgram:///tmp/what%3F%26%25",
            "icmp://127.0.0.1",
            "icmp://[::1]?ttl=3",
            "raw://example.org?protocol=89",
            "pair://?type=seqpacket",
            "tcp-listen://127.0.0.1:1?framing=length:u16be,offset=4,max=64KiB&wrap=true",
            "unix:///tmp/x?framing=delimiter:0d0a",
            "tcp://h:1?save=/tmp/a%26b%3F&save-append=true&save-limit=1MiB",
            "tcp://127.0.0.1:1?source=127.0.0.1:4000&connect-timeout=250ms&eol=none&after-fin=keep&nodelay=false",
        ] {
            assert_eq!(parse(url).to_string(), url);
        }
    }

    #[test]
    fn options_have_typed_values_and_defaults() {
        let endpoint = parse("tcp://h:1?connect-timeout=2s&eol=cr");
        assert_eq!(endpoint.connect_timeout(), Duration::from_secs(2));
        assert_eq!(endpoint.eol(), LineEnding::Cr);
        assert!(endpoint.nodelay());
        assert_eq!(endpoint.after_fin(), AfterFin::Within(Duration::from_secs(10)));
        assert_eq!(parse("tcp-listen://h:1").backlog(), 128);
        assert_eq!(parse("udp://h:1").eol(), LineEnding::None);
        assert_eq!(parse("tcp-listen://h:1?reuse-address").to_string(), "tcp-listen://h:1?reuse-address=true");
    }

    #[test]
    fn errors_point_at_what_is_wrong() {
        for (url, wrong) in [
            ("7788", "7788"),
            ("tpc://h:1", "tpc"),
            ("tcp://h", "h"),
            ("tcp://:1", ""),
            ("tcp://h:99999", "99999"),
            ("tcp://[::1:80", "[::1:80"),
            ("tcp://::1:80", "::1:80"),
            ("tcp://h:1?colour=red", "colour"),
            ("tcp://h:1?connect-timeout=soon", "soon"),
            ("tcp://h:1?connect-timeout", "connect-timeout"),
            ("tcp://h:1?eol=lf&eol=cr", "eol=cr"),
            ("tcp://h:1?", ""),
            ("tcp://h:0", "0"),
            ("unix://", ""),
            ("unix://@", ""),
            ("icmp://h:1", ":1"),
            ("pair://x", "x"),
            ("udp://h:1?join=10.0.0.1", "10.0.0.1"),
            ("tcp-listen://h:1?save=x", "save"),
            ("tcp://h:1?save=", ""),
            ("tcp://h:1?framing=line,max=2GiB&wrap", "2GiB"),
            ("udp://h:1?framing=line", "framing"),
            ("tcp://h:1?wrap=true&eol=lf", "wrap=true"),
            ("tcp://h:1?wrap&framing=idle:5ms", "wrap"),
            ("pair://?type=seqpacket&framing=line&wrap=true", "wrap=true"),
            ("tcp-listen://h:1?backlog=99999999999", "99999999999"),
            ("tcp://h:1?framing=line&encoding=utf-16le&wrap", "framing=line"),
        ] {
            let error = url.parse::<Endpoint>().unwrap_err();
            assert_eq!(&url[error.at.clone()], wrong, "{url}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_endpoint_or_an_error_inside_it(text in "\\PC{0,60}") {
            if let Err(error) = text.parse::<Endpoint>() {
                prop_assert!(text.get(error.at).is_some());
            }
        }

        #[test]
        fn near_urls_never_panic(text in "(tcp|tcp-listen|udp|udp-bind|unix|icmp|pair)://[0-9a-f:.%\\[\\]@]{0,20}(\\?[a-z-]{0,16}=?[0-9a-zµ]{0,8}&?){0,3}") {
            match text.parse::<Endpoint>() {
                Ok(endpoint) => prop_assert_eq!(endpoint.to_string().parse::<Endpoint>(), Ok(endpoint)),
                Err(error) => prop_assert!(text.get(error.at).is_some()),
            }
        }
    }
}

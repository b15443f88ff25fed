//! Addresses, text and bytes as they stand in the source code of Python, Rust and C.
//!
//! Owns how a value is spelt in a language. It never knows which call it is for.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};

/// An address as a call row tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Ip(SocketAddr),
    /// A Unix socket's path, or its name in the abstract namespace.
    Path(String),
    Abstract(String),
}

impl Place {
    /// The address that a row's arguments name, alone or after `5, `; `None` where they name none.
    pub(super) fn parse(args: &str) -> Option<Self> {
        let text = args.rsplit(", ").next().unwrap_or(args).trim();
        if let Ok(address) = text.parse() {
            return Some(Self::Ip(address));
        }
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Some(Self::Ip(SocketAddr::new(ip, 0)));
        }
        match text.strip_prefix('@') {
            Some(name) => Some(Self::Abstract(name.to_owned())),
            None if text.contains('/') => Some(Self::Path(text.to_owned())),
            None => None,
        }
    }

    /// As Python's `socket` takes it: `("127.0.0.1", 7788)`, `"/run/a.sock"`.
    pub(super) fn python(&self) -> String {
        match self {
            Self::Ip(SocketAddr::V4(v4)) => format!("(\"{}\", {})", v4.ip(), v4.port()),
            Self::Ip(SocketAddr::V6(v6)) if v6.scope_id() != 0 => {
                format!("(\"{}\", {}, 0, {})", v6.ip(), v6.port(), v6.scope_id())
            }
            Self::Ip(SocketAddr::V6(v6)) => format!("(\"{}\", {})", v6.ip(), v6.port()),
            Self::Path(path) => quoted(path),
            Self::Abstract(name) => format!("\"\\0\" + {}", quoted(name)),
        }
    }

    /// As Rust's `std` takes it, and with `socket2` a `SockAddr`.
    pub(super) fn rust(&self) -> String {
        match self {
            Self::Ip(address) => format!("\"{address}\""),
            Self::Path(path) => quoted(path),
            Self::Abstract(name) => format!("&SocketAddr::from_abstract_name({})?", quoted(name)),
        }
    }

    /// As `socket2` takes it.
    pub(super) fn rust_sock_addr(&self) -> String {
        match self {
            Self::Ip(address) => format!("&\"{address}\".parse::<SocketAddr>()?.into()"),
            Self::Path(path) => format!("&SockAddr::unix({})?", quoted(path)),
            Self::Abstract(name) => format!("&SockAddr::unix({})?", quoted(&format!("\0{name}"))),
        }
    }

    /// The lines of C that fill `addr`, and the two last arguments of the call.
    pub(super) fn c(&self) -> (String, String) {
        let lines = match self {
            Self::Ip(SocketAddr::V4(v4)) => format!(
                "struct sockaddr_in addr = {{ .sin_family = AF_INET, .sin_port = htons({}) }};\n\
                 inet_pton(AF_INET, \"{}\", &addr.sin_addr);",
                v4.port(),
                v4.ip()
            ),
            Self::Ip(SocketAddr::V6(v6)) => c_v6(v6),
            Self::Path(path) => {
                format!("struct sockaddr_un addr = {{ .sun_family = AF_UNIX, .sun_path = {} }};", quoted_c(path))
            }
            Self::Abstract(name) => format!(
                "struct sockaddr_un addr = {{ .sun_family = AF_UNIX, .sun_path = {} }};",
                quoted_c(&format!("\0{name}"))
            ),
        };
        let size = match self {
            // The length says where an abstract name ends, since NUL does not.
            Self::Abstract(name) => format!("offsetof(struct sockaddr_un, sun_path) + {}", name.len() + 1),
            _ => "sizeof addr".to_owned(),
        };
        (lines, format!("(struct sockaddr *)&addr, {size}"))
    }
}

fn c_v6(v6: &SocketAddrV6) -> String {
    let scope = if v6.scope_id() == 0 { String::new() } else { format!(", .sin6_scope_id = {}", v6.scope_id()) };
    format!(
        "struct sockaddr_in6 addr = {{ .sin6_family = AF_INET6, .sin6_port = htons({}){scope} }};\n\
         inet_pton(AF_INET6, \"{}\", &addr.sin6_addr);",
        v6.port(),
        v6.ip()
    )
}

/// A string of Python and of Rust alike; what is not ASCII stays as it is, but control characters do not.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Both languages take these; a NUL as `\0` would join with a digit after it in Python.
            _ if c.is_ascii_control() => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            // Others may be invisible, or turn the text around.
            _ if c.is_alphanumeric() || c.is_ascii() => out.push(c),
            _ => out.push('?'),
        }
    }
    out.push('"');
    out
}

/// A string of C.
pub(super) fn quoted_c(text: &str) -> String {
    bytes_c(text.as_bytes())
}

/// Bytes of Python and of Rust alike: `b"hello\n"`.
pub(super) fn bytes(bytes: &[u8]) -> String {
    format!("b\"{}\"", bytes.escape_ascii().to_string().replace("\\'", "'"))
}

/// Bytes of C: `"hello\n"`.
pub(super) fn bytes_c(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            // Two of them could begin a trigraph.
            b'?' => out.push_str("\\?"),
            b' '..=b'~' => out.push(char::from(byte)),
            // Octal, since a hexadecimal escape has no end of its own.
            _ => {
                let _ = write!(out, "\\{byte:03o}");
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_found_in_the_arguments() {
        let ip = |text: &str| Some(Place::Ip(text.parse().unwrap()));
        assert_eq!(Place::parse("127.0.0.1:7788"), ip("127.0.0.1:7788"));
        assert_eq!(Place::parse("5, [::1]:9"), ip("[::1]:9"));
        assert_eq!(Place::parse("@name"), Some(Place::Abstract("name".to_owned())));
        assert_eq!(Place::parse("/run/a.sock"), Some(Place::Path("/run/a.sock".to_owned())));
        assert_eq!(Place::parse("autobind"), None);
        assert_eq!(Place::parse(""), None);
    }

    #[test]
    fn values_are_spelt_as_each_language_wants_them() {
        let v6 = Place::parse("[fe80::1%2]:9").unwrap();
        assert_eq!(v6.python(), "(\"fe80::1\", 9, 0, 2)");
        assert!(v6.c().0.contains(".sin6_scope_id = 2"), "{v6:?}");
        assert_eq!(
            Place::parse("@n").unwrap().c().1,
            "(struct sockaddr *)&addr, offsetof(struct sockaddr_un, sun_path) + 2"
        );
        assert_eq!(bytes(b"it's \"5\"\n\0\xff"), r#"b"it's \"5\"\n\x00\xff""#);
        assert_eq!(bytes_c(b"\x001\"??\xff"), r#""\0001\"\?\?\377""#);
    }
}

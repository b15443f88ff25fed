//! The tables of `sockbench list`, from the same rows that the program runs on.

use std::fmt::Write;

use crate::config::Theme;
use crate::contract::{Endpoint, EndpointAddress, SCHEMES};
use crate::payload::ALGORITHMS;
use crate::ui::{Keymap, Scope, actions};

/// Schemes with their addresses and options.
#[must_use]
pub fn endpoints() -> String {
    let mut text = String::from("scheme://address[?option=value&...]\n");
    for scheme in SCHEMES {
        let _ = writeln!(text, "\n{}://{}", scheme.name, scheme.example);
        let _ = writeln!(text, "    {}", scheme.summary);
        let _ = writeln!(text, "    address: {}", scheme.address_form);
        let plain = Endpoint::new(scheme.scheme, EndpointAddress::Nothing);
        for option in scheme.options {
            let (value, default) = (option.kind.hint(), plain.default_of(option));
            let _ = writeln!(text, "    {:<18}{}; {value} (default: {default})", option.name, option.help);
        }
    }
    text
}

/// Actions by scope, with the keys they have unless the config says otherwise.
#[must_use]
pub fn actions_table() -> String {
    let keymap = Keymap::default();
    let mut text = String::new();
    for scope in Scope::ALL {
        let _ = writeln!(text, "{}{}", if text.is_empty() { "" } else { "\n" }, scope.title());
        for action in actions().filter(|action| action.scope == scope) {
            let keys = keymap.keys_of(action.name).join(" ");
            let _ = writeln!(text, "    {:<24}{keys:<14}{}", action.name, action.help);
        }
    }
    text
}

/// Checksums with their width, the checksum of `123456789` and the order of their bytes.
#[must_use]
pub fn checksums() -> String {
    let mut text = String::from("name                  bits  of \"123456789\"           order   other names\n");
    for algorithm in ALGORITHMS {
        let digits = usize::from(algorithm.width.div_ceil(4));
        let check = format!("0x{:0digits$x}", algorithm.check);
        let order = algorithm.order.name();
        let line = format!(
            "{:<22}{:>4}  {check:<25}{order:<8}{}",
            algorithm.name,
            algorithm.width,
            algorithm.aliases.join(" ")
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The words that `theme` takes in the configuration.
#[must_use]
pub fn themes() -> String {
    Theme::ALL.iter().fold(String::new(), |text, (name, _)| text + name + "\n")
}

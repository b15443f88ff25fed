//! Rules in words: what they are on, wait for and do, short enough for a line.

use crate::contract::format_duration;
use crate::profile::{Message, PatternEntry, PayloadContent, RuleEntry, SendEntry, WhenEntry};
use crate::rule::{Moment, Once, Then};

/// The sockets that a rule is on.
pub(in crate::ui) fn on(rule: &RuleEntry) -> String {
    match rule.on.as_deref() {
        None => "every socket".to_owned(),
        Some([]) => "none".to_owned(),
        Some(names) => names.join(", "),
    }
}

/// What a rule waits for.
pub(in crate::ui) fn when(when: &WhenEntry) -> String {
    match when {
        WhenEntry::Event(Moment::Accepted) => "a connection comes".to_owned(),
        WhenEntry::Event(Moment::Connected) => "the connection stands".to_owned(),
        WhenEntry::Event(Moment::PeerClosed) => "the peer sends FIN".to_owned(),
        WhenEntry::Message(PatternEntry::Any) => "any".to_owned(),
        WhenEntry::Message(PatternEntry::Contains(content)) => format!("has {}", written(content)),
        WhenEntry::Message(PatternEntry::Equals(content)) => format!("is {}", written(content)),
        WhenEntry::Message(PatternEntry::Regex(expression)) => format!("/{}/", expression.as_str()),
    }
}

/// What a rule does then.
pub(in crate::ui) fn does(rule: &RuleEntry) -> String {
    let mut parts = vec![match &rule.send {
        _ if rule.is_echo() => "what came".to_owned(),
        None if rule.then == Then::Keep => "nothing".to_owned(),
        None => String::new(),
        Some(SendEntry::Message(Message::Payload(name))) => format!("the payload {name}"),
        Some(SendEntry::Message(Message::Written(content, checksum))) => {
            let checksum = checksum.map(|checksum| format!(" +{checksum}")).unwrap_or_default();
            written(content) + &checksum
        }
        Some(SendEntry::File { name, root, .. }) => format!("the file {name} of {}", root.display()),
        Some(SendEntry::Program { command, .. }) => format!("what {} says", command.join(" ")),
        Some(SendEntry::Characters) => "characters without an end".to_owned(),
    }];
    parts.push(match rule.then {
        Then::Keep => String::new(),
        Then::HalfClose => "FIN".to_owned(),
        Then::Close => "close".to_owned(),
    });
    if !rule.delay.is_zero() {
        parts.push(format!("after {}", format_duration(rule.delay)));
    }
    parts.push(match rule.once {
        Once::Never => String::new(),
        Once::Connection => "once a connection".to_owned(),
        Once::Session => "once".to_owned(),
    });
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}

fn written(content: &PayloadContent) -> String {
    match content {
        // In quotes a text reads as an escaped one does, whichever it is.
        PayloadContent::Text(text) => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
        PayloadContent::Escaped(text) => format!("\"{}\"", text.replace('"', "\\\"")),
        PayloadContent::Hex(digits) => format!("hex {digits}"),
        PayloadContent::Base64(digits) => format!("base64 {digits}"),
        PayloadContent::File(path) => format!("the file {}", path.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backslash_of_a_text_is_no_escape() {
        assert_eq!(written(&PayloadContent::Text(r#"ping\n "x""#.to_owned())), r#""ping\\n \"x\"""#);
        assert_eq!(written(&PayloadContent::Escaped(r#"ping\n "x""#.to_owned())), r#""ping\n \"x\"""#);
    }
}

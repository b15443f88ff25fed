//! Writing rules into their tables, with everything left as it is that did not change.

use toml_edit::{Array, InlineTable, Item, TableLike, Value};

use super::{RuleEntry, SendEntry, WhenEntry};
use crate::contract::{format_duration, format_size};
use crate::profile::comments::remove_value;
use crate::profile::message::{Message, PatternEntry};
use crate::profile::write::{Entry, set_string, set_value, string};
use crate::rule::{Once, Then};

impl Entry for RuleEntry {
    fn origin(&self) -> Option<usize> {
        self.origin
    }

    fn write(&self, table: &mut dyn TableLike, saved: Option<&Self>) {
        let differs = |same: fn(&Self, &Self) -> bool| saved.is_none_or(|saved| !same(self, saved));
        if differs(|one, other| one.name == other.name) {
            set_string(table, "name", &self.name);
        }
        if differs(|one, other| one.on == other.on) {
            write_on(table, self.on.as_deref());
        }
        if differs(|one, other| one.when == other.when) {
            in_table(table, "when", |table| write_when(table, &self.when));
        }
        if differs(|one, other| one.send == other.send) {
            match &self.send {
                Some(send) => in_table(table, "send", |table| write_send(table, send)),
                None => drop(table.remove("send")),
            }
        }
        // What a new table does not say is the default.
        let before = saved.map_or((std::time::Duration::ZERO, Then::Keep, Once::Never, true), |saved| {
            (saved.delay, saved.then, saved.once, saved.enabled)
        });
        if self.delay != before.0 {
            set_string(table, "delay", &format_duration(self.delay));
        }
        if self.then != before.1 {
            set_string(table, "then", &self.then.to_string());
        }
        if self.once != before.2 {
            set_string(table, "once", &self.once.to_string());
        }
        if self.enabled != before.3 {
            set_value(table, "enabled", self.enabled.into());
        }
    }
}

/// Writes into the table under this key, however that is written.
fn in_table(table: &mut dyn TableLike, key: &str, write: impl FnOnce(&mut dyn TableLike)) {
    if table.get(key).is_none_or(|item| !item.is_table_like()) {
        set_value(table, key, InlineTable::new().into());
    }
    if let Some(below) = table.get_mut(key).and_then(Item::as_table_like_mut) {
        write(below);
    }
}

fn write_when(table: &mut dyn TableLike, when: &WhenEntry) {
    table.remove("event");
    for key in PatternEntry::KEYS {
        table.remove(key);
    }
    match when {
        WhenEntry::Event(moment) => set_string(table, "event", &moment.to_string()),
        WhenEntry::Message(pattern) => pattern.write(table),
    }
}

fn write_send(table: &mut dyn TableLike, send: &SendEntry) {
    for key in Message::KEYS.into_iter().chain(["root", "missing", "exec", "timeout", "max", "chargen"]) {
        table.remove(key);
    }
    match send {
        SendEntry::Message(message) => message.write(table),
        SendEntry::File { name, root, missing } => {
            set_string(table, "file", name);
            set_string(table, "root", &root.to_string_lossy());
            if let Some(missing) = missing {
                set_string(table, "missing", missing);
            }
        }
        SendEntry::Program { command, timeout, max } => {
            set_value(table, "exec", command.iter().map(|word| string(word)).collect::<Array>().into());
            if *timeout != SendEntry::TIMEOUT {
                set_string(table, "timeout", &format_duration(*timeout));
            }
            if *max != SendEntry::MAX {
                set_string(table, "max", &format_size(*max));
            }
        }
        SendEntry::Characters => set_value(table, "chargen", true.into()),
    }
}

fn write_on(table: &mut dyn TableLike, on: Option<&[String]>) {
    let Some(names) = on else {
        table.remove("on");
        return;
    };
    if let Some(Item::Value(Value::Array(array))) = table.get_mut("on") {
        write_names(array, names);
    } else if let [name] = names {
        set_string(table, "on", name);
    } else {
        set_value(table, "on", names.iter().map(|name| string(name)).collect::<Array>().into());
    }
}

/// Makes a list hold these names. Each that stays keeps what stands around it, and one that was renamed takes that over.
fn write_names(array: &mut Array, names: &[String]) {
    let old = |array: &Array, index: usize| array.get(index).and_then(Value::as_str).map(str::to_owned);
    if array.len() > names.len() {
        // From the last to the first, so that those before stay where they are.
        for index in (0..array.len()).rev() {
            if array.len() > names.len() && old(array, index).is_none_or(|name| !names.contains(&name)) {
                remove_value(array, index);
            }
        }
        while array.len() > names.len() {
            remove_value(array, array.len() - 1);
        }
    }
    for (index, name) in names.iter().enumerate() {
        if index == array.len() {
            array.push(string(name));
        } else if old(array, index).as_ref() != Some(name) {
            array.replace(index, string(name));
        }
    }
}

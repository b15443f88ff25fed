//! Scenarios written into a profile, and steps on one line.

use std::fmt;
use std::time::Duration;

use toml_edit::{ArrayOfTables, InlineTable, Item, TableLike, Value};

use super::{ScenarioEntry, StepAction};
use crate::contract::{CloseHow, format_duration};
use crate::profile::PatternEntry;
use crate::profile::write::{Entry, set_string, set_value};
use crate::scenario::Name;

impl Entry for ScenarioEntry {
    fn origin(&self) -> Option<usize> {
        self.origin
    }

    fn write(&self, table: &mut dyn TableLike, saved: Option<&Self>) {
        if saved.is_none_or(|saved| saved.name != self.name) {
            set_string(table, "name", &self.name);
        }
        if saved.map_or(!self.auto, |saved| saved.auto != self.auto) {
            set_value(table, "auto", self.auto.into());
        }
        if saved.map_or(self.timeout.is_some(), |saved| saved.timeout != self.timeout) {
            match self.timeout {
                Some(timeout) => set_duration(table, "timeout", Some(timeout)),
                None => drop(table.remove("timeout")),
            }
        }
        let saved = saved.filter(|saved| saved.steps.len() == self.steps.len());
        if let (Some(saved), Some(item)) = (saved, table.get_mut("step")) {
            for (index, (step, saved)) in self.steps.iter().zip(&saved.steps).enumerate() {
                if let Some(table) = table_at(item, index).filter(|_| step != saved) {
                    edit(table, &saved.action.table(), &step.action.table());
                }
            }
        } else {
            let steps: ArrayOfTables = self.steps.iter().map(|step| step.action.table().into_table()).collect();
            table.insert("step", Item::ArrayOfTables(steps));
        }
    }
}

/// The table with this index in a list, however it is written.
fn table_at(item: &mut Item, index: usize) -> Option<&mut dyn TableLike> {
    match item {
        Item::ArrayOfTables(tables) => tables.get_mut(index).map(|table| table as &mut dyn TableLike),
        Item::Value(Value::Array(array)) => {
            array.get_mut(index)?.as_inline_table_mut().map(|table| table as &mut dyn TableLike)
        }
        _ => None,
    }
}

/// Changes in a table what is another now than what was saved.
fn edit(table: &mut dyn TableLike, saved: &InlineTable, now: &InlineTable) {
    for (key, _) in saved.iter().filter(|(key, _)| !now.contains_key(key)) {
        table.remove(key);
    }
    for (key, value) in now {
        if saved.get(key).is_none_or(|saved| saved.to_string() != value.to_string()) {
            set_value(table, key, value.clone());
        }
    }
}

impl StepAction {
    /// The step as a table on one line.
    fn table(&self) -> InlineTable {
        let mut table = InlineTable::new();
        match self {
            Self::Open(socket) => set_string(&mut table, "open", socket),
            Self::Close(name, how) => {
                let key = match how {
                    CloseHow::Normal => "close",
                    CloseHow::HalfClose => "half-close",
                    CloseHow::Abort => "abort",
                };
                set_string(&mut table, key, &name.to_string());
            }
            Self::Send { message, to, repeat, every } => {
                let mut content = InlineTable::new();
                message.write(&mut content);
                table.insert("send", content.into());
                set_string(&mut table, "to", &to.to_string());
                if let Some(repeat) = repeat {
                    table.insert("repeat", i64::try_from(*repeat).unwrap_or(i64::MAX).into());
                }
                set_duration(&mut table, "every", *every);
            }
            Self::Expect { pattern, on, within } => expecting(&mut table, "expect", pattern, on, *within),
            Self::ExpectNone { pattern, on, within } => expecting(&mut table, "expect-none", pattern, on, *within),
            Self::ExpectClosed { on, within } => {
                set_string(&mut table, "expect-closed", &on.to_string());
                set_duration(&mut table, "within", *within);
            }
            Self::Wait(time) => set_duration(&mut table, "wait", Some(*time)),
        }
        table
    }
}

/// `expect = { text = "PONG" }, on = "client", within = "1s"`
impl fmt::Display for StepAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (key, value)) in self.table().iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{key} = {}", value.to_string().trim())?;
        }
        Ok(())
    }
}

fn expecting(table: &mut InlineTable, key: &str, pattern: &PatternEntry, on: &Name, within: Option<Duration>) {
    let mut content = InlineTable::new();
    pattern.write(&mut content);
    table.insert(key, content.into());
    set_string(table, "on", &on.to_string());
    set_duration(table, "within", within);
}

fn set_duration(table: &mut dyn TableLike, key: &str, time: Option<Duration>) {
    if let Some(time) = time {
        set_string(table, key, &format_duration(time));
    }
}

//! How a reply is made, whatever it is: a message, a file, what a program says, characters; and what comes after it.
//!
//! Owns what is told of it in the log: what the rule does, or why it does not.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use tokio::time::{Instant, sleep_until};

use super::program::Program;
use super::work::{Came, Pending, Work};
use super::{characters, program};
use crate::contract::{Address, CloseReason, Ticket};
use crate::engine::orders::{Order, Orders, Stop};
use crate::engine::outgoing_file::{LONGEST_MESSAGE, OutgoingFile};
use crate::os;
use crate::payload::{Fill, Template};
use crate::rule::{Reply, Rule, Then, When, open_below};

/// How much of a name is told, in characters.
const TOLD_OF_NAME: usize = 80;

impl Work {
    /// Answers what has waited, unless the socket closes or the rule is gone before that is done.
    pub(super) async fn answer(&self, pending: &Pending) {
        let is_off = |_: &Orders| (self.is_over() || !self.rules.now().have(&pending.rule)).then_some(());
        tokio::select! {
            biased;
            () = self.orders.until(is_off) => {}
            () = self.perform(pending) => {}
        }
    }

    /// Sends what a template stands for, and says so after `before`.
    pub(super) fn send_message(&self, rule: &Rule, template: &Template, came: Came<'_>, before: &str) {
        if rule.is_echo() {
            let order = Order::new(Ticket::ENGINE, came.message.into(), came.from.cloned());
            self.push(rule, order);
            return;
        }
        match self.wrapped(self.filled(template, came)) {
            Ok(bytes) if bytes.is_empty() && !self.keeps_messages_apart() => {
                self.note(rule, self.and_then(rule, &format!("{before}answers nothing")));
            }
            Ok(bytes) => {
                let words = format!("{before}answers {}", in_bytes(bytes.len()));
                self.send(rule, Order::new(Ticket::ENGINE, bytes.into(), came.from.cloned()), &words);
            }
            Err(why) => self.note(rule, self.and_then(rule, &format!("{before}can't answer: {why}"))),
        }
    }

    async fn perform(&self, pending: &Pending) {
        let Pending { rule, message, from, due, .. } = pending;
        if *due > Instant::now() {
            sleep_until(*due).await;
        }
        let has_room = |orders: &Orders| (orders.has_room_for_reply() || orders.stopping().is_some()).then_some(());
        self.orders.until_room(has_room).await;
        let captures = match (&pending.captures, &rule.when) {
            (Some(places), _) => places.iter().map(|place| &message[place.clone()]).collect(),
            (None, When::Comes(pattern)) => pattern.find(message).map(|found| found.captures).unwrap_or_default(),
            (None, When::Happens(_)) => Vec::new(),
        };
        let came = Came { message, captures: &captures, from: from.as_ref() };
        match &rule.reply {
            Reply::Nothing => self.note(rule, self.and_then(rule, "")),
            Reply::Message(template) => self.send_message(rule, template, came, ""),
            Reply::File { name, root, missing } => self.send_file(rule, name, root, missing.as_ref(), came).await,
            Reply::Program { .. } => {
                let _turn = match &pending.turn {
                    Some(_) => None,
                    // They are never closed.
                    None => self.table.programs().acquire().await.ok(),
                };
                self.send_what_a_program_says(rule, came).await;
            }
            Reply::Characters => self.send_characters(rule, came).await,
        }
        self.tell_rows().await;
        let stop = match self.then(rule) {
            Then::Keep => return,
            Then::HalfClose => Stop::HalfClose,
            Then::Close => Stop::Close,
        };
        let last = self.orders.last();
        self.orders.until(|orders| orders.are_done_up_to(last).then_some(())).await;
        self.orders.stop(stop, CloseReason::Rule);
    }

    async fn send_file(&self, rule: &Rule, name: &Template, root: &Path, missing: Option<&Template>, came: Came<'_>) {
        let name = self.filled(name, came);
        let path = root.join(OsStr::from_bytes(&name));
        let (below, asked) = (root.to_owned(), name.clone());
        let last = self.last_file.get();
        self.orders.until(|orders| orders.are_done_up_to(last).then_some(())).await;
        let is_message = self.keeps_messages_apart();
        let frame = self.endpoint.borrow().wrap().cloned();
        // Aside, for a disk may keep it waiting. Unlike a program it leaves nothing to be ended, so ending needs no wait.
        let open = move || {
            let found = open_below(&below, &asked)?;
            match frame {
                Some(frame) => {
                    let bytes = found.read(frame.max() as usize)?;
                    Ok((bytes.len(), Ok(frame.wrap(&bytes)?)))
                }
                None if is_message || found.hides_its_length() => {
                    let bytes = found.read(LONGEST_MESSAGE)?;
                    Ok((bytes.len(), Ok(bytes)))
                }
                None => Ok((found.len, Err(found.file))),
            }
        };
        let opened = os::aside(open).await.unwrap_or_else(|error| Err(error.to_string()));
        match opened {
            Ok((len, content)) => {
                let order = match content {
                    Ok(bytes) => Order::new(Ticket::ENGINE, bytes.into(), came.from.cloned()),
                    Err(file) => Order::of_file(Ticket::ENGINE, OutgoingFile::of(file, len, path)),
                };
                self.send(rule, order, &format!("sends {}, {}", told(&name), in_bytes(len)));
                self.last_file.set(self.orders.last());
            }
            Err(why) => {
                let refused = format!("refused \"{}\": {why}", told(&name));
                match missing {
                    Some(missing) => self.send_message(rule, missing, came, &format!("{refused}; ")),
                    None => self.note(rule, self.and_then(rule, &refused)),
                }
            }
        }
    }

    async fn send_what_a_program_says(&self, rule: &Rule, came: Came<'_>) {
        let Reply::Program { command, folder, timeout, max } = &rule.reply else { return };
        let shown = |address: Option<&Address>| address.map(Address::to_string).unwrap_or_default();
        let wanted = Program {
            command: command.clone(),
            folder: folder.clone(),
            timeout: *timeout,
            max: *max,
            peer: shown(came.from.or(self.peer.as_ref())),
            local: shown(self.local.as_ref()),
        };
        let name = command.first().map_or("no program", String::as_str);
        self.note(rule, self.and_then(rule, &format!("runs {name}")));
        self.tell_rows().await;
        match program::run(wanted, came.message.to_vec(), &self.table).await {
            Ok(said) if said.is_empty() => {}
            Ok(said) => match self.wrapped(said) {
                Ok(bytes) => {
                    let order = Order::new(Ticket::ENGINE, bytes.into(), came.from.cloned());
                    self.push(rule, order);
                }
                Err(why) => self.note(rule, format!("what {name} says can't be sent: {why}")),
            },
            Err(why) => self.note(rule, format!("{name} {why}")),
        }
    }

    async fn send_characters(&self, rule: &Rule, came: Came<'_>) {
        let order = |bytes| Order::new(Ticket::ENGINE, bytes, came.from.cloned());
        if self.keeps_messages_apart() {
            let bytes = characters::datagram();
            let words = format!("answers {}", in_bytes(bytes.len()));
            self.send(rule, order(bytes), &words);
            return;
        }
        let _endless = self.begin_endless();
        self.note(rule, "sends characters without an end");
        self.tell_rows().await;
        while self.can_be_endless()
            && let Some(number) = self.push(rule, order(characters::block()))
        {
            self.orders.until(|orders| orders.are_done_up_to(number).then_some(())).await;
        }
    }

    /// Hands a reply over to be sent, and says so.
    fn send(&self, rule: &Rule, order: Order, words: &str) {
        if self.push(rule, order).is_some() {
            self.note(rule, self.and_then(rule, words));
        }
    }

    /// Hands a reply over to be sent; the number of its order.
    pub(super) fn push(&self, rule: &Rule, order: Order) -> Option<u64> {
        let number = self.orders.push_reply(order);
        if number.is_none() {
            self.note(rule, self.and_then(rule, "can't answer: sending is over here"));
        }
        number
    }

    fn filled(&self, template: &Template, came: Came<'_>) -> Vec<u8> {
        let shown = |is_needed: bool, address: Option<&Address>| {
            address.filter(|_| is_needed).map(Address::to_string).unwrap_or_default()
        };
        template.filled(&Fill {
            counter: self.orders.count_reply(),
            at: self.outbox.now().0,
            seed: fastrand::u64(..),
            peer: &shown(template.needs_peer(), came.from.or(self.peer.as_ref())),
            local: &shown(template.needs_local(), self.local.as_ref()),
            captures: came.captures,
            payload: came.message,
        })
    }

    /// The frame that this gets where the endpoint says so.
    fn wrapped(&self, bytes: Vec<u8>) -> Result<Vec<u8>, String> {
        match self.endpoint.borrow().wrap() {
            Some(framing) => framing.wrap(&bytes),
            None => Ok(bytes),
        }
    }

    fn keeps_messages_apart(&self) -> bool {
        self.endpoint.borrow().keeps_messages_apart()
    }

    /// What is told of a rule that does this, and then what it says of the connection.
    fn and_then(&self, rule: &Rule, what: &str) -> String {
        let then = match self.then(rule) {
            Then::Keep => return what.to_owned(),
            Then::HalfClose => "half-closes",
            Then::Close => "closes",
        };
        if what.is_empty() { then.to_owned() } else { format!("{what}, then {then}") }
    }
}

/// `1 byte`, `5,120 bytes`.
pub(super) fn in_bytes(count: usize) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + if count == 1 { " byte" } else { " bytes" }
}

/// A name as it is told: what is no text in escapes, and of a long one the begin.
fn told(name: &[u8]) -> String {
    let mut told = String::new();
    for chunk in name.utf8_chunks() {
        told.extend(chunk.valid().chars().flat_map(char::escape_debug));
        for byte in chunk.invalid() {
            let _ = write!(told, "\\x{byte:02x}");
        }
    }
    match told.char_indices().nth(TOLD_OF_NAME) {
        Some((end, _)) => format!("{}... ({})", &told[..end], in_bytes(name.len())),
        None => told,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_sizes_are_told_in_few_words() {
        assert_eq!(told("a b/é.html".as_bytes()), "a b/é.html");
        assert_eq!(told(b"a\r\n\0\xff\""), "a\\r\\n\\0\\xff\\\"");
        let long = told(&[b'x'; 5000]);
        assert!(long.ends_with("xxx... (5,000 bytes)") && long.len() < 110, "{long}");
        let sizes =
            [(0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (5120, "5,120 bytes"), (1_234_567, "1,234,567 bytes")];
        for (count, shown) in sizes {
            assert_eq!(in_bytes(count), shown);
        }
    }
}

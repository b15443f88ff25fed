//! The composition root without a screen: opens what a profile says, and prints the log as it comes.

mod charset;
mod driven;
mod farewell;
mod messages;
mod opening;
pub mod pipe;
mod printer;
mod recording;
pub mod test;

use std::collections::HashSet;
use std::io;
use std::pin::pin;

use tokio::time::{Instant, sleep_until, timeout};

use crate::cli::{Format, Run};
use crate::contract::{Clock, Event, Fact, SocketId, SocketIds};
use crate::engine::{self, Batches, EngineHandle};
use crate::log::export::Framed;
use crate::log::sanitise::Repertoire;
use crate::log::{LogStore, Roster, Row, export};
use crate::os;
use crate::outcome::{EndSignals, Outcome};
use crate::startup::{complaint, repertoire_of};

use charset::make_ascii;
use driven::{Driven, ended_by_itself};
use farewell::{FAREWELL, end_signals, farewell};
use messages::Streams;
use opening::{Given, Opening};
use printer::Printer;
use recording::Recording;

/// Runs a profile: `sockbench run`.
///
/// # Errors
/// When the engine can't be started, or standard output can't be written to.
pub fn run(arguments: &Run) -> anyhow::Result<Outcome> {
    let Given { config, variables, profile, .. } = match Given::read(&arguments.common, &arguments.profile) {
        Ok(given) => given,
        Err(message) => return Ok(Outcome::Invalid(message)),
    };
    let ids = SocketIds::new();
    let wanted = profile.contents.sockets.iter().filter(|entry| entry.auto);
    let opened: Vec<_> = match Opening::of(wanted, &profile, &ids, &variables) {
        Ok(opened) => opened,
        Err(why) => return Ok(Outcome::Invalid(complaint(&why))),
    };
    let runtime = os::runtime()?;
    runtime.block_on(async {
        let mut signals = end_signals()?;
        let clock = Clock::start();
        let (engine, batches) = engine::start(ids, clock)?;
        let printer = Printer::start()?;
        // Last, so that what can't begin leaves no file.
        let recording = match Recording::start(&arguments.common, &profile) {
            Ok(recording) => recording,
            Err(why) => return Ok(Outcome::Invalid(complaint(&why))),
        };
        let mut bench = Headless {
            engine,
            batches,
            roster: Roster::default(),
            store: LogStore::new(config.memory),
            clock,
            printed: 1,
            lines: 0,
            streams: Streams::default(),
            format: arguments.format,
            printer,
            repertoire: repertoire_of(&io::stdout()),
            text: Vec::new(),
            awaited: HashSet::new(),
            failed: Vec::new(),
            recording,
        };
        let wanted = opened.len();
        let opened = tokio::select! {
            opened = bench.open(opened) => opened.map(|()| None),
            signal = signals.next() => Ok(Some(Outcome::Signal(signal))),
        };
        bench.recording.take(&bench.store, &bench.roster);
        let ended = match opened {
            Ok(None) => bench.serve(&mut signals, arguments, wanted).await,
            Ok(Some(ended)) => Ok(ended),
            Err(error) => Err(error),
        };
        let ended = farewell(ended, bench.leave(), &mut signals).await;
        // Where nobody hears of it any more, the sockets end in an orderly way nevertheless, and the recording with them.
        bench.format = Format::None;
        bench.text.clear();
        let _ = timeout(FAREWELL, bench.shut_down()).await;
        Ok(bench.recording.finish(ended, &mut signals).await?)
    })
}

struct Headless {
    engine: EngineHandle,
    batches: Batches,
    roster: Roster,
    store: LogStore,
    /// The sequence number of the first row that is not yet printed.
    printed: u64,
    clock: Clock,
    /// How many lines of JSON there are so far.
    lines: u64,
    streams: Streams,
    format: Format,
    printer: Printer,
    /// What standard output shows.
    repertoire: Repertoire,
    /// What is formatted and not yet with the printer.
    text: Vec<u8>,
    /// The sockets of which it is not yet known whether they could be opened.
    awaited: HashSet<SocketId>,
    /// The names of those that could not.
    failed: Vec<String>,
    recording: Recording,
}

impl Headless {
    async fn open(&mut self, opened: Vec<Opening<'_>>) -> io::Result<()> {
        for Opening { socket, entry, commands } in opened {
            self.roster.register(socket, entry.name.clone(), entry.endpoint.clone());
            self.awaited.insert(socket);
            for command in commands {
                self.order(command).await?;
            }
        }
        Ok(())
    }

    /// Prints what comes until something ends it; so many sockets were to be opened.
    async fn serve(&mut self, signals: &mut EndSignals, arguments: &Run, wanted: usize) -> io::Result<Outcome> {
        if wanted == 0 {
            return Ok(Outcome::NotOpened(complaint("the profile has no socket to open")));
        }
        let end = arguments.duration.map(|duration| Instant::now() + duration);
        let mut gone = pin!(self.printer.gone());
        loop {
            let silence = self.streams.deadline().map(|deadline| Instant::now() + deadline.since(self.clock.now()));
            tokio::select! {
                () = &mut gone => return Err(self.printer.failure().await),
                signal = signals.next() => return Ok(Outcome::Signal(signal)),
                () = sleep_until(end.unwrap_or_else(Instant::now)), if end.is_some() => return Ok(Outcome::Done),
                () = sleep_until(silence.unwrap_or_else(Instant::now)), if silence.is_some() => self.print().await?,
                more = self.take_batch() => ended_by_itself(more?)?,
            }
            if self.failed.len() == wanted || (arguments.strict && !self.failed.is_empty()) {
                let names = self.failed.join(", ");
                return Ok(Outcome::NotOpened(complaint(&format!("can't open {names}; the log says why"))));
            }
        }
    }

    /// Learns from an event whether a socket of the profile could be opened.
    fn settle(&mut self, event: &Event) {
        match event.fact {
            Fact::Opened { .. } | Fact::Connected { .. } => {
                self.awaited.remove(&event.socket);
            }
            Fact::Failed(_) => {
                let open = self.roster.get(event.socket).is_some_and(|member| member.state.is_open());
                if !open && self.awaited.remove(&event.socket) {
                    self.failed.push(self.roster.name(event.socket));
                }
            }
            _ => {}
        }
    }

    async fn print(&mut self) -> io::Result<()> {
        let Self { store, roster, streams, lines, text, .. } = self;
        let format = self.format;
        let mut line = |row: &Row, framed: Option<&Framed<'_>>| match (format, framed) {
            (Format::Text, None) => export::text(row, store, roster, text),
            (Format::Text, Some(framed)) => export::framed_text(row, framed, store, roster, text),
            (Format::Hexdump, None) => export::hexdump(row, store, roster, text),
            (Format::Hexdump, Some(framed)) => export::framed_hexdump(row, framed, store, roster, text),
            (Format::Jsonl, framed) => {
                *lines += 1;
                match framed {
                    None => export::numbered_jsonl(*lines, row, store, roster, text),
                    Some(framed) => export::framed_jsonl(*lines, row, framed, store, roster, text),
                }
            }
            (Format::None, _) => {}
        };
        while let Some(row) = store.row(self.printed) {
            self.printed += 1;
            if format == Format::None {
                continue;
            }
            let framed = streams.take(&row, store, roster, |row, payload, frame| {
                line(row, Some(&Framed::new(payload, frame)));
            });
            if !framed {
                line(&row, None);
            }
        }
        streams.expire(self.clock.now(), |row, payload, frame| line(row, Some(&Framed::new(payload, frame))));
        // What is printed is not looked at again.
        let done = self.recording.done();
        self.store.evict_before(self.printed.min(done));
        if self.repertoire == Repertoire::Ascii {
            make_ascii(&mut self.text, format);
        }
        self.printer.print(&mut self.text).await
    }

    /// Closes everything and prints the last of it.
    async fn leave(&mut self) -> io::Result<()> {
        self.shut_down().await?;
        self.print().await?;
        self.printer.finish().await
    }
}

impl Driven for Headless {
    fn engine(&self) -> &EngineHandle {
        &self.engine
    }

    async fn take_batch(&mut self) -> io::Result<bool> {
        // What is not taken keeps its block, so that the engine reads no more than can be recorded.
        self.recording.room().await;
        let Some(batch) = self.batches.next().await else { return Ok(false) };
        for event in &batch.events {
            self.roster.observe(event);
            self.settle(event);
        }
        let block = self.store.append(batch)?;
        self.engine.recycle(block);
        self.recording.take(&self.store, &self.roster);
        self.print().await?;
        Ok(true)
    }
}

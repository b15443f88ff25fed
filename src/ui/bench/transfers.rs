//! What is on its way for longer than a moment: files that are sent or saved, and long sends.
//!
//! Owns how far each has come, for as long as it runs and a while after. It orders nothing.

use std::path::PathBuf;
use std::time::Duration;

use indexmap::IndexMap;

use crate::contract::{Direction, Progress, SocketId, Ticket, Timestamp};

/// How many that have ended are remembered.
const ENDED_MAX: usize = 20;

/// Which transfer: an order may be for several sockets.
pub(in crate::ui) type Key = (Ticket, SocketId);

/// One socket's part of a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ui) struct Transfer {
    /// The file; none for bytes that were typed.
    pub(in crate::ui) path: Option<PathBuf>,
    pub(in crate::ui) direction: Direction,
    pub(in crate::ui) done: u64,
    pub(in crate::ui) total: Option<u64>,
    began: Timestamp,
    /// When `done` was last another than before.
    moved: Timestamp,
    /// When it ended; none while it runs.
    ended: Option<Timestamp>,
}

/// After how long without a byte something has stalled.
const STALLED: Duration = Duration::from_secs(2);

impl Transfer {
    pub(in crate::ui) const fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// How long it took, or has taken up to now.
    pub(in crate::ui) fn elapsed(&self, now: Timestamp) -> Duration {
        self.ended.unwrap_or(now).since(self.began)
    }

    /// True where sending ended before all was through.
    pub(in crate::ui) fn fell_short(&self) -> bool {
        self.has_ended() && self.direction == Direction::Sending && self.total.is_some_and(|total| self.done < total)
    }

    /// The file's name without its folder.
    pub(in crate::ui) fn name(&self) -> String {
        match &self.path {
            Some(path) => path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
            None => "a long send".to_owned(),
        }
    }

    /// In hundredths, where it is known how much there is.
    pub(in crate::ui) fn percent(&self) -> Option<u64> {
        let total = u128::from(self.total?);
        Some(u64::try_from((u128::from(self.done) * 100).checked_div(total).unwrap_or(100)).unwrap_or(100))
    }

    /// True while it runs and has not moved for so long that a rate says nothing of it.
    pub(in crate::ui) fn has_stalled(&self, now: Timestamp) -> bool {
        !self.has_ended() && now.since(self.moved) >= STALLED
    }

    /// Bytes a second, over the whole time.
    pub(in crate::ui) fn rate(&self, now: Timestamp) -> Option<u64> {
        let rate = (u128::from(self.done) * 1_000_000_000).checked_div(self.elapsed(now).as_nanos())?;
        Some(u64::try_from(rate).unwrap_or(u64::MAX))
    }

    /// How long it takes yet, if it goes on as it has so far.
    pub(in crate::ui) fn time_left(&self, now: Timestamp) -> Option<Duration> {
        let left = self.total?.saturating_sub(self.done);
        Some(Duration::from_secs(left.checked_div(self.rate(now)?)?))
    }
}

/// All of them, the oldest first.
#[derive(Debug, Default)]
pub(in crate::ui) struct Transfers(IndexMap<Key, Transfer>);

impl Transfers {
    /// Those that run.
    pub(in crate::ui) fn running(&self) -> impl DoubleEndedIterator<Item = (Key, &Transfer)> {
        self.0.iter().filter(|(_, transfer)| !transfer.has_ended()).map(|(key, transfer)| (*key, transfer))
    }

    /// Those that run and then those that have ended, the newest of each first.
    pub(in crate::ui) fn listed(&self) -> Vec<(Key, &Transfer)> {
        let ended = self.0.iter().filter(|(_, transfer)| transfer.has_ended()).map(|(key, transfer)| (*key, transfer));
        self.running().rev().chain(ended.rev()).collect()
    }

    pub(in crate::ui) fn get(&self, key: Key) -> Option<&Transfer> {
        self.0.get(&key)
    }

    /// Takes in how far a file has come; the transfer, if this was the last word on it.
    pub(super) fn progress(&mut self, socket: SocketId, progress: &Progress, now: Timestamp) -> Option<&Transfer> {
        let key = (progress.ticket, socket);
        let transfer = Transfer {
            path: Some(progress.path.clone()),
            direction: progress.direction,
            done: progress.done,
            total: progress.total,
            began: Timestamp(now.0.saturating_sub(u64::try_from(progress.elapsed.as_nanos()).unwrap_or(u64::MAX))),
            moved: self.moved(key, progress.done, now),
            ended: progress.ended.then_some(now),
        };
        // An option of an endpoint saves anew each time that the socket opens: that is another one.
        if self.0.get(&key).is_some_and(Transfer::has_ended) {
            self.0.shift_remove(&key);
        }
        self.0.insert(key, transfer);
        self.forget_ended();
        self.0.get(&key).filter(|transfer| transfer.has_ended())
    }

    /// Takes in how far a long send has come.
    pub(super) fn sent(&mut self, key: Key, done: u64, total: u64, began: Timestamp, now: Timestamp) {
        let ended = (done == total).then_some(now);
        let moved = self.moved(key, done, now);
        let direction = Direction::Sending;
        let transfer = Transfer { path: None, direction, done, total: Some(total), began, moved, ended };
        self.0.insert(key, transfer);
        self.forget_ended();
    }

    /// When a transfer last moved that has come so far by now.
    fn moved(&self, key: Key, done: u64, now: Timestamp) -> Timestamp {
        self.0.get(&key).filter(|known| known.done == done && !known.has_ended()).map_or(now, |known| known.moved)
    }

    /// Such a transfer has ended, if there is one.
    pub(super) fn end(&mut self, key: Key, now: Timestamp) {
        if let Some(transfer) = self.0.get_mut(&key).filter(|transfer| !transfer.has_ended()) {
            transfer.ended = Some(now);
            self.forget_ended();
        }
    }

    fn forget_ended(&mut self) {
        let surplus = self.0.values().filter(|transfer| transfer.has_ended()).count().saturating_sub(ENDED_MAX);
        for _ in 0..surplus {
            if let Some(oldest) = self.0.values().position(Transfer::has_ended) {
                self.0.shift_remove_index(oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(5_000_000_000);

    fn progress(ticket: u64, done: u64, ended: bool) -> Progress {
        Progress {
            ticket: Ticket(ticket),
            path: "/tmp/data.bin".into(),
            direction: Direction::Sending,
            done,
            total: Some(100),
            elapsed: Duration::from_secs(2),
            ended,
        }
    }

    #[test]
    fn what_is_left_is_told_from_what_is_done() {
        let socket = SocketId::new(1).unwrap();
        let mut transfers = Transfers::default();
        assert!(transfers.progress(socket, &progress(1, 20, false), NOW).is_none());
        let transfer = transfers.get((Ticket(1), socket)).unwrap();
        let (percent, rate, left) = (transfer.percent(), transfer.rate(NOW), transfer.time_left(NOW));
        assert_eq!((percent, rate, left), (Some(20), Some(10), Some(Duration::from_secs(8))));
        assert_eq!(transfer.rate(Timestamp(NOW.0 + 2_000_000_000)), Some(5));
        assert!(transfers.progress(socket, &progress(1, 60, true), NOW).unwrap().fell_short());
        // Nothing is done, and nothing is to be done: no division by either.
        let nothing = Transfer { done: 0, total: Some(0), began: NOW, ..transfer_of(&transfers) };
        assert_eq!((nothing.percent(), nothing.rate(NOW), nothing.time_left(NOW)), (Some(100), None, None));
    }

    #[test]
    fn what_does_not_move_has_stalled_until_it_moves_or_ends() {
        let socket = SocketId::new(1).unwrap();
        let mut transfers = Transfers::default();
        let after = |seconds: u64| Timestamp(NOW.0 + seconds * 1_000_000_000);
        transfers.progress(socket, &progress(1, 20, false), NOW);
        assert!(!transfer_of(&transfers).has_stalled(after(1)));
        // That it is told again does not make it move.
        transfers.progress(socket, &progress(1, 20, false), after(1));
        assert!(transfer_of(&transfers).has_stalled(after(2)));
        transfers.progress(socket, &progress(1, 21, false), after(3));
        assert!(!transfer_of(&transfers).has_stalled(after(4)));
        assert!(transfer_of(&transfers).has_stalled(after(5)));
        transfers.progress(socket, &progress(1, 21, true), after(5));
        assert!(!transfer_of(&transfers).has_stalled(after(9)));
    }

    fn transfer_of(transfers: &Transfers) -> Transfer {
        transfers.listed()[0].1.clone()
    }

    #[test]
    fn what_runs_is_never_forgotten_and_of_the_ended_the_latest_stay() {
        let socket = SocketId::new(1).unwrap();
        let mut transfers = Transfers::default();
        for ticket in 0..100 {
            transfers.progress(socket, &progress(ticket, 1, ticket % 2 == 0), NOW);
        }
        assert_eq!((transfers.running().count(), transfers.listed().len()), (50, 50 + ENDED_MAX));
        assert_eq!(transfers.listed()[0].0.0, Ticket(99));
        assert_eq!(transfers.listed()[50].0.0, Ticket(98));
    }
}

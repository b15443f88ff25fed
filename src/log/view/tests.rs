//! What the view promises, for any log: of one whose rows are lines, and of one in which a stream has a framing.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::contract::{Batch, Block, Event, Fact, SocketId, Span, Ticket, Timestamp};

const FILTERS: [&str; 9] = [
    "",
    "dir:rx",
    "a",
    "!a",
    "socket:two a | kind:peer-closed",
    "kind:call",
    "nothing-at-all",
    "len:1",
    "socket:one re:/^b$/ | kind:sent",
];

const FRAMINGS: [&str; 4] = ["raw", "line", "fixed:2", "length:u8"];

struct Log {
    store: LogStore,
    roster: Roster,
    messages: Messages,
}

impl Log {
    /// A log of three sockets, of which the first has a framing.
    fn new(framing: &str) -> Self {
        let mut log = Self { store: LogStore::new(u64::MAX), roster: Roster::default(), messages: Messages::new() };
        for (number, name) in (1..).zip(["one", "two", "three"]) {
            let id = SocketId::new(number).unwrap();
            log.roster.register(id, name.to_owned(), "tcp://127.0.0.1:9".parse().unwrap());
        }
        log.frame(framing);
        log
    }

    fn frame(&mut self, framing: &str) {
        let endpoint = format!("tcp://127.0.0.1:9?framing={framing}").parse().unwrap();
        self.roster.set_endpoint(SocketId::new(1).unwrap(), endpoint);
    }

    /// Appends a row that depends on nothing but the number.
    fn append(&mut self, number: u8) {
        let at = Timestamp(u64::from(number));
        let socket = SocketId::new(u32::from(number % 3) + 1).unwrap();
        let mut block = Block::with_size(4096).unwrap();
        let text: &[u8] = [&b"a"[..], b"b\n", b"a\nb\n\na\n", b"\nb", b"\n", b"a\nb"][usize::from(number / 3 % 6)];
        block.bytes_mut()[..text.len()].copy_from_slice(text);
        // Some are so long that a slice is over after one of them.
        let len = if number.is_multiple_of(11) { 4000 } else { u32::try_from(text.len()).unwrap() };
        let bytes = Span { start: 0, len };
        let fact = match number % 7 {
            0 => Fact::PeerClosed,
            1 => Fact::Call { call: "recv".into(), args: String::new(), result: "1".to_owned() },
            2 | 3 => Fact::Sent { ticket: Ticket::default(), peer: None, bytes, remaining: 0 },
            _ => Fact::Received { peer: None, bytes, truncated: false },
        };
        self.store.append(Batch::new(vec![Event { at, socket, fact }], block, 4000)).unwrap();
    }

    fn filled(framing: &str, numbers: &[u8]) -> Self {
        let mut log = Self::new(framing);
        for number in numbers {
            log.append(*number);
        }
        log
    }

    /// The lines that the view must have once it has caught up.
    fn matching(&mut self, view: &LogView) -> Vec<Spot> {
        let mut lines = Vec::new();
        while !self.messages.catch_up(&self.store, &self.roster) {}
        for row in self.store.rows(0..u64::MAX) {
            let found = view.scope().lines(view.filter(), &row, &self.store, &self.roster, &self.messages);
            let messages = 0..self.messages.count(&row).unwrap_or(1).max(1);
            let is_shown = |message: &u32| found.as_ref().is_some_and(|found| found.contains(*message));
            lines.extend(messages.filter(is_shown).map(|message| Spot { seq: row.seq, message }));
        }
        lines
    }

    /// Brings the view on by so many rows.
    fn step(&mut self, view: &mut LogView, rows: usize) -> bool {
        let are_read = self.messages.catch_up(&self.store, &self.roster);
        let amended = self.messages.take_amended();
        view.judge_again(&amended, &self.store, &self.roster, &self.messages);
        view.catch_up(&self.store, &self.roster, &self.messages, rows) && are_read
    }

    fn catch_up(&mut self, view: &mut LogView) {
        while !self.step(view, 5) {}
    }
}

fn lines(view: &LogView) -> Vec<Spot> {
    let places = (0..view.len()).flat_map(|index| (0..view.height_of(index)).map(move |line| Place { index, line }));
    places.filter_map(|place| view.spot(place)).collect()
}

fn spots(window: &[Line]) -> Vec<Spot> {
    window.iter().map(|line| line.spot).collect()
}

fn filter() -> impl Strategy<Value = Filter> {
    select(FILTERS.to_vec()).prop_map(|text| Filter::parse(text, Timestamp(0)).unwrap())
}

#[derive(Clone, Debug)]
enum Step {
    Append(Vec<u8>),
    CatchUp(usize),
    SetFilter(Filter),
    SetScope(Scope),
    SetFraming(&'static str),
    Pause(bool),
    MoveBy(isize),
    MoveTo(u64, u32),
    Home,
    End,
    ScrollBy(isize),
    Window(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => proptest::collection::vec(any::<u8>(), 0..20).prop_map(Step::Append),
        4 => (0..30_usize).prop_map(Step::CatchUp),
        1 => filter().prop_map(Step::SetFilter),
        1 => select(vec![Scope::All, Scope::Timeline(SocketId::new(1).unwrap())]).prop_map(Step::SetScope),
        1 => select(FRAMINGS.to_vec()).prop_map(Step::SetFraming),
        1 => any::<bool>().prop_map(Step::Pause),
        2 => (-9..9_isize).prop_map(Step::MoveBy),
        1 => (0..60_u64, 0..4_u32).prop_map(|(seq, message)| Step::MoveTo(seq, message)),
        1 => Just(Step::Home),
        1 => Just(Step::End),
        2 => (-9..9_isize).prop_map(Step::ScrollBy),
        4 => (0..12_usize).prop_map(Step::Window),
    ]
}

fn take(step: Step, log: &mut Log, view: &mut LogView) {
    match step {
        Step::Append(numbers) => numbers.into_iter().for_each(|number| log.append(number)),
        Step::CatchUp(rows) => drop(log.step(view, rows)),
        Step::SetFilter(filter) => view.set_filter(filter),
        Step::SetScope(scope) => view.set_scope(scope),
        Step::SetFraming(framing) => log.frame(framing),
        Step::Pause(paused) => view.set_paused(paused),
        Step::MoveBy(lines) => view.move_by(lines),
        Step::MoveTo(seq, message) => view.move_to(Spot { seq, message }),
        Step::Home => view.home(),
        Step::End => view.end(),
        Step::ScrollBy(lines) => view.scroll_by(lines),
        Step::Window(height) => drop(view.window(height)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_index_that_caught_up_is_the_index_rebuilt(
        framing in select(FRAMINGS.to_vec()),
        steps in proptest::collection::vec(step(), 0..40),
    ) {
        let (mut log, mut view) = (Log::new(framing), LogView::new());
        for step in steps {
            let caught_up = matches!(step, Step::CatchUp(_));
            take(step, &mut log, &mut view);
            if caught_up {
                let to = view.judged();
                let judged: Vec<_> = log.matching(&view).into_iter().filter(|spot| spot.seq <= to).collect();
                let shown: Vec<_> = lines(&view).into_iter().filter(|spot| spot.seq <= to).collect();
                prop_assert_eq!(shown, judged);
            }
        }
        log.catch_up(&mut view);
        let wanted = log.matching(&view);
        prop_assert_eq!(view.lines(), wanted.len());
        prop_assert_eq!(view.unseen(), wanted.iter().filter(|spot| spot.seq > view.seen).count());
        prop_assert_eq!(lines(&view), wanted);
    }

    #[test]
    fn the_window_holds_the_cursor_and_nothing_that_is_not_there(
        framing in select(FRAMINGS.to_vec()),
        steps in proptest::collection::vec(step(), 0..40),
        height in 1..12_usize,
    ) {
        let (mut log, mut view) = (Log::new(framing), LogView::new());
        for step in steps {
            take(step, &mut log, &mut view);
            let before = (view.cursor(), view.is_following());
            let window = view.window(height);
            prop_assert_eq!((view.cursor(), view.is_following()), before);
            let all = lines(&view);
            let shown = spots(&window);
            prop_assert_eq!(view.cursor().is_some(), !shown.is_empty());
            prop_assert!(view.cursor().is_none_or(|cursor| shown.contains(&cursor)));
            prop_assert!(all.windows(shown.len().max(1)).any(|some| some == shown) || shown.is_empty());
            prop_assert!(view.is_paused() || shown.len() == height.min(all.len()), "lines are hidden");
            prop_assert!(!view.is_following() || shown.last() == all.last() && view.unseen() == 0);
            prop_assert_eq!(view.window(height), window, "it moves by itself");
        }
    }

    #[test]
    fn a_move_is_by_so_many_lines(
        framing in select(FRAMINGS.to_vec()),
        numbers in proptest::collection::vec(any::<u8>(), 1..60),
        moves in proptest::collection::vec(-20..20_isize, 1..20),
        height in 1..12_usize,
    ) {
        let (mut log, mut view) = (Log::filled(framing, &numbers), LogView::new());
        log.catch_up(&mut view);
        let all = lines(&view);
        prop_assume!(!all.is_empty());
        let mut at = all.len() - 1;
        for by in moves {
            view.move_by(by);
            at = at.saturating_add_signed(by).min(all.len() - 1);
            prop_assert_eq!(view.cursor(), Some(all[at]));
            view.window(height);
        }
    }

    #[test]
    fn the_cursor_stays_on_its_message(
        framing in select(FRAMINGS.to_vec()),
        numbers in proptest::collection::vec(any::<u8>(), 1..60),
        chosen in any::<prop::sample::Index>(),
        others in proptest::collection::vec((filter(), proptest::collection::vec(any::<u8>(), 0..20)), 0..5),
        height in 1..12_usize,
    ) {
        let (mut log, mut view) = (Log::filled(framing, &numbers), LogView::new());
        log.catch_up(&mut view);
        prop_assume!(view.lines() > 1);
        // Any but the newest line, where the view goes on following.
        let message = lines(&view)[chosen.index(view.lines() - 1)];
        view.move_to(message);
        prop_assert_eq!(view.cursor(), Some(message));
        for (filter, numbers) in others {
            view.set_filter(filter);
            for number in numbers {
                log.append(number);
            }
            log.catch_up(&mut view);
            view.window(height);
            let matching = log.matching(&view);
            // Where others of its row are shown, that is the nearest of those.
            let of_row = matching.iter().find(|spot| spot.seq == message.seq);
            let beside = matching.iter().rev().find(|spot| **spot <= message);
            let beside = beside.filter(|spot| spot.seq == message.seq).or(of_row).or(beside).or(matching.first());
            prop_assert_eq!(view.cursor(), beside.copied());
        }
        view.set_filter(Filter::default());
        log.catch_up(&mut view);
        prop_assert_eq!(view.cursor(), Some(message));
    }

    #[test]
    fn what_stands_still_stays_while_rows_come(
        framing in select(FRAMINGS.to_vec()),
        numbers in proptest::collection::vec(any::<u8>(), 20..60),
        more in proptest::collection::vec(any::<u8>(), 1..60),
        up in 1..20_isize,
        height in 1..12_usize,
        paused in any::<bool>(),
    ) {
        let (mut log, mut view) = (Log::filled(framing, &numbers), LogView::new());
        log.catch_up(&mut view);
        prop_assume!(view.lines() >= height && view.lines() > 1);
        view.window(height);
        if paused { view.set_paused(true) } else { view.move_by(-up) }
        let (window, cursor, seen) = (view.window(height), view.cursor(), view.seen);
        for number in more {
            log.append(number);
        }
        log.catch_up(&mut view);
        let now = view.window(height);
        if framing == "raw" {
            prop_assert_eq!(now, window);
        }
        // The end of a stream may end a message in a row on the screen, which makes one line more there.
        prop_assert_eq!(view.cursor(), cursor);
        prop_assert_eq!(view.seen, seen);
        prop_assert_eq!(view.unseen(), lines(&view).iter().filter(|spot| spot.seq > seen).count());
        view.end();
        prop_assert!(view.is_following() && view.unseen() == 0);
        prop_assert_eq!(view.window(height).last().map(|line| line.spot), lines(&view).last().copied());
    }

    #[test]
    fn lines_are_counted_between_any_two(
        framing in select(FRAMINGS.to_vec()),
        filter in filter(),
        numbers in proptest::collection::vec(any::<u8>(), 1..60),
        ends in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
    ) {
        let (mut log, mut view) = (Log::filled(framing, &numbers), LogView::new());
        view.set_filter(filter);
        log.catch_up(&mut view);
        let all = lines(&view);
        prop_assume!(!all.is_empty());
        let (from, to) = (ends.0.index(all.len()), ends.1.index(all.len()));
        let (from, to) = (from.min(to), from.max(to));
        prop_assert_eq!(view.count_lines(all[from], all[to], usize::MAX), Some(to - from + 1));
    }
}

#[test]
fn a_pause_hides_new_rows_even_where_the_screen_has_room() {
    let (mut log, mut view) = (Log::filled("raw", &[4, 4]), LogView::new());
    log.catch_up(&mut view);
    view.set_paused(true);
    log.append(4);
    log.catch_up(&mut view);
    assert_eq!((view.window(10).len(), view.unseen(), view.len()), (2, 1, 3));
    assert_eq!((view.is_paused(), view.is_following()), (true, false));
    view.set_paused(false);
    assert_eq!((view.window(10).len(), view.unseen(), view.is_following()), (3, 0, true));
}

#[test]
fn scrolling_takes_the_cursor_along_at_the_edges_only() {
    let (mut log, mut view) = (Log::filled("raw", &[4; 30]), LogView::new());
    log.catch_up(&mut view);
    let at = |view: &mut LogView| {
        let window = view.window(10);
        (window[0].spot.seq..=window[9].spot.seq, view.cursor().unwrap().seq)
    };
    assert_eq!(at(&mut view), (21..=30, 30));
    view.scroll_by(-3);
    assert_eq!((at(&mut view), view.is_following()), ((18..=27, 27), false));
    view.scroll_by(2);
    assert_eq!(at(&mut view), (20..=29, 27));
    view.move_by(-7);
    assert_eq!(at(&mut view), (20..=29, 20));
    view.move_by(-1);
    assert_eq!(at(&mut view), (19..=28, 19));
    view.scroll_by(-100);
    assert_eq!(at(&mut view), (1..=10, 10));
}

#[test]
fn the_screen_scrolls_through_the_messages_of_a_row() {
    // Four lines end in each of these rows.
    let (mut log, mut view) = (Log::filled("line", &[6, 6]), LogView::new());
    log.catch_up(&mut view);
    assert_eq!((view.len(), view.lines()), (2, 8));
    let at = |view: &mut LogView| {
        let window = view.window(3);
        let of = |line: &Line| (line.spot.seq, line.spot.message, line.above, line.below);
        (of(&window[0]), of(&window[2]), view.cursor().unwrap().message)
    };
    assert_eq!(at(&mut view), ((2, 1, 1, 2), (2, 3, 3, 0), 3));
    view.scroll_by(-2);
    assert_eq!(at(&mut view), ((1, 3, 3, 0), (2, 1, 1, 2), 1));
    view.home();
    assert_eq!(at(&mut view), ((1, 0, 0, 3), (1, 2, 2, 1), 0));
}

#[test]
fn another_framing_leaves_the_cursor_at_its_place_of_the_stream() {
    let (mut log, mut view) = (Log::filled("line", &[6, 6, 4]), LogView::new());
    log.catch_up(&mut view);
    // "a\nb\n\na\n": the third line ends at byte 5.
    let spot = Spot { seq: 2, message: 2 };
    view.hold_at(spot);
    view.keep_byte(log.messages.end_of(&log.store.row(2).unwrap(), 2, &log.store).unwrap());
    log.frame("fixed:2");
    // As long as its row is not read again, the cursor is on the row, and no other has gone.
    assert!(!log.step(&mut view, 1));
    assert_eq!((view.cursor(), view.len()), (Some(Spot::row(2)), 3));
    log.catch_up(&mut view);
    // "\na" ends at byte 5 of it, since there is one byte more from the row before.
    assert_eq!(view.cursor(), Some(Spot { seq: 2, message: 2 }));
    log.frame("raw");
    log.catch_up(&mut view);
    assert_eq!((view.cursor(), view.lines()), (Some(Spot::row(2)), 3));
}

#[test]
fn a_slice_judges_no_more_than_it_may() {
    let (mut log, mut view) = (Log::filled("raw", &[4; 30]), LogView::new());
    assert!(!log.step(&mut view, 10));
    assert_eq!((view.judged(), view.len()), (10, 10));
    assert!(log.step(&mut view, 20));
    // Searching a long message costs as much as many short ones.
    let mut log = Log::filled("raw", &[11; 30]);
    let mut judged = |filter| {
        view.set_filter(Filter::parse(filter, Timestamp(0)).unwrap());
        log.step(&mut view, 100);
        view.judged()
    };
    assert_eq!((judged("len:>1"), judged("a"), judged("re:/[ab]{300}c/")), (30, 7, 1));
}

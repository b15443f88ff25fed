use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::contract::{Batch, Block, Event, Fact, SocketId, Span, Timestamp};

const FILTERS: [&str; 7] = ["", "dir:rx", "a", "!a", "socket:two a | kind:peer-closed", "kind:call", "nothing-at-all"];

struct Log {
    store: LogStore,
    roster: Roster,
}

impl Log {
    fn new() -> Self {
        let mut roster = Roster::default();
        for (number, name) in (1..).zip(["one", "two", "three"]) {
            let id = SocketId::new(number).unwrap();
            roster.register(id, name.to_owned(), "tcp://127.0.0.1:9".parse().unwrap());
        }
        Self { store: LogStore::new(u64::MAX), roster }
    }

    /// Appends a row that depends on nothing but the number.
    fn append(&mut self, number: u8) {
        let at = Timestamp(u64::from(number));
        let socket = SocketId::new(u32::from(number % 3) + 1).unwrap();
        let mut block = Block::with_size(4096).unwrap();
        block.bytes_mut()[0] = b'a' + number % 2;
        // Some are so long that a slice is over after one of them.
        let bytes = Span { start: 0, len: if number % 11 == 0 { 4000 } else { 1 } };
        let fact = match number % 7 {
            0 => Fact::PeerClosed,
            1 => Fact::Call { call: "recv".into(), args: String::new(), result: "1".to_owned() },
            2 | 3 => Fact::Sent { ticket: Default::default(), peer: None, bytes, remaining: 0 },
            _ => Fact::Received { peer: None, bytes, truncated: false },
        };
        self.store.append(Batch { events: vec![Event { at, socket, fact }], block, used: 4000 }).unwrap();
    }

    fn filled(numbers: &[u8]) -> Self {
        let mut log = Self::new();
        numbers.iter().for_each(|number| log.append(*number));
        log
    }

    fn matching(&self, filter: &Filter) -> Vec<u64> {
        self.store
            .rows(0..u64::MAX)
            .filter(|row| filter.matches(row, &self.store, &self.roster))
            .map(|row| row.seq)
            .collect()
    }

    fn catch_up(&self, view: &mut LogView) {
        while !view.catch_up(&self.store, &self.roster, 5) {}
    }
}

fn seqs(view: &LogView) -> Vec<u64> {
    (0..view.len()).filter_map(|index| view.seq_at(index)).collect()
}

fn filter() -> impl Strategy<Value = Filter> {
    select(FILTERS.to_vec()).prop_map(|text| Filter::parse(text).unwrap())
}

#[derive(Clone, Debug)]
enum Step {
    Append(Vec<u8>),
    CatchUp(usize),
    SetFilter(Filter),
    Pause(bool),
    MoveBy(isize),
    MoveTo(usize),
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
        1 => any::<bool>().prop_map(Step::Pause),
        2 => (-9..9_isize).prop_map(Step::MoveBy),
        1 => (0..60_usize).prop_map(Step::MoveTo),
        1 => Just(Step::Home),
        1 => Just(Step::End),
        2 => (-9..9_isize).prop_map(Step::ScrollBy),
        4 => (0..12_usize).prop_map(Step::Window),
    ]
}

fn take(step: Step, log: &mut Log, view: &mut LogView) {
    match step {
        Step::Append(numbers) => numbers.into_iter().for_each(|number| log.append(number)),
        Step::CatchUp(rows) => drop(view.catch_up(&log.store, &log.roster, rows)),
        Step::SetFilter(filter) => view.set_filter(filter),
        Step::Pause(paused) => view.set_paused(paused),
        Step::MoveBy(rows) => view.move_by(rows),
        Step::MoveTo(index) => view.move_to_index(index),
        Step::Home => view.home(),
        Step::End => view.end(),
        Step::ScrollBy(rows) => view.scroll_by(rows),
        Step::Window(height) => drop(view.window(height)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_index_that_caught_up_is_the_index_rebuilt(steps in proptest::collection::vec(step(), 0..40)) {
        let (mut log, mut view) = (Log::new(), LogView::new());
        for step in steps {
            take(step, &mut log, &mut view);
            let judged: Vec<_> = log.matching(view.filter()).into_iter().filter(|seq| *seq <= view.judged()).collect();
            prop_assert_eq!(seqs(&view), judged);
        }
        log.catch_up(&mut view);
        prop_assert_eq!(seqs(&view), log.matching(view.filter()));
    }

    #[test]
    fn the_window_holds_the_cursor_and_nothing_that_is_not_there(
        steps in proptest::collection::vec(step(), 0..40),
        height in 1..12_usize,
    ) {
        let (mut log, mut view) = (Log::new(), LogView::new());
        for step in steps {
            take(step, &mut log, &mut view);
            let before = (view.cursor(), view.is_following());
            let window = view.window(height);
            prop_assert_eq!((view.cursor(), view.is_following()), before);
            prop_assert!(window.len() <= height && window.end <= view.len());
            prop_assert_eq!(view.cursor_index().is_some(), !window.is_empty());
            prop_assert!(view.cursor_index().is_none_or(|cursor| window.contains(&cursor)));
            prop_assert!(view.is_paused() || window.len() == height.min(view.len()), "rows are hidden");
            prop_assert!(!view.is_following() || window.end == view.len() && view.unseen() == 0);
            prop_assert_eq!(view.window(height), window, "it moves by itself");
        }
    }

    #[test]
    fn the_cursor_stays_on_its_message(
        numbers in proptest::collection::vec(any::<u8>(), 1..60),
        chosen in any::<prop::sample::Index>(),
        others in proptest::collection::vec((filter(), proptest::collection::vec(any::<u8>(), 0..20)), 0..5),
        height in 1..12_usize,
    ) {
        let (mut log, mut view) = (Log::filled(&numbers), LogView::new());
        log.catch_up(&mut view);
        prop_assume!(view.len() > 1);
        // Any but the newest row, where the view goes on following.
        view.move_to_index(chosen.index(view.len() - 1));
        let message = view.cursor().unwrap();
        for (filter, numbers) in others {
            view.set_filter(filter);
            numbers.into_iter().for_each(|number| log.append(number));
            log.catch_up(&mut view);
            view.window(height);
            let matching = log.matching(view.filter());
            let beside = matching.iter().rev().find(|seq| **seq <= message).or(matching.first());
            prop_assert_eq!(view.cursor(), beside.copied());
        }
        view.set_filter(Filter::default());
        log.catch_up(&mut view);
        prop_assert_eq!(view.cursor(), Some(message));
    }

    #[test]
    fn what_stands_still_stays_while_rows_come(
        numbers in proptest::collection::vec(any::<u8>(), 20..60),
        more in proptest::collection::vec(any::<u8>(), 1..60),
        up in 1..20_isize,
        height in 1..12_usize,
        paused in any::<bool>(),
    ) {
        let (mut log, mut view) = (Log::filled(&numbers), LogView::new());
        log.catch_up(&mut view);
        prop_assume!(view.len() >= height && view.len() > 1);
        view.window(height);
        if paused { view.set_paused(true) } else { view.move_by(-up) }
        let (window, len) = (view.window(height), view.len());
        more.iter().for_each(|number| log.append(*number));
        log.catch_up(&mut view);
        prop_assert_eq!(view.window(height), window);
        prop_assert_eq!(view.unseen(), view.len() - len);
        view.end();
        prop_assert!(view.is_following() && view.unseen() == 0);
        prop_assert_eq!(view.window(height).end, view.len());
    }
}

#[test]
fn a_pause_hides_new_rows_even_where_the_screen_has_room() {
    let (mut log, mut view) = (Log::filled(&[4, 4]), LogView::new());
    log.catch_up(&mut view);
    view.set_paused(true);
    log.append(4);
    log.catch_up(&mut view);
    assert_eq!((view.window(10), view.unseen(), view.len()), (0..2, 1, 3));
    assert_eq!((view.is_paused(), view.is_following()), (true, false));
    view.set_paused(false);
    assert_eq!((view.window(10), view.unseen(), view.is_following()), (0..3, 0, true));
}

#[test]
fn scrolling_takes_the_cursor_along_at_the_edges_only() {
    let (log, mut view) = (Log::filled(&[4; 30]), LogView::new());
    log.catch_up(&mut view);
    assert_eq!(view.window(10), 20..30);
    view.scroll_by(-3);
    assert_eq!((view.window(10), view.cursor_index(), view.is_following()), (17..27, Some(26), false));
    view.scroll_by(2);
    assert_eq!((view.window(10), view.cursor_index()), (19..29, Some(26)));
    view.move_by(-7);
    assert_eq!((view.window(10), view.cursor_index()), (19..29, Some(19)));
    view.move_by(-1);
    assert_eq!((view.window(10), view.cursor_index()), (18..28, Some(18)));
    view.scroll_by(-100);
    assert_eq!((view.window(10), view.cursor_index()), (0..10, Some(9)));
}

#[test]
fn a_slice_judges_no_more_than_it_may() {
    let (log, mut view) = (Log::filled(&[4; 30]), LogView::new());
    assert!(!view.catch_up(&log.store, &log.roster, 10));
    assert_eq!((view.judged(), view.len()), (10, 10));
    assert!(view.catch_up(&log.store, &log.roster, 20));
    // Searching a long message costs as much as many short ones.
    let log = Log::filled(&[11; 30]);
    view.set_filter(Filter::parse("a").unwrap());
    view.catch_up(&log.store, &log.roster, 30);
    assert_eq!(view.judged(), 2);
}

//! Bookmarks in the log: setting them, naming them, and going from one to the next.

use crate::contract::{Event, Fact, SocketId};
use crate::log::sanitise::Printable;
use crate::log::{Kind, Line, Lines, LogView, Mark, Row, Spot, sentence};
use crate::ui::Ui;
use crate::ui::action::{ActionSpec, Scope};
use crate::ui::figures::grouped;
use crate::ui::notice::Notice;
use crate::ui::overlays;
use crate::ui::overlays::prompt::Prompt;

use super::{line, some_row, timeline, times};

/// How much of a row's text a list of rows shows.
const TEXT_COLUMNS: usize = 120;

pub(in crate::ui) static ACTIONS: &[ActionSpec] = &[
    ActionSpec {
        name: "bookmark",
        scope: Scope::Log,
        keys: &["b"],
        help: "bookmark this line, or no longer",
        run: |ui| {
            if let Some((row, spot)) = ui.bench.current_line() {
                ui.log.marks.toggle(spot, row.at);
            }
        },
        available: some_row,
    },
    ActionSpec {
        name: "next-bookmark",
        scope: Scope::Log,
        keys: &["'"],
        help: "to the next bookmark",
        run: go_to_next,
        available: some_mark,
    },
    ActionSpec {
        name: "bookmarks",
        scope: Scope::Log,
        keys: &["shift-b"],
        help: "list the bookmarks and named marks",
        run: overlays::bookmarks::open,
        available: some_mark,
    },
    ActionSpec {
        name: "mark",
        scope: Scope::Log,
        keys: &["m"],
        help: "name this line, or mark now with a name",
        run: |ui| ask_name(ui, ui.bench.current_line().filter(|_| !ui.bench.view.is_following())),
        available: |ui| if owner_of_mark(ui).is_some() { Ok(()) } else { Err("there is no socket yet") },
    },
];

fn some_mark(ui: &Ui) -> Result<(), &'static str> {
    if ui.log.marks.is_empty() { Err("no row is bookmarked; b in the log bookmarks one") } else { Ok(()) }
}

fn go_to_next(ui: &mut Ui) {
    let view = &ui.bench.view;
    let here = view.cursor().unwrap_or_default();
    match ui.log.marks.next_after(here, |spot| shows(view, spot)) {
        Some(spot) => go_to(ui, spot),
        None => ui.tell(Notice::warning("The rows that are bookmarked are not among those shown.")),
    }
}

/// Whether a marked line is shown. A message that is none any more is so as long as its row is.
fn shows(view: &LogView, spot: Spot) -> bool {
    let lines = view.lines_of(spot.seq);
    view.shows(spot.seq) && (lines.contains(spot.message) || *lines == Lines::ROW)
}

/// The mark of a line. A message that is none any more has left its mark to the last line of its row.
pub(super) fn mark_of_line<'a>(ui: &'a Ui, line: &Line) -> Option<&'a Mark> {
    let end = if line.below == 0 { u32::MAX } else { line.spot.message };
    ui.log.marks.first_in(line.spot..=Spot { message: end, ..line.spot })
}

/// Puts the cursor on a marked line, and tells times from it, if it is among the rows shown.
pub(in crate::ui) fn go_to(ui: &mut Ui, spot: Spot) {
    ui.log.marks.refer_to(spot);
    let view = &mut ui.bench.view;
    if shows(view, spot) {
        view.move_to(spot);
    } else {
        let text = if view.filter().text().is_empty() {
            "That row is not part of this timeline; 1 shows all rows."
        } else {
            "The filter hides that row; Esc clears it."
        };
        ui.tell(Notice::warning(text));
    }
}

/// Asks for the name of a row's mark; without a row, the mark will be a row of its own, of the moment when the name is
/// given.
pub(in crate::ui) fn ask_name(ui: &mut Ui, line: Option<(Row, Spot)>) {
    let mark = line.and_then(|(_, spot)| ui.log.marks.get(spot));
    let name = mark.and_then(|mark| mark.name.clone()).unwrap_or_default();
    let title = match line {
        Some((row, _)) => format!("Mark row {}", grouped(row.seq)),
        None => "Mark this moment".to_owned(),
    };
    let check =
        |_: &Ui, name: &str| if name.trim().is_empty() { Err("a mark needs a name".to_owned()) } else { Ok(()) };
    let prompt = Prompt::new(&title, "Name", &name, check, move |ui, name| match line {
        Some((row, spot)) => ui.log.marks.name(spot, row.at, name.trim().to_owned()),
        None => mark_now(ui, name.trim()),
    });
    ui.overlays.push(Box::new(prompt));
}

/// Adds a row of its own that says so, so that the mark is in what leaves the log as well.
fn mark_now(ui: &mut Ui, name: &str) {
    let Some(socket) = owner_of_mark(ui) else { return };
    let (at, seq) = (ui.bench.now(), ui.bench.store.next());
    let fact = Fact::Note { name: "mark".into(), message: name.to_owned() };
    ui.bench.store.append_local(Event { at, socket, fact });
    ui.log.marks.name(Spot::row(seq), at, name.to_owned());
    if !ui.bench.catch_up() && !ui.bench.view.shows(seq) {
        ui.tell(Notice::warning(format!("{name} is marked; the filter hides its row.")));
    }
}

/// To which socket a row that marks a moment belongs: one whose rows are shown.
fn owner_of_mark(ui: &Ui) -> Option<SocketId> {
    timeline::socket(ui)
        .or_else(|| ui.bench.current().map(|row| row.socket))
        .or_else(|| ui.selected_socket())
        .or_else(|| ui.bench.roster.roots().next().map(|root| root.id))
}

/// Forgets the bookmarks of rows that the log has forgotten, and says how many.
pub(in crate::ui) fn forget(ui: &mut Ui) {
    match ui.log.marks.forget_before(ui.bench.store.first()) {
        0 => {}
        1 => ui.tell(Notice::warning("A bookmark went with its row, which the log no longer holds.")),
        gone => {
            let text = format!("{} bookmarks went with their rows, which the log no longer holds.", grouped(gone));
            ui.tell(Notice::warning(text));
        }
    }
}

/// What stands before the text of a row whose mark has a name; a row that tells of nothing but its mark does without.
pub(super) fn label(ui: &Ui, row: &Row, line: &Line) -> Option<String> {
    let name = mark_of_line(ui, line)?.name.as_ref()?;
    (row.kind != Kind::Note).then(|| format!("[{name}]"))
}

/// A mark's row in a list: its name, or the socket and number of its row; its text; when it was.
pub(in crate::ui) fn described(ui: &Ui, spot: Spot, mark: &Mark) -> (String, String, String) {
    let store = &ui.bench.store;
    let seq = spot.seq;
    let row = store.row(seq);
    let label = match (&mark.name, &row) {
        (Some(name), _) => name.clone(),
        (None, Some(row)) => format!("{} {}", ui.bench.roster.name(row.socket), grouped(seq)),
        (None, None) => grouped(seq),
    };
    let text = row.map(|row| {
        if let Some(fact) = store.fact(&row) {
            return sentence(&row, &fact, store, &ui.bench.roster);
        }
        let (direction, _) = line::mark_of(ui, row.kind, None);
        format!("{direction} {}", Printable::bytes_up_to(&ui.bench.payload(&row, spot), TEXT_COLUMNS).as_str())
    });
    (label, text.unwrap_or_default(), times::time_of(ui, mark.at))
}

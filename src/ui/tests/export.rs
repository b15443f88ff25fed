//! Rows that are selected, copied and exported.

use crossterm::event::MouseEventKind;

use super::*;
use crate::exporter::{Destination, Order, Progress, Report, ReportContent, Way};

/// With these messages received, and the focus in the log.
fn log(messages: &[&str]) -> Harness {
    let (mut bench, _, children) = Harness::with_listener(1);
    for message in messages {
        bench.received(children[0], message.as_bytes());
    }
    bench.ui.focus = Pane::Log;
    bench.picture(120, 40);
    bench
}

impl Harness {
    /// The one export that was ordered.
    fn export(&mut self) -> Order {
        let effects = self.effects();
        let [Effect::Export(order)] = &effects[..] else { panic!("{effects:?}") };
        order.clone()
    }

    /// What such an export would write.
    fn written(&self, order: &Order) -> String {
        let mut out = Vec::new();
        let go = |_| std::ops::ControlFlow::Continue(());
        self.ui.export_job(order).write(&mut out, go).unwrap().unwrap();
        String::from_utf8(out).unwrap()
    }

    fn told(&mut self, id: u64, content: ReportContent) {
        self.ui.export_told(Report { id, content });
    }
}

#[test]
fn selected_rows_are_counted_and_copied_whatever_comes_meanwhile() {
    let mut bench = log(&["one", "two", "three", "four"]);
    bench.keys("v up up").shows("3 selected");
    let child = bench.ui.bench.current().unwrap().socket;
    bench.received(child, b"five");
    bench.shows("3 selected");
    bench.keys("y");
    let order = bench.export();
    assert_eq!((order.format.name, &order.to), ("text", &Destination::Clipboard));
    let text = bench.written(&order);
    let last: Vec<_> = text.lines().map(|line| line.rsplit(' ').next().unwrap()).collect();
    assert_eq!(last, ["two", "three", "four"]);
    assert!(!bench.picture(120, 40).contains("selected"));
}

#[test]
fn a_selection_leaves_out_what_the_filter_hides() {
    let mut bench = log(&["apple", "pear", "apricot", "plum"]);
    bench.keys("/").text("ap").keys("enter home v end").shows("2 selected");
    bench.keys("y");
    let order = bench.export();
    assert_eq!(bench.written(&order).lines().count(), 2);
}

#[test]
fn esc_ends_the_selection_before_it_does_anything_else() {
    let mut bench = log(&["one", "two"]);
    bench.keys("/").text("o").keys("enter v esc");
    assert!(!bench.picture(120, 40).contains("selected"));
    bench.shows("Log · o");
    bench.keys("v v esc").shows("Log · all");
}

#[test]
fn the_mouse_selects_what_it_is_dragged_over() {
    let mut bench = log(&["one", "two", "three", "four"]);
    let (x, y) = (bench.ui.layout.log.x + 3, bench.ui.layout.log.y + 4);
    let mut mouse = |kind, row| {
        let event = MouseEvent { kind, column: x, row, modifiers: crossterm::event::KeyModifiers::NONE };
        bench.ui.handle(TerminalEvent::Mouse(event));
    };
    mouse(MouseEventKind::Down(MouseButton::Left), y);
    mouse(MouseEventKind::Drag(MouseButton::Left), y);
    mouse(MouseEventKind::Drag(MouseButton::Left), y + 2);
    bench.shows("3 selected");
}

#[test]
fn an_export_goes_where_it_is_told_and_the_choice_stays() {
    let mut bench = log(&["one", "two"]);
    bench.keys("shift-y").shows("all that the log shows > (4)");
    bench.keys("down").text("j").shows("{\"seq\":");
    bench.keys("down right right down down ctrl-u").text("/tmp/out.jsonl").keys("enter");
    assert_eq!(bench.effects(), [Effect::ListFolder(PathBuf::from("/tmp/"))]);
    bench.ui.folder_listed(Path::new("/tmp/"), &Ok(Vec::new()));
    let order = bench.export();
    assert_eq!((order.format.name, order.way, order.filtered), ("jsonl", Way::Sent, true));
    assert_eq!(order.to, Destination::File { path: "/tmp/out.jsonl".into(), replace: false });

    bench.told(order.id, ReportContent::Going(Progress { looked_at: 45, of: 100, rows: 4, bytes: 5 << 20 }));
    bench.shows("export 45% 5.0 MiB → out.jsonl");
    bench.keys("ctrl-q").shows("nothing would be left of it");
    bench.keys("esc ctrl-p").text("cancel-export").keys("enter");
    assert_eq!(bench.effects(), [Effect::CancelExport(order.id)]);
    bench.told(order.id, ReportContent::Failed("no space left".to_owned()));
    bench.shows("Not exported to /tmp/out.jsonl: no space left; nothing of it is left.");

    bench.keys("shift-y").shows("< jsonl >");
    bench.shows("< sent >");
    bench.shows("/tmp/sockbench-");
}

#[test]
fn a_file_is_overwritten_only_if_the_user_says_so() {
    let mut bench = log(&["one"]);
    let there = || Ok(vec![FolderEntry { name: "a.txt".to_owned(), is_folder: false }]);
    bench.keys("shift-y up ctrl-u").text("a.txt").keys("enter");
    bench.effects();
    bench.ui.folder_listed(Path::new(""), &there());
    bench.shows("Overwrite a.txt?");
    bench.keys("enter");
    assert_eq!(bench.effects(), []);
    bench.keys("enter");
    bench.effects();
    bench.ui.folder_listed(Path::new(""), &there());
    bench.keys("y");
    assert_eq!(bench.export().to, Destination::File { path: "a.txt".into(), replace: true });
    assert!(bench.ui.overlays.is_empty());
}

#[test]
fn the_name_of_the_file_ends_as_the_format_does() {
    let mut bench = log(&["one"]);
    bench.keys("shift-y up ctrl-u").text("mine.txt").keys("up up up").text("c").shows("mine.csv");
    bench.text("c").shows("mine.h");
}

#[test]
fn what_comes_while_it_is_chosen_is_exported_as_well() {
    let mut bench = log(&["one", "two"]);
    let child = bench.ui.bench.current().unwrap().socket;
    bench.keys("shift-y").shows("all that the log shows > (4)");
    bench.received(child, b"three");
    bench.shows("all that the log shows > (5)");
    bench.keys("up ctrl-u").text("a.txt").keys("enter");
    bench.effects();
    let there = Ok(vec![FolderEntry { name: "a.txt".to_owned(), is_folder: false }]);
    bench.ui.folder_listed(Path::new(""), &there);
    bench.shows("Overwrite a.txt?");
    bench.received(child, b"four");
    bench.keys("y");
    let order = bench.export();
    assert!(bench.written(&order).contains("four"));

    // What was on the screen stays that, also where the log of a file still grows.
    bench.shows("four");
    bench.ui.open_file("trace.jsonl".to_owned(), Some(1_000));
    bench.ui.focus = Pane::Log;
    bench.keys("shift-y left").shows("on the screen > (6)");
    bench.received(child, b"five");
    bench.shows("on the screen > (6) ");
    bench.keys("right").shows("all that the log shows > (7 so far, still reading)");
}

#[test]
fn how_the_first_rows_would_look_is_shown_though_they_come_later() {
    let mut bench = log(&[]);
    bench.keys("shift-y down").text("j").keys("down right").shows("< received >");
    assert!(!bench.picture(120, 40).contains("{\"seq\":"));
    let child = bench.ui.bench.current().unwrap().socket;
    bench.received(child, b"late");
    bench.shows("{\"seq\":");
}

#[test]
fn what_was_asked_of_the_disk_is_heard_behind_a_question() {
    let mut bench = log(&["one"]);
    bench.keys("shift-y up ctrl-u").text("/slow/out").keys("enter");
    assert_eq!(bench.effects(), [Effect::ListFolder("/slow/".into())]);
    bench.keys("ctrl-q").shows("Quit?");
    let there = Ok(vec![FolderEntry { name: "out".to_owned(), is_folder: true }]);
    bench.ui.folder_listed(Path::new("/slow/"), &there);
    bench.keys("esc").shows("out is a folder");
}

//! What to replay, how fast and to whom, with what that will be.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;

use super::{Next, Overlay, window};
use crate::contract::{SocketId, Target};
use crate::log::Kind;
use crate::log::sanitise::Printable;
use crate::ui::Ui;
use crate::ui::bench::replay::{Census, Pace, Plan};
use crate::ui::canvas::Canvas;
use crate::ui::figures::{grouped, size, took};
use crate::ui::panes::input::unless_many;
use crate::ui::replaying::pace_name;
use crate::ui::turning::turned;

/// The paces that are offered; any other factor can be typed.
const PACES: [Pace; 6] =
    [Pace::Times(1.0), Pace::Times(2.0), Pace::Times(10.0), Pace::Times(0.5), Pace::Fast, Pace::ByHand];

/// The largest factor that can be typed.
const FACTOR_MAX: f64 = 1_000_000.0;

/// The lines above the targets: the messages and the pace.
const ABOVE: usize = 2;

struct ReplayForm {
    source: SocketId,
    kind: Kind,
    pace: Pace,
    /// The factor that is being typed.
    typed: String,
    targets: Vec<Target>,
    target: usize,
    /// The line that the keys act on.
    line: usize,
}

/// Whether there is a socket whose messages can be replayed, and one to replay them to; or a replay runs.
pub(in crate::ui) fn available(ui: &Ui) -> Result<(), &'static str> {
    if ui.bench.replay.is_some() {
        return Ok(());
    }
    source(ui).ok_or("no row is selected whose socket is meant")?;
    if targets(ui).is_empty() { Err("no socket is open to send to; ^N opens one") } else { Ok(()) }
}

/// Asks what to replay; while a replay runs, pauses it or sends its next message.
pub(in crate::ui) fn open_or_step(ui: &mut Ui) {
    if ui.bench.replay.is_some() {
        ui.step_replay();
        return;
    }
    let Some(source) = source(ui) else { return };
    let current = ui.bench.current().map(|row| row.kind).filter(|kind| kind.is_message());
    let targets = targets(ui);
    // Whom the input speaks to is meant most likely.
    let target = targets.iter().position(|target| Some(target) == ui.target.as_ref()).unwrap_or(0);
    ui.bench.census = Some(Census::new(source, &ui.bench.store));
    ui.overlays.push(Box::new(ReplayForm {
        source,
        kind: current.unwrap_or(Kind::Sent),
        pace: PACES[0],
        typed: String::new(),
        targets,
        target,
        line: 0,
    }));
}

fn source(ui: &Ui) -> Option<SocketId> {
    ui.bench.current().map(|row| row.socket).or_else(|| ui.selected_socket())
}

fn targets(ui: &Ui) -> Vec<Target> {
    let targets = ui.entries().into_iter().map(|entry| entry.target(&ui.bench));
    targets.filter(|target| ui.bench.can_send(target).is_ok()).collect()
}

impl ReplayForm {
    fn turn(&mut self, by: isize) {
        match self.line {
            0 => self.kind = if self.kind == Kind::Sent { Kind::Received } else { Kind::Sent },
            1 => {
                self.typed.clear();
                self.pace = turned(&PACES, self.pace, by);
            }
            _ => {}
        }
    }

    fn move_by(&mut self, by: isize) {
        let last = ABOVE + self.targets.len().max(1) - 1;
        self.line = self.line.saturating_add_signed(by).min(last);
        if let Some(target) = self.line.checked_sub(ABOVE) {
            self.target = target;
        }
    }

    /// A digit or a point of a factor; what would make it none is not taken.
    fn type_factor(&mut self, character: char) {
        let mut typed = self.typed.clone();
        typed.push(character);
        let is_start = typed.chars().all(|character| character.is_ascii_digit() || character == '.')
            && typed.matches('.').count() <= 1
            && typed.len() <= 8;
        if is_start {
            self.typed = typed;
            self.line = 1;
            self.read_factor();
        }
    }

    fn read_factor(&mut self) {
        let factor = self.typed.parse::<f64>().ok().filter(|factor| *factor > 0.0 && *factor <= FACTOR_MAX);
        self.pace = factor.map_or(PACES[0], Pace::Times);
    }

    fn start(&self, ui: &mut Ui) -> Next {
        let Some(target) = self.targets.get(self.target).cloned() else { return Next::Stay };
        let Some(census) = ui.bench.census.as_ref().filter(|census| census.is_whole()) else { return Next::Stay };
        let total = census.side(self.kind).messages;
        if total == 0 {
            return Next::Stay;
        }
        let plan = Plan {
            source: self.source,
            kind: self.kind,
            target: target.clone(),
            pace: self.pace,
            end: census.end,
            total,
        };
        ui.bench.census = None;
        let what = format!("{} messages go", grouped(total));
        unless_many(ui, &target, &what, move |ui| ui.start_replay(plan));
        Next::Close
    }

    /// What will happen, or why nothing can.
    fn summary(&self, ui: &Ui) -> String {
        let Some(census) = &ui.bench.census else { return String::new() };
        if !census.is_whole() {
            return "counting...".to_owned();
        }
        let side = census.side(self.kind);
        if side.messages == 0 {
            let verb = if self.kind == Kind::Sent { "sent" } else { "received" };
            return format!("It {verb} nothing; Left and Right choose the other side");
        }
        let time = match self.pace.scaled(side.duration()) {
            Some(time) if side.messages > 1 => format!(" over {}", took(time)),
            _ => String::new(),
        };
        let messages = if side.messages == 1 { "message" } else { "messages" };
        let gaps = match side.gaps {
            0 => String::new(),
            1 => "; 1 gap in the log".to_owned(),
            gaps => format!("; {} gaps in the log", grouped(gaps)),
        };
        format!("Enter sends {} {messages}, {}{time}{gaps}", grouped(side.messages), size(side.bytes))
    }
}

impl Overlay for ReplayForm {
    fn key(&mut self, key: KeyEvent, ui: &mut Ui) -> Next {
        if key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) {
            return Next::Stay;
        }
        match key.code {
            KeyCode::Esc => {
                ui.bench.census = None;
                return Next::Close;
            }
            KeyCode::Enter => return self.start(ui),
            KeyCode::Down | KeyCode::Tab => self.move_by(1),
            KeyCode::Up | KeyCode::BackTab => self.move_by(-1),
            KeyCode::Left => self.turn(-1),
            KeyCode::Right | KeyCode::Char(' ') => self.turn(1),
            KeyCode::Char(character) => self.type_factor(character),
            KeyCode::Backspace => {
                self.typed.pop();
                self.read_factor();
            }
            _ => {}
        }
        Next::Stay
    }

    fn mouse(&mut self, _x: u16, _y: u16, wheel: i32, _ui: &mut Ui) -> Next {
        self.move_by(wheel.signum() as isize);
        Next::Stay
    }

    fn render(&self, canvas: &mut Canvas<'_>, screen: Rect, ui: &Ui) {
        let title = format!("Replay {}", ui.bench.roster.name(self.source));
        let width = screen.width.saturating_sub(6).min(76);
        let height = u16::try_from(self.targets.len() + 9).unwrap_or(u16::MAX);
        let inside = window(canvas, screen, ui, &title, width, height.min(screen.height.saturating_sub(2)));
        let look = &ui.look;
        let label_end = inside.x + 10;
        let bottom = inside.bottom().saturating_sub(1);
        let mut put = |y: u16, label: &str, value: &str, line: usize| {
            if y >= bottom {
                return;
            }
            canvas.put(inside.x, y, label_end, &Printable::text(label), look.dim);
            canvas.put(label_end, y, inside.right(), &Printable::text(value), look.text);
            if line == self.line {
                let width = inside.right().saturating_sub(label_end);
                canvas.style(Rect { x: label_end, y, width, height: 1 }, look.selected);
            }
        };
        let side = if self.kind == Kind::Sent { "what it sent" } else { "what it received" };
        let counted = ui.bench.census.as_ref().map(|census| census.side(self.kind).messages).unwrap_or_default();
        put(inside.y + 1, "Messages", &format!("< {side} >  {}", grouped(counted)), 0);
        let pace = match self.pace {
            Pace::Times(factor) if (factor - 1.0).abs() < f64::EPSILON => "as it was, x1".to_owned(),
            pace => pace_name(pace),
        };
        put(inside.y + 2, "Pace", &format!("< {pace} >"), 1);
        let rows = usize::from(bottom.saturating_sub(inside.y + 5));
        let first = (self.target + 1).saturating_sub(rows.max(1));
        for (offset, (index, target)) in (0u16..).zip(self.targets.iter().enumerate().skip(first).take(rows)) {
            let mark = if index == self.target { look.marks.open } else { look.marks.closed };
            let label = if offset == 0 { "To" } else { "" };
            put(inside.y + 4 + offset, label, &format!("{mark} {}", described(ui, target)), ABOVE + index);
        }
        canvas.put(inside.x, bottom - 1, inside.right(), &Printable::text(&self.summary(ui)), look.key);
        let hint = "Up/Down line  Left/Right choice  0-9 another factor  Esc closes";
        canvas.put(inside.x, bottom, inside.right(), &Printable::text(hint), look.dim);
    }
}

/// A target by its name and whom it reaches.
fn described(ui: &Ui, target: &Target) -> String {
    let name = ui.bench.roster.name(target.socket());
    match target {
        Target::Children(_) => match ui.bench.reach(target) {
            1 => format!("{name} (its one connection)"),
            reach => format!("{name}, all {reach} of its connections"),
        },
        Target::Peer(_, address) => format!("{name} to {address}"),
        Target::Socket(socket) => match ui.bench.roster.get(*socket).and_then(|member| member.peer.as_ref()) {
            Some(peer) => format!("{name} to {peer}"),
            None => name,
        },
    }
}

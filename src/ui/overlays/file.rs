//! Which file to send, or to save to.
//!
//! Owns the choice while it is made. It never looks at a file itself.

use std::io;
use std::path::{Path, PathBuf};

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;

use super::confirm::Confirm;
use super::path::{Listed, PathField, There};
use super::{Next, Overlay, window};
use crate::contract::{Role, Saving, SocketId, Target, option_spec};
use crate::log::sanitise::Printable;
use crate::ui::canvas::Canvas;
use crate::ui::panes::input::unless_many;
use crate::ui::panes::sockets::not_from_file;
use crate::ui::turning::turned;
use crate::ui::widgets::paragraph::put_wrapped;
use crate::ui::widgets::text_input::{Edit, InputStyles, TextInput};
use crate::ui::{FolderEntry, Ui};

/// What is to be done with the file.
#[derive(Clone, Debug)]
enum Purpose {
    Send(Target),
    Save(SocketId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Path,
    Append,
    Limit,
}

pub(in crate::ui) struct FileForm {
    purpose: Purpose,
    path: PathField,
    append: bool,
    limit: TextInput,
    focus: Field,
    error: Option<String>,
}

/// Asks which file to send to the present target.
pub(in crate::ui) fn send(ui: &mut Ui) {
    let Some(target) = ui.target.clone() else { return };
    match ui.bench.can_send(&target) {
        Ok(()) => ui.overlays.push(Box::new(FileForm::new(Purpose::Send(target)))),
        Err(why) => ui.tell_error(format!("No file can be sent: {why}.")),
    }
}

/// Sends this file to the present target, or says why that can't be.
pub(in crate::ui) fn send_to_target(ui: &mut Ui, path: PathBuf) {
    let Some(target) = ui.target.clone() else {
        ui.tell_error("No file can be sent: no target is chosen.");
        return;
    };
    match ui.bench.can_send(&target) {
        Ok(()) => send_path(ui, target, path),
        Err(why) => ui.tell_error(format!("No file can be sent: {why}.")),
    }
}

fn send_path(ui: &mut Ui, target: Target, path: PathBuf) {
    let what = format!("{} goes", path.file_name().unwrap_or_default().display());
    unless_many(ui, &target.clone(), &what, move |ui| ui.bench.send_file(target, path, &mut ui.effects));
}

/// Asks where to save what the selected socket receives.
pub(in crate::ui) fn save(ui: &mut Ui) {
    if let Some(socket) = ui.selected_socket() {
        ui.overlays.push(Box::new(FileForm::new(Purpose::Save(socket))));
    }
}

/// Whether what the selected socket receives can be saved, or why not.
pub(in crate::ui) fn can_save(ui: &Ui) -> Result<(), &'static str> {
    not_from_file(ui)?;
    let member = ui.selected_socket().and_then(|socket| ui.bench.roster.get(socket)).ok_or("no socket is selected")?;
    match member.endpoint.scheme.spec().role {
        Role::Listener if member.parent.is_none() => {
            Err("a listener receives nothing itself; select one of its connections")
        }
        Role::Pair if member.parent.is_none() => Err("a pair receives nothing itself; select one of its ends"),
        _ if !member.state.is_open() => Err("it is not open"),
        _ => Ok(()),
    }
}

impl FileForm {
    fn new(purpose: Purpose) -> Self {
        let mut limit = TextInput::new();
        limit.set_placeholder(Printable::text("(until closed)"));
        Self { purpose, path: PathField::default(), append: false, limit, focus: Field::Path, error: None }
    }

    fn fields(&self) -> &'static [Field] {
        match self.purpose {
            Purpose::Send(_) => &[Field::Path],
            Purpose::Save(_) => &[Field::Path, Field::Append, Field::Limit],
        }
    }

    fn move_focus(&mut self, by: isize) {
        self.focus = turned(self.fields(), self.focus, by);
    }

    fn edit(&mut self, edit: Edit) {
        self.error = None;
        match (self.focus, edit) {
            (Field::Path, edit) => self.path.apply(edit),
            (Field::Limit, edit) => {
                self.limit.apply(edit);
            }
            (Field::Append, Edit::Left | Edit::Right | Edit::Insert(' ')) => self.append = !self.append,
            (Field::Append, _) => {}
        }
    }

    fn limit(&self) -> Result<Option<u64>, String> {
        if self.limit.is_empty() { Ok(None) } else { crate::contract::parse_size(self.limit.text()).map(Some) }
    }

    fn submit(&mut self, ui: &mut Ui) {
        if let Err(error) = self.path.check() {
            self.error = Some(error);
        } else if let Some(Err(error)) = option_spec("save").map(|spec| spec.kind.parse(self.path.input().text())) {
            self.error = Some(error);
        } else if let Err(error) = self.limit() {
            self.error = Some(error);
            self.focus = Field::Limit;
        } else {
            self.path.submit(ui);
        }
    }

    /// Goes on with what was entered, now that it is known whether the file is there.
    fn proceed(&mut self, there: There, ui: &mut Ui) -> Next {
        let (name, path) = (self.path.name().to_owned(), self.path.path());
        match self.purpose.clone() {
            Purpose::Send(_) if there == There::No => {
                self.error = Some(format!("there is no file {name}"));
                Next::Stay
            }
            Purpose::Send(target) => {
                send_path(ui, target, path);
                Next::Close
            }
            Purpose::Save(socket) => {
                let limit = self.limit().unwrap_or_default();
                let saving = Saving { path: path.display().to_string(), append: self.append, limit };
                if there != There::Yes || self.append {
                    ui.bench.save(socket, saving, &mut ui.effects);
                    return Next::Close;
                }
                let text = "There is a file of that name already. What is received is added to its end; nothing in it \
                            is overwritten. Cancel goes back, to choose another name.";
                ui.overlays.push(Box::new(Confirm::new(&format!("Add to {name}?"), text, "Add", move |ui| {
                    // The form, which lies below this question.
                    ui.overlays.pop();
                    ui.bench.save(socket, Saving { append: true, ..saving }, &mut ui.effects);
                })));
                Next::Stay
            }
        }
    }
}

impl Overlay for FileForm {
    fn key(&mut self, key: KeyEvent, ui: &mut Ui) -> Next {
        match key.code {
            KeyCode::Esc => return Next::Close,
            KeyCode::Enter => self.submit(ui),
            KeyCode::Tab if self.focus == Field::Path => self.path.complete(ui),
            KeyCode::Down | KeyCode::Tab => self.move_focus(1),
            KeyCode::Up | KeyCode::BackTab => self.move_focus(-1),
            _ => {
                if let Some(edit) = Edit::of(key) {
                    self.edit(edit);
                }
            }
        }
        Next::Stay
    }

    fn paste(&mut self, text: &str, _ui: &mut Ui) {
        self.edit(Edit::InsertText(text.to_owned()));
    }

    fn folder_listed(&mut self, folder: &Path, result: &io::Result<Vec<FolderEntry>>, ui: &mut Ui) -> Next {
        match self.path.listed(folder, result) {
            Ok(Listed::Completed | Listed::Nothing) => {}
            Ok(Listed::Submitted(there)) => return self.proceed(there, ui),
            Err(error) => self.error = Some(error),
        }
        Next::Stay
    }

    fn render(&self, canvas: &mut Canvas<'_>, screen: Rect, ui: &Ui) {
        let look = &ui.look;
        let title = match &self.purpose {
            Purpose::Send(target) => format!("Send a file to {}", ui.bench.roster.name(target.socket())),
            Purpose::Save(socket) => format!("Save what {} receives", ui.bench.roster.name(*socket)),
        };
        let fields = u16::try_from(self.fields().len()).unwrap_or(1);
        let inside = window(canvas, screen, ui, &title, 76, fields + 8);
        let styles = InputStyles { text: look.text, cursor: look.selected, error: look.error, placeholder: look.dim };
        for (y, field) in (inside.y + 1..inside.bottom()).zip(self.fields()) {
            let focused = self.focus == *field;
            let label = match field {
                Field::Path => "path",
                Field::Append => "append",
                Field::Limit => "at most",
            };
            let mark = if focused { ">" } else { " " };
            let style = if focused { look.key } else { look.dim };
            canvas.put(inside.x, y, inside.right(), &Printable::text(&format!("{mark} {label}")), style);
            let line = Rect { x: inside.x + 11, y, width: inside.width.saturating_sub(11), height: 1 };
            match field {
                Field::Path => self.path.input().render(canvas, line, &styles, None, focused),
                Field::Limit => self.limit.render(canvas, line, &styles, None, focused),
                Field::Append => {
                    let style = if focused { look.selected } else { look.text };
                    let text = if self.append { "< true >" } else { "< false >" };
                    canvas.put(line.x, y, line.right(), &Printable::text(text), style);
                }
            }
        }
        let top = inside.y + 1 + fields + 1;
        let bottom = inside.bottom().saturating_sub(1);
        let about = Rect { y: top, height: bottom.saturating_sub(top), ..inside };
        match &self.error {
            Some(error) => put_wrapped(canvas, about, &Printable::text(error), look.error),
            None => put_wrapped(canvas, about, &Printable::text(&self.path.candidates()), look.dim),
        };
        let verb = if matches!(self.purpose, Purpose::Send(_)) { "sends" } else { "saves" };
        let more = if fields > 1 { "  Up/Down field" } else { "" };
        let hint = format!("Enter {verb}  Tab completes{more}  Esc leaves it");
        canvas.put(inside.x, bottom, inside.right(), &Printable::text(&hint), look.dim);
    }
}

//! The form for a new socket, and for changing one: made from the tables of schemes and options, checked as it is
//! typed, with the URL, the addresses of a name and the system calls that will come of it.

mod calls;
mod proposal;

use std::cell::Cell;
use std::ops::Range;
use std::time::Instant;

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;

use super::confirm::Confirm;
use super::rename::check_name;
use super::{Next, Overlay, window};
use crate::contract::{
    AddressKind, Endpoint, EndpointError, Host, OptionSpec, SCHEMES, SchemeSpec, SocketId, ValueKind,
};
use crate::log::sanitise::Printable;
use crate::ui::Ui;
use crate::ui::canvas::Canvas;
use crate::ui::names::Names;
use crate::ui::panes::input::edit_of;
use crate::ui::panes::sockets::Entry;
use crate::ui::widgets::paragraph::put_wrapped;
use crate::ui::widgets::text_input::{Edit, InputStyles, TextInput};
use calls::calls;

/// The fields before the options.
const SCHEME: usize = 0;
const ADDRESS: usize = 1;
const NAME: usize = 2;
const FIRST_OPTION: usize = 3;

const LABEL_WIDTH: u16 = 18;

/// The rows below the fields: what the focused one is, the URL, the calls, and the keys.
const REST: u16 = 8;

/// The fields that are in sight wherever there is any room: those before the options, and one option.
const LEAST: u16 = 4;

/// How many columns at the right say how many fields are out of sight.
const MORE_WIDTH: u16 = 9;

/// How many fields a page is.
const PAGE: isize = 8;

pub(in crate::ui) struct SocketForm {
    /// Which socket is being changed; none for a new one.
    socket: Option<SocketId>,
    scheme: &'static SchemeSpec,
    address: TextInput,
    name: TextInput,
    /// One text an option that any scheme has, by name, so that turning the scheme loses nothing.
    options: Vec<(&'static OptionSpec, TextInput)>,
    focus: usize,
    /// Whether the user has chosen the address or the name: else turning the scheme may put another there.
    touched: bool,
    named: bool,
    /// Whether a changed socket is opened at once.
    opens: bool,
    /// Where the fields were drawn.
    drawn: Cell<Rect>,
    /// The first option in sight, by its place among those of the scheme.
    first: Cell<usize>,
}

/// What is wrong, in which field, and where in its text.
struct Wrong {
    field: usize,
    at: Range<usize>,
    message: String,
}

/// Shows the form for a new socket, or for one that is to be changed.
pub(in crate::ui) fn open(ui: &mut Ui, socket: Option<SocketId>) {
    show(ui, socket, socket.is_none());
}

/// Shows the form for a socket that could not be opened; agreeing opens it again.
pub(super) fn open_to_retry(ui: &mut Ui, socket: SocketId) {
    show(ui, Some(socket), true);
}

fn show(ui: &mut Ui, socket: Option<SocketId>, opens: bool) {
    let form = SocketForm::new(ui, socket, opens);
    // A name that nobody knew a while ago may be known now.
    ui.names = Names::default();
    form.want_name(ui);
    ui.overlays.push(Box::new(form));
}

impl SocketForm {
    fn new(ui: &Ui, socket: Option<SocketId>, opens: bool) -> Self {
        let member = socket.and_then(|socket| ui.bench.roster.get(socket));
        let scheme = member.map_or(&SCHEMES[0], |member| member.endpoint.scheme.spec());
        let mut form = Self {
            socket,
            scheme,
            address: TextInput::with_text(scheme.example),
            name: TextInput::new(),
            options: Vec::new(),
            focus: if socket.is_some() { ADDRESS } else { SCHEME },
            touched: socket.is_some(),
            named: socket.is_some(),
            opens,
            drawn: Cell::default(),
            first: Cell::default(),
        };
        for spec in SCHEMES {
            for option in spec.options {
                if form.options.iter().all(|(known, _)| known.name != option.name) {
                    let default = ui.defaults.iter().find(|(name, _)| name == option.name);
                    let given = match member {
                        Some(member) => member.endpoint.option(option.name).map(ToString::to_string),
                        None => default.map(|(_, value)| value.clone()),
                    };
                    let mut input = TextInput::with_text(&given.unwrap_or_default());
                    input.set_placeholder(Printable::text(&format!("({})", option.default)));
                    form.options.push((option, input));
                }
            }
        }
        match member {
            Some(member) => {
                form.address.set_text(&member.endpoint.address.to_string());
                form.name.set_text(&member.name);
            }
            None => form.propose(ui),
        }
        form
    }

    /// Fills in what the user has not chosen.
    fn propose(&mut self, ui: &Ui) {
        if !self.touched {
            self.address.set_text(&proposal::address(ui, self.scheme));
        }
        if !self.named {
            self.name.set_text(&ui.bench.free_name(Ui::default_name(self.scheme.scheme)));
        }
    }

    fn fields(&self) -> usize {
        FIRST_OPTION + self.scheme.options.len()
    }

    fn option_at(&self, field: usize) -> Option<&'static OptionSpec> {
        field.checked_sub(FIRST_OPTION).and_then(|index| self.scheme.options.get(index)).copied()
    }

    fn option_text(&self, option: &OptionSpec) -> &str {
        self.options.iter().find(|(spec, _)| spec.name == option.name).map_or("", |(_, input)| input.text())
    }

    fn input_mut(&mut self, field: usize) -> Option<&mut TextInput> {
        match field {
            SCHEME => None,
            ADDRESS => Some(&mut self.address),
            NAME => Some(&mut self.name),
            _ => {
                let option = self.option_at(field)?;
                self.options.iter_mut().find(|(spec, _)| spec.name == option.name).map(|(_, input)| input)
            }
        }
    }

    fn input(&self, field: usize) -> Option<&TextInput> {
        match field {
            SCHEME => None,
            ADDRESS => Some(&self.address),
            NAME => Some(&self.name),
            _ => {
                let option = self.option_at(field)?;
                self.options.iter().find(|(spec, _)| spec.name == option.name).map(|(_, input)| input)
            }
        }
    }

    /// The words that a field turns through, where it has no text of its own; the empty one is the default.
    fn choices(&self, field: usize) -> Option<Vec<&'static str>> {
        match self.option_at(field)?.kind {
            ValueKind::Flag => Some(vec!["", "true", "false"]),
            ValueKind::Word(words) => Some(std::iter::once("").chain(words.iter().map(|word| word.0)).collect()),
            _ => None,
        }
    }

    fn turn(&mut self, by: isize, ui: &Ui) {
        if self.focus == SCHEME {
            let at = SCHEMES.iter().position(|spec| spec.name == self.scheme.name).unwrap_or(0);
            let next = (at.cast_signed() + by).rem_euclid(SCHEMES.len().cast_signed());
            self.scheme = &SCHEMES[next.cast_unsigned()];
            self.propose(ui);
        } else if let (Some(choices), field) = (self.choices(self.focus), self.focus)
            && let Some(input) = self.input_mut(field)
        {
            let at = choices.iter().position(|choice| *choice == input.text()).unwrap_or(0);
            let next = (at.cast_signed() + by).rem_euclid(choices.len().cast_signed());
            input.set_text(choices[next.cast_unsigned()]);
        }
    }

    /// Takes the scheme after this one whose name begins so.
    fn jump_to(&mut self, letter: char, ui: &Ui) {
        let at = SCHEMES.iter().position(|spec| spec.name == self.scheme.name).unwrap_or(0);
        let mut others = SCHEMES.iter().cycle().skip(at + 1).take(SCHEMES.len());
        if let Some(next) = others.find(|spec| spec.name.starts_with(letter.to_ascii_lowercase())) {
            self.scheme = next;
            self.propose(ui);
        }
    }

    fn move_focus(&mut self, by: isize) {
        self.focus = (self.focus.cast_signed() + by).rem_euclid(self.fields().cast_signed()).cast_unsigned();
        if self.focus == ADDRESS && !self.has_address() {
            self.move_focus(by.signum());
        }
    }

    /// A pair is nowhere; whatever was typed for another scheme is kept until the scheme is turned again.
    fn has_address(&self) -> bool {
        self.scheme.address != AddressKind::Nothing
    }

    fn address_text(&self) -> &str {
        if self.has_address() { self.address.text() } else { "" }
    }

    /// The same, but stopping at the first and the last field.
    fn page(&mut self, by: isize) {
        self.focus = self.focus.saturating_add_signed(by).min(self.fields() - 1);
        if self.focus == ADDRESS && !self.has_address() {
            self.move_focus(by.signum());
        }
    }

    fn edit(&mut self, edit: Edit, ui: &Ui) {
        let field = self.focus;
        if self.choices(field).is_some() || field == SCHEME {
            match edit {
                Edit::Left => self.turn(-1, ui),
                Edit::Right | Edit::Insert(' ') => self.turn(1, ui),
                Edit::Insert(letter) if field == SCHEME => self.jump_to(letter, ui),
                _ => {}
            }
            return;
        }
        self.touched |= field == ADDRESS;
        self.named |= field == NAME;
        if let Some(input) = self.input_mut(field) {
            input.apply(edit);
        }
    }

    fn endpoint(&self, ui: &Ui) -> Result<Endpoint, Wrong> {
        let mut endpoint = Endpoint::from_parts(self.scheme.scheme, self.address_text()).map_err(|error| Wrong {
            field: ADDRESS,
            message: explained(ui, &error),
            at: error.at,
        })?;
        check_name(ui, self.name.text(), self.socket).map_err(|message| Wrong {
            field: NAME,
            at: 0..self.name.text().len(),
            message,
        })?;
        for (index, option) in self.scheme.options.iter().enumerate() {
            let text = self.option_text(option);
            if !text.is_empty() {
                endpoint.set_option(option.name, text).map_err(|error| Wrong {
                    field: FIRST_OPTION + index,
                    at: error.at,
                    message: error.message,
                })?;
            }
        }
        Ok(endpoint)
    }

    fn submit(&mut self, ui: &mut Ui) -> Next {
        let endpoint = match self.endpoint(ui) {
            Ok(endpoint) => endpoint,
            Err(wrong) => {
                self.focus = wrong.field;
                return Next::Stay;
            }
        };
        let name = self.name.text().to_owned();
        match self.socket {
            None => ui.open_or_confirm(Some(name), endpoint),
            Some(socket) => {
                ui.bench.rename(socket, &name);
                ui.bench.change(socket, endpoint.clone());
                if self.opens {
                    ui.unless_exposed(&endpoint, move |ui| ui.reopen(socket));
                    return Next::Close;
                }
                let open = ui.bench.roster.get(socket).is_some_and(|member| member.state.is_open());
                ui.tell_good(if open {
                    format!("{name} is changed; it holds when it is opened next (x closes, o opens)")
                } else {
                    format!("{name} is changed; o opens it")
                });
            }
        }
        Next::Close
    }
}

impl Overlay for SocketForm {
    fn key(&mut self, key: KeyEvent, ui: &mut Ui) -> Next {
        let next = match key.code {
            KeyCode::Esc => Next::Close,
            KeyCode::Enter => self.submit(ui),
            _ => {
                self.act(key, ui);
                Next::Stay
            }
        };
        match next {
            Next::Stay => self.want_name(ui),
            Next::Close => ui.names.want(None, Instant::now()),
        }
        next
    }

    fn paste(&mut self, text: &str, ui: &mut Ui) {
        self.edit(Edit::InsertText(text.to_owned()), ui);
        self.want_name(ui);
    }

    fn mouse(&mut self, x: u16, y: u16, wheel: i32, ui: &mut Ui) -> Next {
        let drawn = self.drawn.get();
        if wheel != 0 {
            self.page(wheel.signum() as isize);
        } else if drawn.contains((x, y).into()) {
            let field = self.field_at(usize::from(y - drawn.y));
            if field < self.fields() && (field != ADDRESS || self.has_address()) {
                let again = self.focus == field;
                self.focus = field;
                if again {
                    self.turn(1, ui);
                    self.want_name(ui);
                }
                let line = Rect { x: drawn.x + LABEL_WIDTH, y, width: drawn.width - LABEL_WIDTH, height: 1 };
                if let Some(input) = self.input_mut(field) {
                    input.click(line, x, y);
                }
            }
        }
        Next::Stay
    }

    fn render(&self, canvas: &mut Canvas<'_>, screen: Rect, ui: &Ui) {
        let look = &ui.look;
        let title = if self.socket.is_some() { "Change the socket" } else { "New socket" };
        let fields = u16::try_from(self.fields()).unwrap_or(u16::MAX);
        let inside = window(canvas, screen, ui, title, 78, fields + REST + 3);
        let outcome = self.endpoint(ui);
        let wrong = outcome.as_ref().err();
        let area =
            Rect { height: inside.height.saturating_sub(REST).max(LEAST).min(fields).min(inside.height), ..inside };
        self.drawn.set(area);
        self.bring_into_sight(usize::from(area.height));
        for (row, y) in (0..).zip(area.y..area.bottom()) {
            let field = self.field_at(row);
            let more = self.out_of_sight(row, usize::from(area.height), ui);
            let width = area.width.saturating_sub(if more.is_empty() { 0 } else { MORE_WIDTH });
            let line = Rect { y, height: 1, width, ..area };
            self.render_field(canvas, line, ui, field, wrong.filter(|wrong| wrong.field == field));
            canvas.put(area.right().saturating_sub(MORE_WIDTH - 1), y, area.right(), &Printable::text(&more), look.key);
        }
        let rest = Rect { y: area.bottom() + 1, height: inside.bottom().saturating_sub(area.bottom() + 1), ..inside };
        let mut y = rest.y;
        let mut say = |text: &str, style| {
            if y < rest.bottom() {
                y += put_wrapped(canvas, Rect { y, height: rest.bottom() - y, ..rest }, &Printable::text(text), style);
            }
        };
        let about = match self.option_at(self.focus) {
            Some(option) => format!("{}: {}. {}", option.name, option.help, option.kind.hint()),
            None if self.focus == SCHEME => self.scheme.summary.to_owned(),
            None if self.focus == ADDRESS => format!("address: {}", self.scheme.address_form),
            None => "name: how the list, the log and the profile call it".to_owned(),
        };
        say(&about, look.dim);
        match &outcome {
            Err(wrong) => say(&wrong.message, look.error),
            Ok(endpoint) => {
                say(&endpoint.to_string(), look.good);
                if let Some(name) = name_of(endpoint) {
                    let (text, bad) = ui.names.describe(name);
                    say(&text, if bad { look.warning } else { look.dim });
                }
                if endpoint.address.is_wildcard() && !self.scheme.is_client() {
                    say("This listens on every interface: EXPOSED.", look.warning);
                }
                say(&calls(endpoint), look.text);
            }
        }
        let bottom = inside.bottom().saturating_sub(1);
        let verb = if self.opens { "opens" } else { "changes" };
        let keys = format!("Enter {verb}  Up/Down/Tab field  Left/Right choice  Esc leaves it");
        canvas.put(inside.x, bottom, inside.right(), &Printable::text(&keys), look.dim);
    }
}

impl SocketForm {
    /// What a key does that neither opens nor closes anything.
    fn act(&mut self, key: KeyEvent, ui: &Ui) {
        match key.code {
            KeyCode::Down | KeyCode::Tab => self.move_focus(1),
            KeyCode::Up | KeyCode::BackTab => self.move_focus(-1),
            KeyCode::PageDown => self.page(PAGE),
            KeyCode::PageUp => self.page(-PAGE),
            _ => {
                if let Some(edit) = edit_of(key) {
                    self.edit(edit, ui);
                }
            }
        }
    }

    /// Has the name in the address looked up, or else the one in an option, if the text is an endpoint at all.
    fn want_name(&self, ui: &mut Ui) {
        let endpoint = self.endpoint(ui);
        ui.names.want(endpoint.as_ref().ok().and_then(name_of), Instant::now());
    }

    /// The field of a row: scheme, address and name always stand on top, and the options move below them.
    fn field_at(&self, row: usize) -> usize {
        if row < FIRST_OPTION { row } else { row + self.first.get() }
    }

    /// Moves the options so that the focused one is among those in sight, in so many rows.
    fn bring_into_sight(&self, rows: usize) {
        let room = rows.saturating_sub(FIRST_OPTION).max(1);
        let options = self.scheme.options.len();
        let mut first = self.first.get();
        if let Some(focused) = self.focus.checked_sub(FIRST_OPTION) {
            first = first.clamp((focused + 1).saturating_sub(room), focused);
        } else {
            first = 0;
        }
        self.first.set(first.min(options.saturating_sub(room)));
    }

    /// What a row says of the options above or below those in sight.
    fn out_of_sight(&self, row: usize, rows: usize, ui: &Ui) -> String {
        let first = self.first.get();
        let below = self.fields().saturating_sub(rows + first);
        let marks = ui.look.marks;
        match row {
            FIRST_OPTION if first > 0 => format!("{} {first} more", marks.up),
            _ if row + 1 == rows && below > 0 => format!("{} {below} more", marks.down),
            _ => String::new(),
        }
    }

    fn render_field(&self, canvas: &mut Canvas<'_>, line: Rect, ui: &Ui, field: usize, wrong: Option<&Wrong>) {
        let look = &ui.look;
        let focused = self.focus == field;
        let label = match field {
            SCHEME => "scheme",
            ADDRESS => "address",
            NAME => "name",
            _ => self.option_at(field).map_or("", |option| option.name),
        };
        // What the user has not touched stays in the background.
        let default = self.input(field).is_some_and(TextInput::is_empty) && field >= FIRST_OPTION;
        let text_style = if default { look.dim } else { look.text };
        let label_style = if focused { look.key } else { text_style };
        let mark = if focused { ">" } else { " " };
        let x = line.x + LABEL_WIDTH;
        canvas.put(line.x, line.y, x, &Printable::text(&format!("{mark} {label}")), label_style);
        if field == SCHEME {
            let style = if focused { look.selected } else { look.text };
            canvas.put(x, line.y, line.right(), &Printable::text(&format!("< {} >", self.scheme.name)), style);
            return;
        }
        if field == ADDRESS && !self.has_address() {
            canvas.put(x, line.y, line.right(), &Printable::text("(none)"), look.dim);
            return;
        }
        let Some(input) = self.input(field) else { return };
        if self.choices(field).is_some() {
            let default = self.option_at(field).map_or("", |option| option.default);
            let text = if input.is_empty() { format!("({default})") } else { input.text().to_owned() };
            let style = if focused { look.selected } else { text_style };
            canvas.put(x, line.y, line.right(), &Printable::text(&format!("< {text} >")), style);
            return;
        }
        let styles = InputStyles { text: look.text, cursor: look.selected, error: look.error, placeholder: look.dim };
        let at = wrong.map(|wrong| wrong.at.clone());
        input.render(canvas, Rect { x, width: line.right().saturating_sub(x), ..line }, &styles, at, focused);
    }
}

/// What is wrong with an address; where an interface must be named, with those that there are.
fn explained(ui: &Ui, error: &EndpointError) -> String {
    let interfaces = &ui.surroundings.interfaces;
    if error.needs_interface() && !interfaces.is_empty() {
        format!("{}; there are {}", error.message, interfaces.join(", "))
    } else {
        error.message.clone()
    }
}

/// The name that opening resolves: of the address, or else of the `source`.
fn name_of(endpoint: &Endpoint) -> Option<&str> {
    let source = endpoint.source().map(|source| &source.host);
    endpoint.address.host().into_iter().chain(source).find_map(|host| match host {
        Host::Name(name) => Some(name.as_str()),
        Host::Ip(..) => None,
    })
}

impl Ui {
    /// Opens an endpoint, after a question where it would listen on every interface.
    pub(in crate::ui) fn open_or_confirm(&mut self, name: Option<String>, endpoint: Endpoint) {
        let name = name.unwrap_or_else(|| Self::default_name(endpoint.scheme).to_owned());
        self.unless_exposed(&endpoint.clone(), move |ui| {
            ui.open_named(&name, endpoint);
        });
    }

    /// Opens a socket of the list again.
    pub(in crate::ui) fn reopen(&mut self, socket: SocketId) {
        self.by_hand.insert(socket);
        // What was said of the last try is no longer true.
        self.notice = None;
        self.select(Entry::Root(socket));
        self.bench.reopen(socket, &mut self.effects);
    }

    /// Does what opens an endpoint, after a question where that would listen on every interface.
    pub(in crate::ui) fn unless_exposed(&mut self, endpoint: &Endpoint, open: impl FnOnce(&mut Self) + 'static) {
        if !endpoint.address.is_wildcard() || endpoint.scheme.spec().is_client() {
            open(self);
            return;
        }
        let title = "Listen on every interface?";
        let text = format!(
            "{} is a wildcard: whoever reaches this machine over any network can reach the socket. 127.0.0.1 keeps it \
             to this machine.",
            endpoint.address
        );
        self.overlays.push(Box::new(Confirm::new(title, &text, "Listen", open)));
    }
}

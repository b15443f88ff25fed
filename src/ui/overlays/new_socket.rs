//! The form for a new socket, and for changing one: made from the tables of schemes and options, checked as it is
//! typed, with the URL, the addresses of a name and the system calls that will come of it.

mod calls;
pub(super) mod proposal;
mod view;

use std::cell::Cell;
use std::ops::Range;
use std::time::Instant;

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;

use super::rename::check_name;
use super::{Next, Overlay};
use crate::contract::{
    AddressKind, Endpoint, EndpointAddress, EndpointError, Host, OptionSpec, SCHEMES, SchemeSpec, SocketId, ValueKind,
};
use crate::log::sanitise::Printable;
use crate::ui::Ui;
use crate::ui::canvas::Canvas;
use crate::ui::host_names::HostNames;
use crate::ui::widgets::text_input::{Edit, TextInput};

/// The fields before the options.
const SCHEME: usize = 0;
const ADDRESS: usize = 1;
const NAME: usize = 2;
const FIRST_OPTION: usize = 3;

const LABEL_WIDTH: u16 = 18;

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
    ui.host_names = HostNames::default();
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
            focus: SCHEME,
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
                    form.options.push((option, TextInput::with_text(&given.unwrap_or_default())));
                }
            }
        }
        match member {
            Some(member) => {
                form.address.set_text(&member.endpoint.address.to_string());
                form.name.set_text(&member.name);
                // To the address, or where there is none past it.
                form.move_focus(1);
            }
            None => form.propose(ui),
        }
        form.show_defaults();
        form
    }

    /// Says in each empty field what holds for this scheme, and for the type of a pair.
    fn show_defaults(&mut self) {
        let mut endpoint = Endpoint::new(self.scheme.scheme, EndpointAddress::Nothing);
        for (option, input) in &self.options {
            // What is no value yet is told elsewhere, and what the scheme has not does not matter.
            let _ = endpoint.set_option(option.name, input.text());
        }
        for (option, input) in &mut self.options {
            input.set_placeholder(Printable::text(&format!("({})", endpoint.default_of(option))));
        }
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
        self.show_defaults();
    }

    /// Takes the scheme after this one whose name begins so; false where there is none.
    fn jump_to(&mut self, letter: char, ui: &Ui) -> bool {
        let at = SCHEMES.iter().position(|spec| spec.name == self.scheme.name).unwrap_or(0);
        let mut others = SCHEMES.iter().cycle().skip(at + 1).take(SCHEMES.len());
        let Some(next) = others.find(|spec| spec.name.starts_with(letter.to_ascii_lowercase())) else { return false };
        self.scheme = next;
        self.propose(ui);
        self.show_defaults();
        true
    }

    /// Goes on in the address, which takes the place of the one that was proposed.
    fn begin_address(&mut self, edit: Edit) {
        if self.has_address() {
            self.focus = ADDRESS;
            if !std::mem::replace(&mut self.touched, true) {
                self.address.clear();
            }
            self.address.apply(edit);
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
                // What begins no scheme begins an address.
                Edit::Insert(letter) if field == SCHEME && self.jump_to(letter, ui) => {}
                edit @ (Edit::Insert(_) | Edit::InsertText(_)) if field == SCHEME => self.begin_address(edit),
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
        if let Err((spec, message)) = endpoint.check() {
            let index = self.scheme.options.iter().position(|option| option.name == spec.name).unwrap_or(0);
            return Err(Wrong { field: FIRST_OPTION + index, at: 0..self.option_text(spec).len(), message });
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
                ui.settle_rules();
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
    fn is_form(&self) -> bool {
        true
    }

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
            Next::Close => ui.host_names.want(None, Instant::now()),
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
        self.draw(canvas, screen, ui);
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
                if let Some(edit) = Edit::of(key) {
                    self.edit(edit, ui);
                }
            }
        }
    }

    /// Has the name in the address looked up, or else the one in an option, if the text is an endpoint at all.
    fn want_name(&self, ui: &mut Ui) {
        let endpoint = self.endpoint(ui);
        ui.host_names.want(endpoint.as_ref().ok().and_then(name_of), Instant::now());
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

//! An address that is held by another socket: who holds it, and the next one to take with a single key.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;

use super::new_socket::proposal::share_addresses;
use super::{Next, Overlay, new_socket, window};
use crate::contract::{Endpoint, EndpointAddress, HostPort, NetError, SocketId};
use crate::log::sanitise::Printable;
use crate::ui::Ui;
use crate::ui::canvas::Canvas;
use crate::ui::widgets::paragraph::{put_wrapped, wrapped_rows};

const WIDTH: u16 = 78;

struct InUse {
    socket: SocketId,
    /// What was opened, and how it failed.
    base_url: String,
    error: Printable,
    /// What Enter opens in its place, and how that is called.
    remedy: Option<(Endpoint, String)>,
}

/// Shows why a socket could not be opened and offers another try, if that is because its address is held.
pub(in crate::ui) fn offer(ui: &mut Ui, socket: SocketId, error: &NetError) {
    let Some(root) = ui.bench.roster.get(socket) else { return };
    if error.code().as_deref() != Some("EADDRINUSE") || root.endpoint.scheme.spec().is_client() {
        return;
    }
    let remedy = remedy(ui, &root.endpoint, error);
    let mut error = error.clone();
    // What to do is what the keys are for.
    error.hint = error.hint.filter(|_| remedy.is_none());
    let in_use =
        InUse { socket, base_url: root.endpoint.base_url(), error: Printable::text(&error.to_string()), remedy };
    ui.overlays.push(Box::new(in_use));
}

/// The next port that no socket of the bench has; of a stale socket file, its replacement.
fn remedy(ui: &Ui, endpoint: &Endpoint, error: &NetError) -> Option<(Endpoint, String)> {
    let mut other = endpoint.clone();
    match &mut other.address {
        EndpointAddress::HostPort(HostPort { port, .. }) => {
            let taken = |port: u16| {
                ui.bench.roster.roots().any(|root| match &root.endpoint.address {
                    EndpointAddress::HostPort(address) => {
                        address.port == port && share_addresses(root.endpoint.scheme, endpoint.scheme)
                    }
                    _ => false,
                })
            };
            *port = (port.checked_add(1)?..=u16::MAX).find(|port| !taken(*port))?;
            let verb = format!("use {port}");
            Some((other, verb))
        }
        EndpointAddress::Unix(_) if error.hint.as_ref().is_some_and(|hint| hint.contains("unlink=true")) => {
            other.set_option("unlink", "true").ok()?;
            Some((other, "replace it".to_owned()))
        }
        _ => None,
    }
}

impl Overlay for InUse {
    fn key(&mut self, key: KeyEvent, ui: &mut Ui) -> Next {
        match key.code {
            KeyCode::Esc => Next::Close,
            KeyCode::Enter => {
                if let Some((endpoint, _)) = self.remedy.take() {
                    ui.bench.change(self.socket, endpoint);
                    ui.reopen(self.socket);
                }
                Next::Close
            }
            KeyCode::Char('e') if !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => {
                new_socket::open_to_retry(ui, self.socket);
                Next::Close
            }
            _ => Next::Stay,
        }
    }

    fn render(&self, canvas: &mut Canvas<'_>, screen: Rect, ui: &Ui) {
        let rows = wrapped_rows(WIDTH - 4, &self.error);
        let inside = window(canvas, screen, ui, &format!("{} is not open", self.base_url), WIDTH, rows + 5);
        put_wrapped(canvas, Rect { y: inside.y + 1, ..inside }, &self.error, ui.look.error);
        let enter = self.remedy.as_ref().map(|(_, verb)| format!("Enter: {verb}"));
        let keys: Vec<String> = enter.into_iter().chain(["e: edit".to_owned(), "Esc: leave it".to_owned()]).collect();
        let keys = keys.join(&format!(" {} ", ui.look.marks.dot));
        let bottom = inside.bottom().saturating_sub(1);
        canvas.put(inside.x, bottom, inside.right(), &Printable::text(&keys), ui.look.key);
    }
}

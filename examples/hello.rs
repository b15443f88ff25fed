//! The smallest ratatui program: what `benches/startup.rs` measures the workbench against.

use crossterm::event;
use ratatui::widgets::Paragraph;

fn main() -> std::io::Result<()> {
    let mut terminal = ratatui::init();
    let drawn = terminal.draw(|frame| frame.render_widget(Paragraph::new("hello"), frame.area())).map(|_| ());
    let waited = drawn.and_then(|()| event::read());
    ratatui::restore();
    waited.map(|_| ())
}

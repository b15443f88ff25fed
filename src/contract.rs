//! The letterbox between the engine and the screen: its vocabulary, as plain data.
//!
//! Owns the names both sides agree on: socket ids, times, addresses, commands, events, errors, and the blocks that
//! carry bytes. It never does IO, and knows neither tokio nor a screen.

mod address;
mod block;
mod clock;
mod command;
mod error;
mod event;
mod id;
mod recording;
mod report;

pub use crate::endpoint::{
    AddressKind, AfterFin, Choice, Endpoint, EndpointAddress, EndpointError, Group, Host, HostPort, LineEnding,
    OptionSpec, PairType, Role, SCHEMES, Saving, Scheme, SchemeSpec, UnixName, Value, ValueKind, format_duration,
    format_size, option_spec, parse_duration, parse_size,
};
pub use address::{Address, UnixAddress};
pub use block::{BLOCK_SIZE, Batch, Block, Span};
pub use clock::{Clock, Timestamp};
pub use command::{CloseHow, Command, Target};
pub use error::{NetError, Operation};
pub use event::{CloseReason, Event, Fact, LOOP_WITH};
pub use id::{SocketId, SocketIds, Ticket};
pub use recording::{Recording, Rotation};
pub use report::{Direction, Progress, Report, ReportContent, SocketView, TcpView};

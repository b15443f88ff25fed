//! The log: every message and every step of each socket's life, in order, and the ways to look at it.
//!
//! Owns the rows and their bytes ([`LogStore`]), who is in the log ([`Roster`]), which rows are wanted ([`Filter`]),
//! the filtered index with its cursor ([`LogView`]), where something is in them ([`Find`]), which messages of framed
//! streams end in them ([`Messages`]), what a row says ([`sentence()`]), and the formats that rows leave in
//! ([`export`]). Pure: it never reads a clock or draws, and opens no file but the one without a name that the store
//! spills to.

mod carrier;
pub mod difference;
mod ending;
mod escape;
pub mod export;
pub mod filter;
pub mod find;
pub mod lines;
pub mod marks;
pub mod messages;
pub mod needle;
pub mod roster;
pub mod round_trip;
pub mod row;
pub mod sanitise;
pub mod sentence;
pub mod statistics;
pub mod store;
pub mod stream;
pub mod timeline;
pub mod values;
pub mod view;

pub use filter::{Filter, FilterError};
pub use find::{Find, Standing};
pub use lines::{Line, Lines, Spot};
pub use marks::{Mark, Marks};
pub use messages::{Message, Messages};
pub use needle::Needle;
pub use roster::{Member, PeerTraffic, Roster, State, Traffic};
pub use row::{Kind, Row};
pub use sentence::{of_rule, sentence};
pub use statistics::Statistics;
pub use store::{Content, LogStore};
pub use view::{LogView, Scope};

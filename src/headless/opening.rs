//! The profile of a run without a screen: what is given with it, its sockets, and what makes an engine open them.

use std::path::PathBuf;

use crate::cli::Common;
use crate::config::Config;
use crate::contract::{Command, Role, SocketId, SocketIds};
use crate::payload::Variables;
use crate::profile::{self, Profile, SocketEntry};
use crate::startup::{configure, given_variables, say};

/// What a run without a screen begins with.
pub(super) struct Given {
    pub(super) config: Config,
    /// What goes before the variables of the profile.
    pub(super) variables: Variables,
    pub(super) path: PathBuf,
    pub(super) profile: Profile,
}

impl Given {
    /// Reads all of it, and says on standard error what is odd.
    ///
    /// # Errors
    /// What is wrong with the configuration, the command line or the profile, for standard error.
    pub(super) fn read(common: &Common, profile: &str) -> Result<Self, String> {
        let (config, _) = configure(&common.start, common.memory)?;
        let variables = given_variables(common)?;
        let path = profile::resolve(profile);
        let profile = Profile::load_with(&path, &variables).map_err(|invalid| invalid.to_string())?;
        for warning in &profile.warnings {
            say(&warning.to_string());
        }
        Ok(Self { config, variables, path, profile })
    }
}

/// A socket of a profile, its id in an engine, and the orders that it opens by.
pub(super) struct Opening<'p> {
    pub(super) socket: SocketId,
    pub(super) entry: &'p SocketEntry,
    pub(super) commands: Vec<Command>,
}

impl<'p> Opening<'p> {
    /// Those of these sockets of a profile. The variables that are `given` go before those of the profile.
    ///
    /// # Errors
    /// One sentence: why one can't be opened so.
    pub(super) fn of(
        entries: impl IntoIterator<Item = &'p SocketEntry>,
        profile: &Profile,
        ids: &SocketIds,
        given: &Variables,
    ) -> Result<Vec<Self>, String> {
        let variables = given.or(&profile.contents.vars);
        let mut compiler = profile.compiler(&variables);
        let openings = entries.into_iter().map(|entry| {
            let socket = ids.mint();
            compiler.opening(entry, socket).map(|commands| Self { socket, entry, commands })
        });
        openings.collect()
    }

    /// Those of all its sockets.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub(super) fn all(profile: &'p Profile, ids: &SocketIds, given: &Variables) -> Result<Vec<Self>, String> {
        Self::of(&profile.contents.sockets, profile, ids, given)
    }

    /// Whether it is there before the others, which it waits for.
    pub(super) fn listens(&self) -> bool {
        matches!(self.entry.endpoint.scheme.spec().role, Role::Listener | Role::DatagramServer | Role::Pair)
    }
}

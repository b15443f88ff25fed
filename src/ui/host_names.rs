//! What the names of hosts stand for, as far as a form has asked.
//!
//! Owns which name is asked for and when. It never resolves one: that is an effect, and the answer is brought back.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// How long a name must stay as it is before it is asked for.
const PAUSE: Duration = Duration::from_millis(300);

/// The most addresses of one name that are shown.
const SHOWN: usize = 4;

/// What a name stands for, or why it stands for nothing.
pub(super) type Answer = Result<Vec<IpAddr>, String>;

#[derive(Default)]
pub(super) struct HostNames {
    /// A name to ask for, and when.
    wanted: Option<(String, Instant)>,
    /// Each name that was asked for, with the answer once it is there.
    asked: HashMap<String, Option<Answer>>,
}

impl HostNames {
    /// Takes note of the name that stands in a form now, or that none does.
    pub(super) fn want(&mut self, name: Option<&str>, now: Instant) {
        match name.filter(|name| !self.asked.contains_key(*name)) {
            Some(name) if self.wanted.as_ref().is_some_and(|(wanted, _)| wanted == name) => {}
            name => self.wanted = name.map(|name| (name.to_owned(), now + PAUSE)),
        }
    }

    /// The name to ask for, once it is time; each is given once.
    pub(super) fn due(&mut self, now: Instant) -> Option<String> {
        let (name, _) = self.wanted.take_if(|(_, when)| *when <= now)?;
        self.asked.insert(name.clone(), None);
        Some(name)
    }

    /// After which time a name is to be asked for.
    pub(super) fn due_in(&self, now: Instant) -> Option<Duration> {
        self.wanted.as_ref().map(|(_, when)| when.saturating_duration_since(now))
    }

    pub(super) fn answered(&mut self, name: String, answer: Answer) {
        self.asked.insert(name, Some(answer));
    }

    /// What is known of a name, for a reader, and whether that is bad: `localhost = 127.0.0.1, ::1`.
    pub(super) fn describe(&self, name: &str) -> (String, bool) {
        match self.asked.get(name) {
            None | Some(None) => (format!("{name}: looking up..."), false),
            Some(Some(Err(why))) => (format!("{name}: {why}"), true),
            Some(Some(Ok(found))) => {
                let mut shown: Vec<_> = found.iter().take(SHOWN).map(ToString::to_string).collect();
                if found.len() > SHOWN {
                    shown.push(format!("{} more", found.len() - SHOWN));
                }
                (format!("{name} = {}", shown.join(", ")), false)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_asked_for_once_and_not_while_it_is_typed() {
        let mut names = HostNames::default();
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        names.want(Some("loc"), at(0));
        names.want(Some("localhost"), at(200));
        assert_eq!(names.due(at(400)), None);
        // Another key that leaves the name as it is does not put it off.
        names.want(Some("localhost"), at(450));
        assert_eq!(names.due_in(at(450)), Some(Duration::from_millis(50)));
        assert_eq!(names.due(at(500)).as_deref(), Some("localhost"));
        names.want(Some("localhost"), at(600));
        assert_eq!((names.due(at(2000)), names.due_in(at(2000))), (None, None));
        names.want(Some("other"), at(2000));
        names.want(None, at(2100));
        assert_eq!(names.due(at(9000)), None);
    }

    #[test]
    fn what_a_name_stands_for_is_told_in_a_line() {
        let mut names = HostNames::default();
        assert_eq!(names.describe("a"), ("a: looking up...".to_owned(), false));
        names.answered("a".to_owned(), Err("no such name".to_owned()));
        assert_eq!(names.describe("a"), ("a: no such name".to_owned(), true));
        names.answered("a".to_owned(), Ok((1..=6).map(|last| IpAddr::from([10, 0, 0, last])).collect()));
        assert_eq!(names.describe("a").0, "a = 10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4, 2 more");
    }
}

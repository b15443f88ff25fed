//! Rules: automatic replies, as the engine applies them.
//!
//! Owns what a rule waits for and what it does then, and which of several answers a message: the first that matches and
//! is not spent. Pure but for [`open_below`], the way to a file that a rule
//! names: whoever applies a rule sends, and runs programs.

mod file;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::pattern::{Match, Pattern};
use crate::payload::Template;

pub use file::{Found, open_below};

/// The rules of one socket, or of a listener's connections, in their order. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules(Arc<[Arc<Rule>]>);

/// One automatic reply.
#[derive(Debug)]
pub struct Rule {
    /// The name, as rows of the log tell it.
    pub name: String,
    /// What it waits for.
    pub when: When,
    /// What it sends then.
    pub reply: Reply,
    /// How long after that.
    pub delay: Duration,
    /// What becomes of the connection after the reply. A datagram socket has none to end.
    pub then: Then,
    /// How often it applies.
    pub once: Once,
    /// How often it has applied. Whoever holds the rule sees it count.
    pub hits: Hits,
}

/// A count that the engine makes and others read. A clone is the same count.
#[derive(Clone, Debug, Default)]
pub struct Hits(Arc<AtomicU64>);

/// What a rule waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// A step of a connection's life.
    Happens(Moment),
    /// A message: one of the stream's framing, or a datagram.
    Comes(Pattern),
}

/// A step of a connection's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// A listener took the connection.
    Accepted,
    /// A client's connection stands; each end of a pair does.
    Connected,
    /// The peer sent FIN: `recv` returned 0.
    PeerClosed,
}

/// What a rule sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Nothing.
    Nothing,
    /// What this stands for.
    Message(Template),
    /// The content of a file, which is below `root` whatever its name holds.
    File {
        /// Its name: a path relative to `root`.
        name: Template,
        /// The folder that nothing escapes.
        root: PathBuf,
        /// What is sent in its place where there is no such file, or none that may be sent.
        missing: Option<Template>,
    },
    /// What a program says on its standard output, once it has ended, to the message on its standard input.
    Program {
        /// The program and its arguments; no shell reads them.
        command: Vec<String>,
        /// Where it runs.
        folder: PathBuf,
        /// How long it may take.
        timeout: Duration,
        /// How many bytes it may say.
        max: u64,
    },
    /// Characters without an end (RFC 864): on a stream for as long as the peer takes them, and as a datagram 0 to 512.
    Characters,
}

/// What becomes of a connection after a reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Then {
    /// It stays.
    #[default]
    Keep,
    /// FIN is sent, and receiving goes on.
    HalfClose,
    /// It is closed.
    Close,
}

/// How often a rule applies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Once {
    /// Whenever what it waits for comes.
    #[default]
    Never,
    /// Once for each connection; on a datagram socket, once for each time that it is opened.
    Connection,
    /// Once, for as long as the program runs.
    Session,
}

impl Hits {
    /// How many there are.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Counts one more.
    pub fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether this is the same count, and not just as many.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Equal when they do the same; how often they did it does not matter.
impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.when, &self.reply, self.delay, self.then, self.once)
            == (&other.name, &other.when, &other.reply, other.delay, other.then, other.once)
    }
}

impl Eq for Rule {}

impl Rule {
    /// A rule that applies whenever what it waits for comes, and keeps the connection.
    #[must_use]
    pub fn new(name: impl Into<String>, when: When, reply: Reply) -> Self {
        Self {
            name: name.into(),
            when,
            reply,
            delay: Duration::ZERO,
            then: Then::Keep,
            once: Once::Never,
            hits: Hits::default(),
        }
    }

    /// True for one that sends back whatever comes, as it comes, and does nothing else. On a framed stream it sends the
    /// frames back as they came, too.
    #[must_use]
    pub fn is_echo(&self) -> bool {
        let sends_back = matches!(&self.reply, Reply::Message(template) if template.is_what_came());
        self.when == When::Comes(Pattern::Any)
            && sends_back
            && (self.delay, self.then, self.once) == (Duration::ZERO, Then::Keep, Once::Never)
    }
}

impl Rules {
    /// These rules, in this order.
    #[must_use]
    pub fn new(rules: impl IntoIterator<Item = Arc<Rule>>) -> Self {
        Self(rules.into_iter().collect())
    }

    /// One rule: whatever comes goes back as it came.
    #[must_use]
    pub fn echo() -> Self {
        let reply = Reply::Message(Template::what_came());
        Self::new([Arc::new(Rule::new("echo", When::Comes(Pattern::Any), reply))])
    }

    /// The echo that answers whatever comes, where the first rule that waits for messages is one.
    #[must_use]
    pub fn only_echo(&self) -> Option<&Arc<Rule>> {
        self.iter().find(|rule| matches!(rule.when, When::Comes(_))).filter(|rule| rule.is_echo())
    }

    /// Whether nobody has set others since these were cloned.
    #[must_use]
    pub fn are(&self, clone: &Self) -> bool {
        Arc::ptr_eq(&self.0, &clone.0)
    }

    /// Whether a rule is still among them, as it was.
    #[must_use]
    pub fn have(&self, rule: &Arc<Rule>) -> bool {
        self.iter().any(|other| Arc::ptr_eq(other, rule) || (other.hits.is(&rule.hits) && other == rule))
    }

    /// The rules, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Rule>> {
        self.0.iter()
    }

    /// True where there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many steps a byte of a message may take until the rule is found that answers it: about 10 ns each at worst.
    #[must_use]
    pub fn weight(&self) -> usize {
        let weights = self.iter().map(|rule| match &rule.when {
            When::Comes(pattern) => pattern.weight(),
            When::Happens(_) => 0,
        });
        weights.sum()
    }

    /// The rule that answers a message: the first that matches, among those that are not spent.
    #[must_use]
    pub fn answer<'a, 'm>(
        &'a self,
        message: &'m [u8],
        is_spent: impl Fn(&Arc<Rule>) -> bool,
    ) -> Option<(&'a Arc<Rule>, Match<'m>)> {
        self.iter().find_map(|rule| match &rule.when {
            When::Comes(pattern) if !is_spent(rule) => Some((rule, pattern.find(message)?)),
            _ => None,
        })
    }

    /// The rule that answers a step of a connection's life: the first that waits for it, among those that are not spent.
    #[must_use]
    pub fn at(&self, moment: Moment, is_spent: impl Fn(&Arc<Rule>) -> bool) -> Option<&Arc<Rule>> {
        self.iter().find(|rule| rule.when == When::Happens(moment) && !is_spent(rule))
    }
}

/// The words of profiles.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accepted => "accepted",
            Self::Connected => "connected",
            Self::PeerClosed => "peer-closed",
        })
    }
}

impl fmt::Display for Then {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keep => "keep",
            Self::HalfClose => "half-close",
            Self::Close => "close",
        })
    }
}

impl fmt::Display for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Never => "never",
            Self::Connection => "connection",
            Self::Session => "session",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::Expression;

    fn rule(name: &str, pattern: Pattern) -> Arc<Rule> {
        Arc::new(Rule::new(name, When::Comes(pattern), Reply::Nothing))
    }

    #[test]
    fn the_first_that_matches_and_is_not_spent_answers() {
        let fallback = Rule::new("fallback", When::Comes(Pattern::Any), Reply::Nothing);
        let opened = Rule::new("greet", When::Happens(Moment::Accepted), Reply::Nothing);
        let rules = Rules::new([
            Arc::new(opened),
            rule("get", Pattern::Regex(Expression::capturing("^GET (.*)").unwrap())),
            rule("ok", Pattern::Contains((*b"OK").into())),
            Arc::new(fallback),
        ]);
        let answer = |message, spent: &str| {
            let (rule, found) = rules.answer(message, |rule| rule.name == spent).unwrap();
            (rule.name.as_str(), found.captures)
        };
        assert_eq!(answer(b"GET OK", ""), ("get", vec![&b"GET OK"[..], b"OK"]));
        assert_eq!(answer(b"GET OK", "get"), ("ok", vec![&b"OK"[..]]));
        assert_eq!(answer(b"", ""), ("fallback", vec![&b""[..]]));
        assert_eq!(rules.at(Moment::Accepted, |_| false).unwrap().name, "greet");
        assert_eq!(rules.at(Moment::PeerClosed, |_| false), None);
    }

    #[test]
    fn an_echo_does_nothing_else() {
        let new = |template| Rule::new("echo", When::Comes(Pattern::Any), Reply::Message(template));
        let echo = || new(Template::what_came());
        assert!(echo().is_echo());
        assert!(!new(Template::what_came().followed_by(b"\n")).is_echo() && !new(Template::of(vec![])).is_echo());
        assert!(!Rule { then: Then::Close, ..echo() }.is_echo());
        assert!(Rules::echo().only_echo().is_some());
        let echo = Arc::new(echo());
        let greet = Arc::new(Rule::new("greet", When::Happens(Moment::Accepted), Reply::Nothing));
        assert_eq!(Rules::new([greet, Arc::clone(&echo)]).only_echo(), Some(&echo));
        assert_eq!(Rules::new([rule("get", Pattern::Contains((*b"GET").into())), echo]).only_echo(), None);
    }

    #[test]
    fn a_rule_that_is_given_again_is_the_same_and_a_changed_one_is_another() {
        let old = rule("a", Pattern::Any);
        let again = |change: fn(&mut Rule)| {
            let mut rule = Rule { hits: old.hits.clone(), ..Rule::new("a", When::Comes(Pattern::Any), Reply::Nothing) };
            change(&mut rule);
            Rules::new([Arc::new(rule)])
        };
        assert!(again(|_| ()).have(&old));
        assert!(!again(|rule| rule.delay = Duration::from_secs(1)).have(&old));
        assert!(!Rules::new([rule("a", Pattern::Any)]).have(&old));
    }
}

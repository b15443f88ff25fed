//! A program that answers a message: the message on its standard input, the answer from its standard output.
//!
//! Owns how long it may take and how much it may say, and that its process group does not outlive the answer: it runs in
//! one of its own, which is killed as soon as the program has ended or is not wanted any more. What leaves the group, as
//! a daemon does, lives on, and is not heard any more: the answer is what was said until the program itself had ended.

use std::convert::Infallible;
use std::future::pending;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::coop::consume_budget;
use tokio::time::timeout;

use super::reply::in_bytes;
use crate::contract::format_duration;
use crate::engine::table::Table;
use crate::os::{self, File};

/// How much of what it says on its standard error is told where it fails, in bytes.
const TOLD: usize = 200;

/// How much is read at once, in bytes.
const CHUNK: usize = 16 * 1024;

/// The most that a pipe holds, in bytes, unless root made it larger: what may be left in it when the program has ended.
const PIPE: u64 = 1024 * 1024;

/// What to run, and its limits.
pub(super) struct Program {
    /// It and its arguments.
    pub(super) command: Vec<String>,
    /// Where it runs.
    pub(super) folder: PathBuf,
    /// How long it may take.
    pub(super) timeout: Duration,
    /// How many bytes it may say.
    pub(super) max: u64,
    /// Whom it answers, and who does: `SOCKBENCH_PEER` and `SOCKBENCH_LOCAL`.
    pub(super) peer: String,
    pub(super) local: String,
}

/// A program that runs. Dropping it kills its process group.
struct Running(Option<Child>);

impl Running {
    /// Waits until it has ended, and ends what it has left behind in its group.
    async fn ended(&mut self) -> io::Result<ExitStatus> {
        let Some(child) = &mut self.0 else { return Err(io::ErrorKind::NotFound.into()) };
        let leader = leader(child)?;
        let mut news = os::call("sigaction", || signal(SignalKind::child()))?;
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        while os::call("waitid", || Ok(waitid(Id::Pid(leader), flags)?))? == WaitStatus::StillAlive {
            news.recv().await;
        }
        // Nobody has taken note of its end yet, so that no other group can have its number.
        let _ = killpg(leader, Signal::SIGKILL);
        let status = os::call("wait4", || child.wait());
        self.0 = None;
        status
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take()
            && let Ok(leader) = leader(&child)
        {
            let _ = killpg(leader, Signal::SIGKILL);
            // It may wait for a disk before it dies. Where there is no thread, its end is noted when this program ends.
            let reap = move || os::call("wait4", || child.wait());
            let _ = os::spawn("reaper", reap);
        }
    }
}

fn leader(child: &Child) -> io::Result<Pid> {
    i32::try_from(child.id()).map(Pid::from_raw).map_err(io::Error::other)
}

/// Its standard input, output and error.
struct Pipes {
    stdin: Option<OwnedFd>,
    stdout: Option<OwnedFd>,
    stderr: Option<OwnedFd>,
}

/// Why there is no answer.
enum Failure {
    Read(io::Error),
    SaidTooMuch,
}

/// Runs it to its end, and gives what it said. Dropping the future kills it.
///
/// # Errors
/// Why there is no answer, in words that follow its name.
pub(super) async fn run(program: Program, message: Vec<u8>, table: &Table) -> Result<Vec<u8>, String> {
    let limit = program.timeout;
    let answer = timeout(limit, answer(program, message, table)).await;
    answer.unwrap_or_else(|_| Err(format!("took longer than {} and was killed", format_duration(limit))))
}

async fn answer(program: Program, message: Vec<u8>, table: &Table) -> Result<Vec<u8>, String> {
    let max = program.max;
    let failed_to_run = |error: io::Error| format!("can't be run: {error}");
    // Aside: the system may wait for a disk until the program is there. Ending waits, too, for one that comes when it is
    // not wanted any more is killed first.
    let started = table.aside(move || start(program)).await;
    let (mut running, pipes) = started.flatten().map_err(failed_to_run)?;
    let wait_to_feed = |fd| os::once("epoll_ctl", || Sender::from_owned_fd(fd));
    let stdin = pipes.stdin.map(wait_to_feed).transpose().map_err(failed_to_run)?;
    let mut stdout = Heard::of(pipes.stdout, max, usize::MAX).map_err(failed_to_run)?;
    let mut stderr = Heard::of(pipes.stderr, u64::MAX, TOLD).map_err(failed_to_run)?;
    let feed = async {
        if let Some(stdin) = stdin {
            // It need not read all of it.
            let _ = feed(stdin, &message).await;
        }
        pending::<Infallible>().await
    };
    let outcome = async {
        let hear = async {
            tokio::try_join!(stdout.hear(), stderr.hear())?;
            // It may go on without them.
            pending::<Result<Infallible, Failure>>().await
        };
        let status = tokio::select! {
            status = running.ended() => status.map_err(Failure::Read)?,
            failure = hear => match failure? {},
            never = feed => match never {},
        };
        // Who has left its group may keep them open.
        Ok((stdout.rest()?, stderr.rest()?, status))
    };
    match outcome.await {
        Err(Failure::SaidTooMuch) => {
            Err(format!("said more than {} and was killed", in_bytes(usize::try_from(max).unwrap_or(usize::MAX))))
        }
        Err(Failure::Read(error)) => Err(format!("can't be heard: {error}")),
        Ok((said, _, status)) if status.success() => Ok(said),
        Ok((_, told, status)) => Err(failed(status, &told)),
    }
}

fn start(program: Program) -> io::Result<(Running, Pipes)> {
    let Program { command, folder, peer, local, .. } = program;
    let (name, arguments) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut child = Command::new(name);
    let child = child
        .args(arguments)
        .current_dir(folder)
        .env("SOCKBENCH_PEER", peer)
        .env("SOCKBENCH_LOCAL", local)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    let mut child = os::call("posix_spawn", || child.spawn())?;
    let pipes = Pipes {
        stdin: child.stdin.take().map(OwnedFd::from),
        stdout: child.stdout.take().map(OwnedFd::from),
        stderr: child.stderr.take().map(OwnedFd::from),
    };
    Ok((Running(Some(child)), pipes))
}

/// Gives it its message.
async fn feed(stdin: Sender, mut message: &[u8]) -> io::Result<()> {
    while !message.is_empty() {
        // Who reads at once would have it go on without a pause, and no socket be served.
        consume_budget().await;
        match os::put("write", message, |bytes| stdin.try_write(bytes)) {
            Ok(len) => message = &message[len..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => stdin.writable().await?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What it says on one of its outputs.
struct Heard {
    from: Option<Receiver>,
    said: Vec<u8>,
    /// How much it may still say, in bytes.
    left: u64,
    /// How much of its end is kept, in bytes.
    kept: usize,
}

impl Heard {
    fn of(fd: Option<OwnedFd>, max: u64, kept: usize) -> io::Result<Self> {
        let wait_to_hear = |fd| os::once("epoll_ctl", || Receiver::from_owned_fd(fd));
        Ok(Self { from: fd.map(wait_to_hear).transpose()?, said: Vec::new(), left: max, kept })
    }

    /// Hears it until it ends.
    async fn hear(&mut self) -> Result<(), Failure> {
        let mut chunk = vec![0; CHUNK];
        while let Some(from) = &mut self.from {
            // Who writes without end would have it go on without a pause, and no socket be served.
            consume_budget().await;
            match os::get("read", &mut chunk, |chunk| from.try_read(chunk)) {
                Ok(0) => self.from = None,
                Ok(len) => self.take(&chunk[..len])?,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    from.readable().await.map_err(Failure::Read)?;
                }
                Err(error) => return Err(Failure::Read(error)),
            }
        }
        Ok(())
    }

    /// All of it, with what is in the pipe now. Never waits.
    fn rest(mut self) -> Result<Vec<u8>, Failure> {
        if let Some(from) = self.from.take() {
            // Read by the descriptor itself, for tokio may not know yet that there is something.
            let pipe = File::from(from.into_nonblocking_fd().map_err(Failure::Read)?);
            let mut rest = Vec::new();
            match pipe.take(PIPE).read_to_end(&mut rest) {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(Failure::Read(error)),
                _ => self.take(&rest)?,
            }
        }
        Ok(self.said)
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.left = self.left.checked_sub(bytes.len() as u64).ok_or(Failure::SaidTooMuch)?;
        self.said.extend_from_slice(bytes);
        self.said.drain(..self.said.len().saturating_sub(self.kept));
        Ok(())
    }
}

fn failed(status: ExitStatus, told: &[u8]) -> String {
    let how = match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with status {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    };
    let told = String::from_utf8_lossy(told);
    let told = told.trim();
    if told.is_empty() { how } else { format!("{how}: {told}") }
}

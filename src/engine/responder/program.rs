//! A program that answers a message: the message on its standard input, the answer from its standard output.
//!
//! Owns how long it may take and how much it may say, and that nothing of it outlives the answer: it runs in a process
//! group of its own, which is killed as soon as the program has ended or is not wanted any more.

use std::convert::Infallible;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::reply::in_bytes;
use crate::contract::format_duration;

/// How much of what it says on its standard error is told where it fails, in bytes.
const TOLD: usize = 200;

/// How much is read at once, in bytes.
const CHUNK: usize = 16 * 1024;

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

/// A process group. Dropping it kills all of it.
struct Group(Option<Pid>);

impl Group {
    fn kill(&mut self) {
        if let Some(leader) = self.0.take() {
            // One that has ended is no failure.
            let _ = killpg(leader, Signal::SIGKILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
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
pub(super) async fn run(program: Program, message: Vec<u8>) -> Result<Vec<u8>, String> {
    let (limit, max) = (program.timeout, program.max);
    // On a thread of its own: the system may wait for a disk until the program is there.
    let (mut child, mut group) = match spawn_blocking(move || start(program)).await {
        Ok(started) => started.map_err(|error| format!("can't be run: {error}"))?,
        Err(panic) => return Err(format!("can't be run: {panic}")),
    };
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async {
        if let Some(mut stdin) = stdin {
            // It need not read all of it.
            let _ = stdin.write_all(&message).await;
        }
        std::future::pending::<Infallible>().await
    };
    let ended = async {
        let status = child.wait().await.map_err(Failure::Read);
        // What it has left behind would keep its output open.
        group.kill();
        status
    };
    let outcome = async { tokio::try_join!(read_all(stdout, max), read_tail(stderr), ended) };
    let outcome = async {
        tokio::select! {
            outcome = outcome => outcome,
            never = feed => match never {},
        }
    };
    match timeout(limit, outcome).await {
        Err(_) => Err(format!("took longer than {} and was killed", format_duration(limit))),
        Ok(Err(Failure::SaidTooMuch)) => {
            Err(format!("said more than {} and was killed", in_bytes(usize::try_from(max).unwrap_or(usize::MAX))))
        }
        Ok(Err(Failure::Read(error))) => Err(format!("can't be heard: {error}")),
        Ok(Ok((said, _, status))) if status.success() => Ok(said),
        Ok(Ok((_, told, status))) => Err(failed(status, &told)),
    }
}

fn start(program: Program) -> io::Result<(Child, Group)> {
    let Program { command, folder, peer, local, .. } = program;
    let (name, arguments) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let child = Command::new(name)
        .args(arguments)
        .current_dir(folder)
        .env("SOCKBENCH_PEER", peer)
        .env("SOCKBENCH_LOCAL", local)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()?;
    let leader = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
    Ok((child, Group(leader)))
}

/// All that is said, unless that is too much.
async fn read_all(from: Option<impl AsyncRead + Unpin>, max: u64) -> Result<Vec<u8>, Failure> {
    let mut said = Vec::new();
    let Some(from) = from else { return Ok(said) };
    from.take(max.saturating_add(1)).read_to_end(&mut said).await.map_err(Failure::Read)?;
    if said.len() as u64 > max { Err(Failure::SaidTooMuch) } else { Ok(said) }
}

/// The end of what is said.
async fn read_tail(from: Option<impl AsyncRead + Unpin>) -> Result<Vec<u8>, Failure> {
    let mut tail = Vec::new();
    let Some(mut from) = from else { return Ok(tail) };
    let mut chunk = vec![0; CHUNK];
    loop {
        let len = from.read(&mut chunk).await.map_err(Failure::Read)?;
        if len == 0 {
            return Ok(tail);
        }
        tail.extend_from_slice(&chunk[..len]);
        tail.drain(..tail.len().saturating_sub(TOLD));
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

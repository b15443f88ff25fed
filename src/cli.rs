//! The command line's shape.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_mangen::Man;

use crate::contract::{Rotation, parse_duration, parse_size};

/// A workbench for sockets that lives in the terminal.
///
/// Opens each endpoint that is given, such as `tcp-listen://127.0.0.1:7788` or `udp-bind://127.0.0.1:0`, side by side.
/// `sockbench list endpoints` shows them all, with their options.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// What to do without the workbench.
    #[command(subcommand)]
    pub command: Option<Subcommands>,
    /// What the workbench starts with.
    #[command(flatten)]
    pub workbench: Workbench,
}

/// What the workbench starts with.
#[derive(Debug, Args)]
pub struct Workbench {
    /// Load this profile: a path, or the name of a profile in the profile folder
    #[arg(short, long)]
    pub profile: Option<String>,
    /// What to open, as `scheme://address?option=value`
    #[arg(value_name = "ENDPOINT")]
    pub endpoints: Vec<String>,
    /// Options of every command that keeps a log.
    #[command(flatten)]
    pub common: Common,
}

/// Options of every command that keeps a log.
#[derive(Debug, Args)]
pub struct Common {
    /// What every command begins with.
    #[command(flatten)]
    pub start: Start,
    /// What the log may hold in memory, such as 256MiB
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub memory: Option<u64>,
    /// Record all sockets into this new pcapng file, which Wireshark and tshark read
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Go on in another file (FILE-2, FILE-3 and so on) at this size or age, such as 64MiB or 5m
    #[arg(long, value_name = "SIZE|DURATION")]
    pub record_rotate: Option<Rotation>,
    /// Give `{{NAME}}` in payloads this value, before what the profile gives it
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_variable)]
    pub set: Vec<(String, String)>,
}

/// The two sides of `NAME=VALUE`.
fn parse_variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a variable is given as NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Options of every command that opens sockets.
#[derive(Debug, Args)]
pub struct Start {
    /// Read this configuration instead of the usual one
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Write the program's own diagnostics to this file
    #[arg(long, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
}

/// What there is besides the workbench.
#[derive(Debug, Subcommand)]
pub enum Subcommands {
    /// No screen: open every socket of a profile and print the log
    Run(Run),
    /// No screen: run scenarios of a profile, and tell a verdict on each
    ///
    /// Each scenario has sockets of its own: those that the profile opens by itself are open before its first step, but
    /// for those that it opens itself, and all are closed after its last. What is told on standard output is the verdicts,
    /// with a report below each that failed: the step, what was wanted, what came, and when.
    ///
    /// The exit status is 0 when all passed, 1 when one failed, 2 for a wrong profile or a scenario that there is not,
    /// and 128 and its number after a signal.
    Test(Test),
    /// Open a log: a recording or capture (pcapng, pcap), or what was exported or printed as jsonl
    ///
    /// Its sockets stand in the list as closed. What they sent or received can be replayed to sockets that are opened
    /// beside it.
    Log(Log),
    /// Standard input to a socket, and the socket to standard output: raw bytes and nothing else
    ///
    /// A listener serves one connection, the first, and ends with it. The end of input is FIN, and what the peer still
    /// sends is written; then it ends. Where the peer ends first, the endpoint's after-fin says how long it can still
    /// be sent to. Each read of standard input is one datagram where the socket has datagrams; they end a second after
    /// the end of input without traffic, or as --for or idle-timeout say.
    ///
    /// The exit status is 0 after a clean end, 1 after a broken connection, 2 for a wrong endpoint, 3 when the socket
    /// can't be opened, and 128 and its number after a signal.
    Pipe(Pipe),
    /// Tables of what there is, from the program's own definitions
    List {
        /// Which table
        table: Table,
    },
    /// A completion script for a shell, on standard output
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
    /// The manual page, on standard output
    Man,
}

/// `run`: the bench without a screen.
#[derive(Debug, Args)]
pub struct Run {
    /// A path, or the name of a profile in the profile folder
    pub profile: String,
    /// How the log is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// End after this time, such as 250ms, 5s or 2m
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    pub duration: Option<Duration>,
    /// End with status 3 when one socket can't be opened, instead of going on with the others
    #[arg(long)]
    pub strict: bool,
    /// Options of every command that keeps a log.
    #[command(flatten)]
    pub common: Common,
}

/// `test`: scenarios without a screen.
#[derive(Debug, Args)]
pub struct Test {
    /// A path, or the name of a profile in the profile folder
    pub profile: String,
    /// Which scenarios; all of them where none is named
    #[arg(value_name = "SCENARIO")]
    pub scenarios: Vec<String>,
    /// How verdicts are told
    #[arg(long, value_enum, default_value_t = TestFormat::Text)]
    pub format: TestFormat,
    /// How long each scenario may take, such as 250ms, 5s or 2m, in place of what the profile says
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub timeout: Option<Duration>,
    /// Options of every command that keeps a log.
    #[command(flatten)]
    pub common: Common,
}

/// `log`: the workbench over a file.
#[derive(Debug, Args)]
pub struct Log {
    /// The capture or log
    pub file: PathBuf,
    /// What to open beside it, as `scheme://address?option=value`
    #[arg(value_name = "ENDPOINT")]
    pub endpoints: Vec<String>,
    /// Options of every command that keeps a log.
    #[command(flatten)]
    pub common: Common,
}

/// `pipe`: one socket between standard input and standard output.
#[derive(Debug, Args)]
pub struct Pipe {
    /// What to open, as `scheme://address?option=value`
    pub endpoint: String,
    /// End after this time, such as 250ms, 5s or 2m
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    pub duration: Option<Duration>,
    /// Send this file instead of standard input
    #[arg(long, value_name = "FILE")]
    pub send: Option<PathBuf>,
    /// Tell totals and rates on standard error once a second
    #[arg(long)]
    pub progress: bool,
    /// What every command begins with.
    #[command(flatten)]
    pub start: Start,
}

/// How `run` prints the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A line a row, for reading
    Text,
    /// The bytes of each message in hex and text
    Hexdump,
    /// A JSON object a line, for programs
    Jsonl,
    /// Nothing
    None,
}

/// How `test` tells verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TestFormat {
    /// A line a scenario, for reading
    Text,
    /// The Test Anything Protocol, version 14
    Tap,
    /// The XML of JUnit, for build servers
    Junit,
}

/// The tables of `list`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Table {
    /// Schemes and their options
    Endpoints,
    /// What the user can do in the workbench, with the keys
    Actions,
    /// The checksums that a payload can end in
    Checksums,
    /// How the workbench can look
    Themes,
}

/// The exit statuses, as the manual page has them.
const STATUSES: &str = ".SH \"EXIT STATUS\"\n0 done, 1 a scenario failed, a pipe's connection broke or nobody took what \
                        it sent, 2 wrong usage or an invalid file, 3 no socket could be opened, 128+n ended by signal n.\n";

/// The manual page, which has the commands in it, too.
///
/// # Errors
/// None: it is written to memory.
pub fn manual() -> io::Result<String> {
    let mut program = Cli::command();
    program.build();
    let page = Man::new(program.clone());
    let mut out = Vec::new();
    page.render_title(&mut out)?;
    page.render_name_section(&mut out)?;
    page.render_synopsis_section(&mut out)?;
    page.render_description_section(&mut out)?;
    page.render_options_section(&mut out)?;
    writeln!(out, ".SH COMMANDS")?;
    for command in program.get_subcommands().filter(|command| command.get_name() != "help") {
        writeln!(out, ".SS \"sockbench {}\"", command.get_name())?;
        let command = Man::new(command.clone());
        let mut sections = Vec::new();
        command.render_description_section(&mut sections)?;
        command.render_options_section(&mut sections)?;
        // They are parts of this page.
        let sections = String::from_utf8_lossy(&sections);
        for line in sections.lines().filter(|line| !line.starts_with(".SH")) {
            writeln!(out, "{line}")?;
        }
    }
    write!(out, "{STATUSES}")?;
    page.render_version_section(&mut out)?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_page_has_every_command_and_sends_to_no_other_page() {
        let page = manual().unwrap();
        assert_eq!(page.matches(".TH").count(), 1, "{page}");
        assert!(!page.contains("(1)"), "{page}");
        for command in Cli::command().get_subcommands() {
            assert!(page.contains(&format!(".SS \"sockbench {}\"", command.get_name())), "{page}");
        }
        assert!(page.contains("\\-\\-strict") && page.contains("\\-\\-progress"), "{page}");
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn endpoints_and_subcommands_are_told_apart() {
        let cli = Cli::parse_from(["sockbench", "-p", "lab", "tcp://127.0.0.1:1", "udp://127.0.0.1:2"]);
        assert_eq!(cli.workbench.endpoints.len(), 2);
        let cli = Cli::parse_from(["sockbench", "run", "lab", "--for", "250ms", "--format", "jsonl"]);
        let Some(Subcommands::Run(run)) = cli.command else { panic!("run is a subcommand") };
        assert_eq!(run.duration, Some(Duration::from_millis(250)));
    }

    #[test]
    fn a_pipe_keeps_no_log_and_records_nothing() {
        for option in ["--memory=1MiB", "--record=a.pcapng", "--record-rotate=5m", "--set=a=b"] {
            assert!(Cli::try_parse_from(["sockbench", "run", "lab", option]).is_ok(), "{option}");
            assert!(Cli::try_parse_from(["sockbench", "pipe", "tcp://127.0.0.1:1", option]).is_err(), "{option}");
        }
    }

    #[test]
    fn a_variable_is_a_name_and_all_behind_the_first_sign() {
        let cli = Cli::parse_from(["sockbench", "--set", "a=b=c", "--set", "d="]);
        let given = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(cli.workbench.common.set, [given("a", "b=c"), given("d", "")]);
        assert!(Cli::try_parse_from(["sockbench", "--set", "a"]).is_err());
    }
}

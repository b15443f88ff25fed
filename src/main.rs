//! The command line of sockbench: parses it, runs what it asks for, prints the error.

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use nix::errno::Errno;
use sockbench::cli::{self, Cli, Subcommands, Table};
use sockbench::outcome::Outcome;
use sockbench::{app, headless, listing};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        None => app::run(&cli.workbench),
        Some(Subcommands::Run(run)) => headless::run(&run),
        Some(Subcommands::Test(test)) => headless::test::run(&test),
        Some(Subcommands::Log(log)) => app::open_log(&log),
        Some(Subcommands::Pipe(pipe)) => headless::pipe::run(&pipe),
        Some(Subcommands::List { table: Table::Endpoints }) => print(&listing::endpoints()),
        Some(Subcommands::List { table: Table::Actions }) => print(&listing::actions_table()),
        Some(Subcommands::List { table: Table::Checksums }) => print(&listing::checksums()),
        Some(Subcommands::List { table: Table::Themes }) => print(&listing::themes()),
        Some(Subcommands::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "sockbench", &mut script);
            print(&String::from_utf8_lossy(&script))
        }
        Some(Subcommands::Man) => cli::manual().map_err(Into::into).and_then(|page| print(&page)),
    };
    match outcome {
        Ok(outcome) => {
            if let Some(message) = outcome.message() {
                complain(message);
            }
            ExitCode::from(outcome.status())
        }
        Err(error) => {
            let hint = if is_out_of_descriptors(&error) { "; raise the limit with `ulimit -n`" } else { "" };
            complain(&format!("sockbench: {error:#}{hint}"));
            ExitCode::from(1)
        }
    }
}

/// Whether it failed because the process may open nothing more.
fn is_out_of_descriptors(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.raw_os_error() == Some(Errno::EMFILE as i32))
}

/// Says on standard error what is wrong. Where nobody can read it any more, the exit status still tells.
fn complain(message: &str) {
    let _ = writeln!(std::io::stderr(), "{message}");
}

/// Prints a table; a reader that has seen enough, such as `head`, is no error.
fn print(text: &str) -> anyhow::Result<Outcome> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(Outcome::Done),
    }
}

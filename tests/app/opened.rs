//! Logs that are opened from a file, and replayed to real programs.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::session::{ENTER, Home};

/// A web server of Python over an empty folder, and where it listens.
struct WebServer {
    child: Child,
    endpoint: String,
    _folder: tempfile::TempDir,
}

impl WebServer {
    fn start() -> Self {
        let script = "import http.server as h\n\
                      s = h.HTTPServer(('127.0.0.1', 0), h.SimpleHTTPRequestHandler)\n\
                      print(s.server_address[1], flush=True)\n\
                      s.serve_forever()";
        let mut command = Command::new("python3");
        let folder = tempfile::tempdir().unwrap();
        let command = command.args(["-c", script]).current_dir(folder.path());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, endpoint: format!("tcp://127.0.0.1:{}", line.trim()), _folder: folder }
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn capture(name: &str) -> String {
    format!("{}/tests/captures/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_capture_is_opened_filtered_and_replayed_to_the_program_it_is_of() {
    let home = Home::new();
    let server = WebServer::start();
    let mut session = home.start(&["log", &capture("http.pcap"), &server.endpoint]);
    session.wait_for("http.pcap is read");
    session.wait_for("connected to 127.0.0.1:18082");
    session.keys("/");
    session.keys(&format!("none dir:tx{ENTER}"));
    session.wait_for("GET /none HTTP/1.1");
    session.keys("R");
    session.wait_for("Enter sends 1 message");
    session.keys(ENTER);
    session.wait_for("replayed 1 message to client");
    // The server is asked again, and answers as it did.
    session.keys("\x1b");
    session.wait_until("the new answer", |screen| {
        screen.contents().lines().any(|line| line.contains("RX client") && line.contains("HTTP/1.0 404"))
    });
    session.quit();
}

#[test]
fn a_file_that_is_no_log_is_told_before_the_screen_is_taken() {
    let output = Command::new(env!("CARGO_BIN_EXE_sockbench")).args(["log", "/dev/null"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(told, "sockbench: /dev/null is not opened: it is empty: there is nothing to open.\n");
    let output = Command::new(env!("CARGO_BIN_EXE_sockbench")).args(["log", "/no/such/file"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("No such file or directory"));
}

//! What the screen asks of the machine: names of hosts, folders, network interfaces.

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use crate::os;
use crate::ui::{FolderEntry, Surroundings};

/// The addresses of a host's name, in the order in which they are tried, or why there are none.
pub(super) async fn look_up(host: String) -> (String, Result<Vec<IpAddr>, String>) {
    let name = host.clone();
    let found = os::aside(move || os::getaddrinfo(&name, 0)).await.flatten();
    let answer = match found {
        Ok(found) => Ok(found.iter().map(SocketAddr::ip).collect()),
        Err(error) => {
            let words = error.to_string();
            let unknown = ["name or service not known", "name does not resolve"].contains(&words.as_str());
            Err(if unknown { "no such name".to_owned() } else { words })
        }
    };
    (host, answer)
}

/// Where what the log may not hold in memory goes: `TMPDIR`, or the folder for files that are too large for `/tmp`, which
/// often is memory itself.
pub(super) fn spill_folder() -> PathBuf {
    let chosen = std::env::var_os("TMPDIR").map(PathBuf::from).filter(|folder| folder.is_dir());
    let large = || Some(PathBuf::from("/var/tmp")).filter(|folder| folder.is_dir());
    chosen.or_else(large).unwrap_or_else(std::env::temp_dir)
}

/// What forms must know of this machine.
pub(super) fn surroundings() -> Surroundings {
    let interfaces = nix::net::if_::if_nameindex()
        .map(|found| found.iter().map(|interface| interface.name().to_string_lossy().into_owned()).collect());
    let folder = std::env::var("XDG_RUNTIME_DIR").ok().filter(|folder| Path::new(folder).is_dir());
    let default = Surroundings::default();
    Surroundings { interfaces: interfaces.unwrap_or_default(), socket_folder: folder.unwrap_or(default.socket_folder) }
}

/// What is in a folder, as far as its names are text that can be typed. The disk may take its time to tell.
pub(super) async fn list_folder(path: PathBuf) -> (PathBuf, io::Result<Vec<FolderEntry>>) {
    let folder = path.clone();
    let listed = os::aside(move || entries(&folder)).await.flatten();
    (path, listed)
}

fn entries(path: &Path) -> io::Result<Vec<FolderEntry>> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let entries = fs::read_dir(path)?.flatten().filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        // A link to a folder is one as well.
        let is_folder = fs::metadata(entry.path()).is_ok_and(|metadata| metadata.is_dir());
        Some(FolderEntry { name, is_folder })
    });
    Ok(entries.collect())
}

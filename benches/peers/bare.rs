//! Bare tokio loops, each in a process of its own: this program once more.

use std::io::Read;
use std::net::{Ipv4Addr, TcpListener as StdListener, UdpSocket};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, LocalOptions};
use tokio::task::spawn_local;

/// Lives as one of them until it is ended.
pub(crate) fn be(mode: &str, port: u16) {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default()).expect("runtime");
    match mode {
        // What stands in for the program in C where there is no compiler.
        "discard" => {
            let listener = StdListener::bind((Ipv4Addr::LOCALHOST, port)).expect("bind");
            let (mut stream, _) = listener.accept().expect("accept");
            let mut buffer = vec![0; 64 * 1024];
            while stream.read(&mut buffer).expect("read") > 0 {}
        }
        "datagrams" => {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).expect("bind");
            socket2::SockRef::from(&socket).set_recv_buffer_size(4 << 20).expect("buffer");
            while socket.recv(&mut [0; 2048]).is_ok() {}
        }
        "tokio-discard" => runtime.block_on(serve(port, 64 * 1024, false)),
        "tokio-accept" => runtime.block_on(serve(port, 1024, false)),
        _ => runtime.block_on(serve(port, 4 * 1024, true)),
    }
}

/// Each connection has a buffer of its own, of so many bytes.
async fn serve(port: u16, size: usize, echoes: bool) {
    let listener = tokio::net::TcpSocket::new_v4().expect("socket");
    listener.set_reuseaddr(true).expect("option");
    listener.bind((Ipv4Addr::LOCALHOST, port).into()).expect("bind");
    let listener: TcpListener = listener.listen(4096).expect("listen");
    loop {
        let (mut stream, _) = listener.accept().await.expect("accept");
        spawn_local(async move {
            let _ = stream.set_nodelay(true);
            let mut buffer = vec![0; size];
            while let Ok(len @ 1..) = stream.read(&mut buffer).await {
                if echoes && stream.write_all(&buffer[..len]).await.is_err() {
                    break;
                }
            }
        });
    }
}

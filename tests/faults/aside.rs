//! Work beside, where threads hang and no more can be started.

use std::sync::PoisonError;
use std::sync::mpsc::channel;
use std::time::Duration;

use nix::errno::Errno;
use sockbench::contract::{NetError, Operation};
use sockbench::os;
use sockbench::os::fault::{Comes, Fault, arm};
use tokio::runtime::Builder;
use tokio::time::timeout;

use super::ALONE;

#[test]
fn work_waits_behind_no_thread_that_hangs_and_its_failure_tells_errno_and_limits() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let (let_go, hangs) = channel::<()>();
        let (begins, begun) = channel();
        let hanging = tokio::spawn(os::aside(move || {
            begins.send(()).unwrap();
            let _ = hangs.recv();
        }));
        while begun.try_recv().is_err() {
            tokio::task::yield_now().await;
        }
        let comes = Comes::Error(Errno::EAGAIN as i32);
        let armed = arm(Some(Fault { call: "clone", first: 0, count: u32::MAX, comes }));
        let refused = timeout(Duration::from_secs(5), os::aside(|| ())).await.expect("it waits").unwrap_err();
        drop(armed);
        let error = NetError::from_io(Operation::Getaddrinfo, Some("name".to_owned()), &refused);
        assert_eq!(error.code().as_deref(), Some("EAGAIN"));
        for told in [refused.to_string(), error.to_string()] {
            assert!(told.contains("no thread") && told.contains("ulimit -u") && told.contains("pids.max"), "{told}");
        }
        os::aside(|| ()).await.unwrap();
        drop(let_go);
        hanging.await.unwrap().unwrap();
    });
}

//! A disk that is full, or a file that may not grow: the agent waits, nothing is
//! lost, nothing is doubled.

use std::path::Path;

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tenure_host::{LaunchSpec, launch};

use crate::fixture::{Fixture, exited, until};

#[tokio::test]
async fn a_spool_that_cannot_grow_goes_on_when_it_can() {
    let fixture = Fixture::new();
    let shim = fixture.launch("line lines 3000 99 say done").await;
    let pid = Pid::from_raw(shim.identity().shim.pid);
    let limit = |current| Rlimit { current, maximum: None };
    prlimit(pid, Resource::Fsize, limit(Some(100_050))).expect("a limit");
    crate::fixture::send(&shim, 1, "\n").await;
    let status = until(&shim, "the error", |status| status.spool_error.is_some()).await;
    assert_eq!(status.spool_error, Some(libc::EFBIG));
    assert!(status.spool_end <= 100_050 && shim.identity().agent.is_alive());
    prlimit(pid, Resource::Fsize, limit(None)).expect("no limit");
    let exit = exited(&shim).await;
    let lines = fixture.lines(exit.spool_end);
    assert_eq!(lines.len(), 3001);
    assert!(lines[..3000].iter().enumerate().all(|(i, line)| *line == format!("{i:099}")));
    assert!(!exit.spool_lost);
}

/// A file system of one megabyte, for as long as the value lives.
struct Tiny<'a>(&'a Path);

impl Tiny<'_> {
    fn mount(path: &Path) -> Option<Tiny<'_>> {
        use rustix::mount::{MountFlags, mount};
        std::fs::create_dir(path).expect("a directory");
        match mount("tmpfs", path, "tmpfs", MountFlags::empty(), c"size=1m,mode=700") {
            Ok(()) => Some(Tiny(path)),
            Err(errno) => {
                crate::fixture::note(&format!("skipped: no file system can be mounted here: {errno}"));
                None
            }
        }
    }
}

impl Drop for Tiny<'_> {
    fn drop(&mut self) {
        let _ = rustix::mount::unmount(self.0, rustix::mount::UnmountFlags::DETACH);
    }
}

#[tokio::test]
async fn a_full_disk_makes_the_agent_wait_and_hides_no_exit() {
    let fixture = Fixture::new();
    let disk = fixture.path().join("disk");
    let Some(_mounted) = Tiny::mount(&disk) else { return };
    let filler = disk.join("filler");
    std::fs::write(&filler, vec![0; 500_000]).expect("a filler");
    let spec = LaunchSpec { dir: disk.join("shim"), ..fixture.spec("lines 10000 99 err bye exit 6") };
    let shim = launch(spec).await.expect("an agent");
    let status = until(&shim, "the error", |status| status.spool_error.is_some()).await;
    assert_eq!(status.spool_error, Some(libc::ENOSPC));
    std::fs::remove_file(&filler).expect("some room");
    until(&shim, "more", |now| now.spool_end > status.spool_end).await;
    let status = until(&shim, "the error again", |status| status.spool_error.is_some()).await;
    // Nothing makes room now: the exit is told all the same, with what was lost.
    shim.kill();
    let exit = exited(&shim).await;
    assert!(exit.spool_lost && exit.spool_end >= status.spool_end, "{exit:?}");
    let mut reader = tenure_host::spool::SpoolReader::open(&disk.join("shim"), 0).expect("a spool");
    let mut at = 0;
    while reader.offset() < exit.spool_end {
        for line in reader.read(exit.spool_end, 1 << 16).expect("lines") {
            let wanted = tenure_host::spool::LineKind::Line(format!("{at:099}").into());
            assert_eq!(line.kind, wanted);
            at += 1;
        }
    }
    assert!(at > 8000, "{at} lines");
}

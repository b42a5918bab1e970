//! Becoming a shim: own session, subreaper, the lock, the socket, the files.

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{AtFlags, CWD, FallocateFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use tenure_crash_point::crash_point;

use super::agent::{self, Agent};
use super::order::{Order, StartFailure};
use super::stderr::StderrRing;
use crate::clock;
use crate::process::PidRef;
use crate::protocol;
use crate::record::{IDENTITY_FILE, LOCK_FILE, LOST_FILE, SOCKET_FILE, ShimIdentity};
use crate::spool::{SPOOL_DIR, SpoolWriter};

/// The exit record under way. Its blocks are reserved at start, so that a full
/// disk cannot keep the exit from being told.
pub(crate) const EXIT_PART: &str = "exit.part";
const EXIT_RESERVE: u64 = 64 * 1024;
/// Who looks whether a shim lives holds its lock for an instant.
const LOCK_TRIES: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// A process that is ready to take an order.
pub(crate) struct Prepared {
    pub(crate) dir: OwnedFd,
    /// The directory by its descriptor: of any depth, wherever it is moved.
    pub(crate) at: PathBuf,
    pub(crate) signals: OwnedFd,
    pub(crate) listener: OwnedFd,
    _lock: OwnedFd,
}

/// A started agent, with the files that it is kept in.
pub(crate) struct Started {
    pub(crate) identity: ShimIdentity,
    pub(crate) agent: Agent,
    pub(crate) spool: SpoolWriter,
    pub(crate) ring: StderrRing,
    pub(crate) keep_children: bool,
}

/// Makes this process a shim of the directory.
pub(crate) fn prepare(dir: &Path) -> Result<Prepared, StartFailure> {
    let failed = |doing: &'static str| move |errno: Errno| StartFailure::system(doing, errno);
    let signals = become_parent(c"tenure-shim")?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let dir = rustix::fs::openat(CWD, dir, flags, Mode::empty()).map_err(failed("open the directory"))?;
    let at = PathBuf::from(format!("/proc/self/fd/{}", dir.as_raw_fd()));
    let lock = take_lock(&dir)?;
    if rustix::fs::accessat(&dir, LOST_FILE, rustix::fs::Access::EXISTS, AtFlags::empty()).is_ok() {
        return Err(StartFailure::Held);
    }
    let listener = listen(&dir, &at).map_err(failed("listen on the socket"))?;
    Ok(Prepared { dir, at, signals, listener, _lock: lock })
}

/// What every kind of shim is: a session of its own, the parent of all orphans below it, and a
/// reader of its signals, which come by the descriptor.
pub(crate) fn become_parent(name: &std::ffi::CStr) -> Result<OwnedFd, StartFailure> {
    close_inherited();
    let signals = signal_fd().map_err(|e| StartFailure::system("watch for signals", e))?;
    // Refused only if this process leads a group already, which serves as well.
    let _ = rustix::process::setsid();
    let _ = rustix::thread::set_name(name);
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
        .map_err(|e| StartFailure::system("become a subreaper", e))?;
    Ok(signals)
}

impl Prepared {
    /// Starts the agent and writes down who runs.
    pub(crate) fn start(&mut self, order: Order) -> Result<Started, StartFailure> {
        let failed = |doing: &'static str| move |errno: Errno| StartFailure::system(doing, errno);
        match rustix::fs::mkdirat(&self.dir, SPOOL_DIR, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(failed("make the spool")(errno)),
        }
        let ring = StderrRing::create(&self.dir).map_err(failed("make the files for standard error"))?;
        self.reserve_exit().map_err(failed("reserve the exit record"))?;
        let agent = agent::start(&order)?;
        crash_point!("shim.agent_started");
        let own = PidRef::own().ok_or_else(|| StartFailure::system("read /proc", Errno::SRCH))?;
        let identity = ShimIdentity {
            protocol: protocol::VERSION,
            shim: own,
            agent: agent.process.clone(),
            started_at_ms: clock::wall_ms(),
            limits: order.limits,
            cgroup: agent.cgroup.clone(),
        };
        if let Err(error) = self.write_identity(&identity) {
            // Nobody could ever find it again. It dies with this process, too.
            let _ = agent.process.signal(rustix::process::Signal::KILL);
            return Err(StartFailure::system("write shim.json", error));
        }
        let spool = SpoolWriter::new(&self.at, order.limits);
        Ok(Started { identity, agent, spool, ring, keep_children: order.keep_children })
    }

    fn reserve_exit(&self) -> rustix::io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC;
        let part = rustix::fs::openat(&self.dir, EXIT_PART, flags, Mode::RUSR | Mode::WUSR)?;
        match rustix::fs::fallocate(&part, FallocateFlags::empty(), 0, EXIT_RESERVE) {
            // Some file systems cannot reserve; then the record takes its chance.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) | Ok(()) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    fn write_identity(&self, identity: &ShimIdentity) -> std::io::Result<()> {
        const PART: &str = "shim.part";
        let text = serde_json::to_vec(identity)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
        let part = rustix::fs::openat(&self.dir, PART, flags, Mode::RUSR | Mode::WUSR)?;
        std::io::Write::write_all(&mut std::fs::File::from(part), &text)?;
        Ok(rustix::fs::renameat(&self.dir, PART, &self.dir, IDENTITY_FILE)?)
    }
}

fn take_lock(dir: &OwnedFd) -> Result<OwnedFd, StartFailure> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC;
    let lock = rustix::fs::openat(dir, LOCK_FILE, flags, Mode::RUSR | Mode::WUSR)
        .map_err(|e| StartFailure::system("open the lock file", e))?;
    for _ in 0..LOCK_TRIES {
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(lock),
            Err(Errno::WOULDBLOCK) => std::thread::sleep(LOCK_PAUSE),
            Err(errno) => return Err(StartFailure::system("take the lock", errno)),
        }
    }
    Err(StartFailure::Held)
}

/// The name goes through the directory's descriptor: a socket's own path may have
/// 107 bytes only.
fn listen(dir: &OwnedFd, at: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    match rustix::fs::unlinkat(dir, SOCKET_FILE, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(errno) => return Err(errno),
    }
    let address = SocketAddrUnix::new(at.join(SOCKET_FILE))?;
    rustix::net::bind(&socket, &address)?;
    rustix::fs::chmodat(dir, SOCKET_FILE, Mode::RUSR | Mode::WUSR, AtFlags::empty())?;
    rustix::net::listen(&socket, 8)?;
    Ok(socket)
}

/// After the report the launcher's pipes are let go, so that it sees their end.
pub(crate) fn leave_standard_streams() {
    let flags = OFlags::RDWR | OFlags::CLOEXEC;
    if let Ok(null) = rustix::fs::openat(CWD, "/dev/null", flags, Mode::empty()) {
        let _ = rustix::stdio::dup2_stdin(&null);
        let _ = rustix::stdio::dup2_stdout(&null);
    }
}

/// Closes what a launcher may have leaked: a lock kept open here would outlive it.
#[expect(unsafe_code, reason = "close_range has no safe form: it takes descriptors from their owners")]
fn close_inherited() {
    // SAFETY: called first in main; nothing in this process owns a descriptor above
    // the standard three yet.
    unsafe { libc::syscall(libc::SYS_close_range, 3u32, u32::MAX, 0u32) };
}

/// A descriptor that tells of children that ended and of requests to end. A write
/// over a file size limit must be an error like any other, not a death.
#[expect(unsafe_code, reason = "signal masks and signalfd are not in rustix's interface")]
fn signal_fd() -> std::io::Result<OwnedFd> {
    use std::os::fd::FromRawFd;
    const SIGNALS: [libc::c_int; 6] =
        [libc::SIGCHLD, libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGXFSZ, libc::SIGPIPE];
    // SAFETY: an all-zero signal set is valid; the set outlives the calls, which
    // touch only it and this thread's mask. The descriptor is new and owned by nobody.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for signal in SIGNALS {
            libc::sigaddset(&raw mut set, signal);
        }
        if libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) != 0 {
            return Err(std::io::Error::last_os_error());
        }
        let fd = libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
        if fd < 0 { Err(std::io::Error::last_os_error()) } else { Ok(OwnedFd::from_raw_fd(fd)) }
    }
}

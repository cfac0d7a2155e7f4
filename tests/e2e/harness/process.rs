//! Programs that the tests run: found with a clear sentence, killed with all their children, never waited for
//! without an end.
//!
//! A child dies with the test process even when that is killed: `setpriv` asks the kernel for it, and one thread
//! that lives as long as the process starts them all, because the kernel watches the parent *thread*.

use std::fs::{File, read_to_string};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::clock::{HANG, within};

type Job = (Command, Sender<std::io::Result<Child>>);

static KEEPER: LazyLock<Mutex<Sender<Job>>> = LazyLock::new(|| {
    let (sender, jobs) = channel::<Job>();
    std::thread::spawn(move || {
        for (mut command, reply) in jobs {
            drop(reply.send(command.spawn()));
        }
    });
    Mutex::new(sender)
});

/// A command for `program`, which must be installed.
#[track_caller]
pub(crate) fn command(program: &str) -> Command {
    let path = find(program).unwrap_or_else(|| {
        panic!(
            "{program} is missing: the end-to-end tests run real clients (Debian: apt-get install {program})"
        )
    });
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "KILL", "--"])
        .arg(path)
        .process_group(0)
        .stdin(Stdio::null());
    command
}

fn find(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(|p| p.is_file());
    }
    let path = std::env::var_os("PATH")?;
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    folders.map(|folder| folder.join(program)).find(|p| p.is_file())
}

/// A running program and what it printed. Dropped: killed, with its process group.
pub(crate) struct Service {
    child: Child,
    log: PathBuf,
}

impl Service {
    #[track_caller]
    pub(crate) fn start(mut command: Command, log: &Path) -> Self {
        let out = File::options().create(true).append(true).open(log).unwrap();
        command.stderr(out.try_clone().unwrap()).stdout(out);
        Self {
            child: spawn(command),
            log: log.to_owned(),
        }
    }

    pub(crate) fn log(&self) -> String {
        read_to_string(&self.log).unwrap_or_default()
    }

    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// To the program alone, which may have ended.
    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(process) = i32::try_from(self.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(process, signal);
        }
    }

    /// SIGKILL to the whole group: nothing gets a chance to tidy up.
    pub(crate) fn kill(&mut self) {
        kill_group(&mut self.child);
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What a program that ended has said.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Output {
    #[track_caller]
    pub(crate) fn success(self) -> Self {
        assert!(self.status.success(), "{self:#?}");
        self
    }
}

/// Runs to the end; killed and failed when that hangs.
#[track_caller]
pub(crate) fn run(command: Command) -> Output {
    run_within(HANG, command)
}

/// As [`run`], for a program that waits many times, each time with an end.
#[track_caller]
pub(super) fn run_within(limit: Duration, mut command: Command) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let (out, err) = (folder.path().join("out"), folder.path().join("err"));
    command
        .stdout(File::create(&out).unwrap())
        .stderr(File::create(&err).unwrap());
    let what = format!("{command:?}");
    let mut service = Service {
        child: spawn(command),
        log: err.clone(),
    };
    let status = within(limit, &what, || service.ended());
    let text = |path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
    Output {
        status,
        stdout: text(out),
        stderr: text(err),
    }
}

#[track_caller]
fn spawn(command: Command) -> Child {
    let what = format!("{command:?}");
    let (reply, child) = channel();
    KEEPER.lock().unwrap().send((command, reply)).unwrap();
    child
        .recv()
        .unwrap()
        .unwrap_or_else(|e| panic!("failed to start {what}: {e}"))
}

fn kill_group(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    drop(child.wait());
}

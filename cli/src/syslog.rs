//! Where a mount in the background logs to when it was given no file: the system's log.

use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::sync::OnceLock;

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// Where the system's log listens.
const LISTENER: &str = "/dev/log";
/// The part of a message's number that says it comes from a daemon.
const DAEMON: u8 = 3 << 3;

/// Set once nobody reads stderr any more.
static SOCKET: OnceLock<UnixDatagram> = OnceLock::new();

/// From now on, what [`StderrOrSyslog`] is given goes to the system's log; nowhere if there is none.
///
/// # Errors
/// A socket cannot be made.
pub(crate) fn take_over() -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?; // a log that does not keep up must not hold up readers
    let _ = SOCKET.set(socket); // somebody else has taken over already: the same
    Ok(())
}

/// Something to write to that the system's log reads: each write is a message. Fails if there is no such log.
///
/// # Errors
/// Nobody listens, or a socket cannot be made.
pub(crate) fn raw() -> io::Result<OwnedFd> {
    let socket = UnixDatagram::unbound()?;
    socket.connect(LISTENER)?;
    socket.set_nonblocking(true)?; // as in `take_over`
    Ok(socket.into())
}

/// Stderr, until [`take_over`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct StderrOrSyslog;

impl<'a> MakeWriter<'a> for StderrOrSyslog {
    type Writer = Box<dyn Write>;

    fn make_writer(&'a self) -> Self::Writer {
        self.writer(Level::ERROR)
    }

    fn make_writer_for(&'a self, event: &Metadata<'_>) -> Self::Writer {
        self.writer(*event.level())
    }
}

impl StderrOrSyslog {
    fn writer(self, level: Level) -> Box<dyn Write> {
        match SOCKET.get() {
            Some(socket) => Box::new(Messages { socket, level }),
            None => Box::new(io::stderr()),
        }
    }
}

/// Sends each line that is written as one message. What cannot be sent is lost.
struct Messages {
    socket: &'static UnixDatagram,
    level: Level,
}

impl Write for Messages {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let _ = self.socket.send_to(&message(self.level, line), LISTENER);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `<NUMBER>wimstore[PID]: LINE`, as syslog(3) sends it.
fn message(level: Level, line: &[u8]) -> Vec<u8> {
    let severity = match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    };
    let mut message = format!("<{}>wimstore[{}]: ", DAEMON | severity, std::process::id()).into_bytes();
    message.extend_from_slice(line.trim_ascii());
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_their_number() {
        for (level, number) in
            [(Level::ERROR, 27), (Level::WARN, 28), (Level::INFO, 30), (Level::DEBUG, 31), (Level::TRACE, 31)]
        {
            let want = format!("<{number}>wimstore[{}]: ERROR it is\tbad", std::process::id());
            assert_eq!(message(level, b" ERROR it is\tbad\n"), want.as_bytes(), "{level}");
        }
    }
}

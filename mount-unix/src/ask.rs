//! The one way from a request to its answer: ask the filesystem, then send the result or the error
//! number.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use fs_core::{About, Filesystem, Ino, Storage, log};
use fuser::Errno;
use tracing::error;

use crate::errno::{EIO, errno};
use crate::lanes::{Lanes, Turn};

/// A reply of fuser's that can carry an error.
pub(crate) trait Refuse: Send + 'static {
    /// Answers with an error number.
    fn refuse(self, error: Errno);
}

macro_rules! can_refuse {
    ($($reply:ident)+) => { $(impl Refuse for fuser::$reply {
        fn refuse(self, error: Errno) {
            self.error(error);
        }
    })+ };
}
can_refuse! { ReplyAttr ReplyData ReplyDirectory ReplyDirectoryPlus ReplyEntry ReplyStatfs ReplyXattr }

/// Answers the kernel's requests from the filesystem.
#[derive(Clone)]
pub(crate) struct Responder(Arc<Shared>);

struct Shared {
    fs: Arc<Filesystem>,
    lanes: Lanes<Storage, Parked>,
}

/// A request that another thread will answer.
type Parked = Box<dyn FnOnce(&Responder) + Send>;

/// A request of the kernel: the operation, the inode, and what is asked about it. With `None` the
/// answer waits for no storage.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a>(pub(crate) &'static str, pub(crate) Ino, pub(crate) Option<About<'a>>);

impl Responder {
    /// For `threads` that take requests from the kernel.
    pub(crate) fn new(fs: Arc<Filesystem>, threads: usize) -> Self {
        Self(Arc::new(Shared { fs, lanes: Lanes::new(threads) }))
    }

    /// The filesystem, for what needs no answer.
    pub(crate) fn filesystem(&self) -> &Filesystem {
        &self.0.fs
    }

    /// Answers a request, unless too many wait for the same storage already: then another thread
    /// does it later.
    pub(crate) fn ask<R: Refuse, T>(
        &self,
        Asked(op, ino, about): Asked<'_>,
        reply: R,
        question: impl FnOnce(&Filesystem, &mut R) -> fs_core::Result<T> + Send + 'static,
        answer: impl FnOnce(R, T) + Send + 'static,
    ) {
        let Some((about, storage)) = about.and_then(|about| Some((about, self.0.fs.storage(ino, about)?))) else {
            return self.answer(op, ino, reply, question, answer);
        };
        if self.0.lanes.begin(&storage, || self.0.fs.is_in_memory(ino, about)) {
            self.answer(op, ino, reply, question, answer);
            return self.leave(&storage);
        }
        let request = Box::new(move |responder: &Self| responder.answer(op, ino, reply, question, answer));
        match self.0.lanes.park(&storage, request) {
            Turn::Now(request) => self.run(&storage, request),
            Turn::Alone(request) => self.run_alone(storage, request),
            Turn::Later => {}
        }
    }

    /// Runs a request that has begun in its lane.
    fn run(&self, storage: &Storage, request: Parked) {
        request(self);
        self.leave(storage);
    }

    /// Likewise in a thread of its own. Without a thread it is answered with `EIO`, as every reply
    /// that is dropped.
    fn run_alone(&self, storage: Storage, request: Parked) {
        let (responder, lane) = (self.clone(), storage.clone());
        let spawned = thread::Builder::new().name("lane".into()).spawn(move || responder.run(&lane, request));
        if let Err(error) = spawned {
            log::READING.once(&format!("no thread: {error}"), || {
                error!(%error, "no thread for a request while others hang");
            });
            self.leave(&storage);
        }
    }

    /// Comes out of a lane, and runs requests that are parked as long as there is room for them.
    fn leave(&self, storage: &Storage) {
        let mut next = self.0.lanes.leave(storage);
        while let Some((storage, request)) = next {
            request(self);
            next = self.0.lanes.leave(&storage);
        }
    }

    /// Asks the filesystem `question` and passes the result to `answer`. A question may also fill
    /// the reply itself.
    ///
    /// An error becomes its error number; `EIO` leaves a line in the log. A question that panics is
    /// answered with `EIO` too, and the thread that asked it lives on.
    fn answer<R: Refuse, T>(
        &self,
        op: &'static str,
        ino: Ino,
        mut reply: R,
        question: impl FnOnce(&Filesystem, &mut R) -> fs_core::Result<T>,
        answer: impl FnOnce(R, T),
    ) {
        match unpanicked(|| question(&self.0.fs, &mut reply).map_err(|error| self.refusal(op, ino, &error))) {
            Ok(Ok(value)) => answer(reply, value),
            Ok(Err(number)) => reply.refuse(number),
            Err(panic) => {
                log::READING.once(&panic, || error!(op, ino = ino.0, panic, "answered with EIO"));
                reply.refuse(Errno::EIO);
            }
        }
    }

    /// The error number of an error. Damage is logged, once, although the kernel asks again page by
    /// page.
    fn refusal(&self, op: &'static str, ino: Ino, error: &fs_core::Error) -> Errno {
        let number = errno(error);
        if number == EIO {
            self.0.fs.log_damage(op, ino, error);
        }
        Errno::from_i32(number)
    }
}

/// Runs `question`; if it panics, returns what it panicked with.
fn unpanicked<T>(question: impl FnOnce() -> T) -> Result<T, String> {
    // The filesystem is only read, and its locks are not poisoned by a panic: what it holds stays
    // whole.
    catch_unwind(AssertUnwindSafe(question)).map_err(|payload| panic_text(&*payload).to_owned())
}

fn panic_text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("panic without a message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_keep_their_text() {
        type Question = fn() -> u32;
        let cases: &[(Question, Result<u32, &str>)] = &[
            (|| 7, Ok(7)),
            (|| panic!("fixed text"), Err("fixed text")),
            (|| panic!("text with {}", 7), Err("text with 7")),
            (|| std::panic::panic_any(7), Err("panic without a message")),
        ];
        for (question, want) in cases {
            assert_eq!(unpanicked(question).as_ref().map_err(String::as_str), want.as_ref().map_err(|text| *text));
        }
    }
}

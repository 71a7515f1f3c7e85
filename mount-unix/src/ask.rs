//! The one way from a request to its answer: ask the filesystem, then send what it says, or the error number.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use fs_core::{DamageLog, Filesystem, Ino};
use fuser::Errno;
use tracing::error;

use crate::errno::{EIO, errno};

/// A reply of fuser's that can say no.
pub(crate) trait Refuse {
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

/// The filesystem, and what the log has been told of its failures.
pub(crate) struct Oracle {
    fs: Arc<Filesystem>,
    told: DamageLog,
}

impl Oracle {
    pub(crate) fn new(fs: Arc<Filesystem>) -> Self {
        Self { fs, told: DamageLog::default() }
    }

    /// The filesystem, for what needs no answer.
    pub(crate) fn filesystem(&self) -> &Filesystem {
        &self.fs
    }

    /// Puts `question` to the filesystem and hands what it says to `answer`. A question may also fill the reply itself.
    ///
    /// An error becomes its error number; `EIO` leaves a line in the log. A question that panics is answered with `EIO`
    /// too, and the thread that asked it lives on.
    pub(crate) fn ask<R: Refuse, T>(
        &self,
        op: &'static str,
        ino: Ino,
        mut reply: R,
        question: impl FnOnce(&Filesystem, &mut R) -> fs_core::Result<T>,
        answer: impl FnOnce(R, T),
    ) {
        match unpanicked(|| question(&self.fs, &mut reply).map_err(|error| self.refusal(op, ino, &error))) {
            Ok(Ok(value)) => answer(reply, value),
            Ok(Err(number)) => reply.refuse(number),
            Err(panic) => {
                error!(op, ino = ino.0, panic, "answered with EIO");
                reply.refuse(Errno::EIO);
            }
        }
    }

    /// An error's number. Damage is told to the log: once, although the kernel asks again page by page.
    fn refusal(&self, op: &'static str, ino: Ino, error: &fs_core::Error) -> Errno {
        let number = errno(error);
        if number == EIO {
            self.told.tell(&self.fs, op, ino, error);
        }
        Errno::from_i32(number)
    }
}

/// Runs `question`; if it panics, returns what it panicked with.
fn unpanicked<T>(question: impl FnOnce() -> T) -> Result<T, String> {
    // The filesystem is only read, and its locks are not poisoned by a panic: what it holds stays whole.
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

//! Everything that would change something, as the driver sends it once a file is open.

use winfsp_sys::*;

use super::requests::{Named, Open, call, tail_of};

const BASIC: u32 = 4;
const RENAME: u32 = 10;
const DISPOSITION: u32 = 13;
const ALLOCATION: u32 = 19;
const END_OF_FILE: u32 = 20;
const LABEL: u32 = 2;
const SET_REPARSE_POINT: u32 = 0x0009_00A4;
const DELETE_REPARSE_POINT: u32 = 0x0009_00AC;

impl Open {
    /// Sends each, and gives its name and status.
    pub(crate) fn changes(&self, path: &(impl Named + ?Sized)) -> Vec<(&'static str, u32)> {
        vec![
            ("write", self.write()),
            ("attributes and times", self.set(BASIC, path)),
            ("name", self.set(RENAME, path)),
            ("delete", self.set(DISPOSITION, path)),
            ("space", self.set(ALLOCATION, path)),
            ("size", self.set(END_OF_FILE, path)),
            ("descriptor", self.set_security()),
            ("reparse point", self.set_reparse(SET_REPARSE_POINT, path)),
            ("no reparse point", self.set_reparse(DELETE_REPARSE_POINT, path)),
            ("label", set_label()),
        ]
    }

    /// The request for an application's flush.
    pub(crate) fn flush(&self) -> u32 {
        let fill = |r: &mut FSP_FSCTL_TRANSACT_REQ| {
            let c = unsafe { &mut r.Req.FlushBuffers };
            (c.UserContext, c.UserContext2) = (self.c1, self.c2);
        };
        call(11, &[], fill).status()
    }

    /// The second half of creating a file over another. The DLL closes a file that could not be
    /// overwritten.
    pub(crate) fn overwrite(self) -> u32 {
        let fill = |r: &mut FSP_FSCTL_TRANSACT_REQ| {
            let c = unsafe { &mut r.Req.Overwrite };
            (c.UserContext, c.UserContext2) = (self.c1, self.c2);
        };
        let status = call(2, &[], fill).status();
        assert_ne!(status, 0);
        std::mem::forget(self);
        status
    }

    fn set(&self, class: u32, path: &(impl Named + ?Sized)) -> u32 {
        let mut tail = tail_of(path);
        let len = tail.len() as u16;
        tail.extend(tail_of(r"\Docs\other"));
        let fill = |r: &mut FSP_FSCTL_TRANSACT_REQ| {
            r.FileName.Size = len;
            let c = unsafe { &mut r.Req.SetInformation };
            (c.UserContext, c.UserContext2, c.FileInformationClass) = (self.c1, self.c2, class);
            match class {
                BASIC => c.Info.Basic.FileAttributes = 0x20,
                DISPOSITION => unsafe { c.Info.Disposition.set_Delete(1) },
                RENAME => {
                    c.Info.Rename.NewFileName = FSP_FSCTL_TRANSACT_BUF { Offset: len, Size: tail.len() as u16 - len }
                }
                _ => {}
            }
        };
        call(8, &tail, fill).status()
    }

    fn set_security(&self) -> u32 {
        let descriptor = testkit::ntfs::DESCRIPTOR;
        let fill = |r: &mut FSP_FSCTL_TRANSACT_REQ| {
            let c = unsafe { &mut r.Req.SetSecurity };
            (c.UserContext, c.UserContext2, c.SecurityInformation) = (self.c1, self.c2, 4);
            c.SecurityDescriptor = FSP_FSCTL_TRANSACT_BUF { Offset: 0, Size: descriptor.len() as u16 };
        };
        call(20, &descriptor, fill).status()
    }

    fn set_reparse(&self, code: u32, path: &(impl Named + ?Sized)) -> u32 {
        let mut tail = tail_of(path);
        let len = tail.len() as u16;
        tail.extend([0xFF, 0x7F, 0, 0x80, 4, 0, 0, 0, 1, 2, 3, 4]); // an unassigned tag, and data
        let fill = |r: &mut FSP_FSCTL_TRANSACT_REQ| {
            r.FileName.Size = len;
            let c = unsafe { &mut r.Req.FileSystemControl };
            (c.UserContext, c.UserContext2, c.FsControlCode) = (self.c1, self.c2, code);
            c.Buffer = FSP_FSCTL_TRANSACT_BUF { Offset: len, Size: 12 };
        };
        call(15, &tail, fill).status()
    }
}

fn set_label() -> u32 {
    let tail = tail_of("label");
    let fill = |r: &mut FSP_FSCTL_TRANSACT_REQ| {
        let c = unsafe { &mut r.Req.SetVolumeInformation };
        c.FsInformationClass = LABEL;
        c.Info.Label.VolumeLabel = FSP_FSCTL_TRANSACT_BUF { Offset: 0, Size: tail.len() as u16 };
    };
    call(13, &tail, fill).status()
}

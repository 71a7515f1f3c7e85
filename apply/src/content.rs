//! Writes the content of a new file.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

/// Zeros shorter than this are written; longer ones, aligned, become a hole.
const HOLE: usize = 4096;

/// A new file's content. Long runs of zeros are skipped: file systems that can make them holes.
#[derive(Debug)]
pub(crate) struct Content {
    file: File,
    size: u64,
}

impl Content {
    /// The content of an empty file, open for writing.
    pub(crate) fn of(file: File) -> Self {
        Self { file, size: 0 }
    }

    /// The file.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Appends bytes. Pages of zeros are skipped, as holes.
    ///
    /// # Errors
    /// The disk is full, or fails.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let to_page = (self.size.next_multiple_of(HOLE as u64) - self.size).min(bytes.len() as u64);
        let (head, pages) = bytes.split_at(to_page as usize);
        self.write_at_end(head)?;
        let mut pages = pages.chunks(HOLE).peekable();
        let mut rest = &bytes[head.len()..];
        while let Some(page) = pages.next() {
            let hole = is_hole(page);
            let mut run = page.len();
            while let Some(next) = pages.next_if(|next| is_hole(next) == hole) {
                run += next.len();
            }
            let (bytes, after) = rest.split_at(run);
            if hole {
                self.size += run as u64;
                self.file.seek(SeekFrom::Start(self.size))?;
            } else {
                self.write_at_end(bytes)?;
            }
            rest = after;
        }
        Ok(())
    }

    fn write_at_end(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Ends the content: sets the size, which a hole at the end has not.
    ///
    /// # Errors
    /// The disk is full, or fails.
    pub(crate) fn end(&self) -> io::Result<()> {
        self.file.set_len(self.size)
    }
}

/// Whether the page is a whole one and zero.
fn is_hole(page: &[u8]) -> bool {
    let (words, rest) = page.as_chunks::<16>();
    page.len() == HOLE && rest.is_empty() && words.iter().all(|word| u128::from_ne_bytes(*word) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_arrive_however_they_are_cut_and_zeros_take_no_space() {
        let dir = tempfile::tempdir().unwrap();
        let mut all = vec![7; 5000];
        all.extend(vec![0; 1 << 20]);
        all.extend([9; 10]);
        all.extend([0; 3 * HOLE + 5]);
        for step in [1000, 4095, 4096, 4097, 32768, all.len()] {
            let path = dir.path().join("f");
            let mut content = Content::of(File::create(&path).unwrap());
            for piece in all.chunks(step) {
                content.write(piece).unwrap();
            }
            content.end().unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), all, "{step}");
            #[cfg(unix)]
            {
                use std::os::unix::fs::MetadataExt;
                let holes = path.metadata().unwrap().blocks() * 512 < all.len() as u64 / 2;
                assert!(holes || step < 2 * HOLE, "{step}: pieces below a page need not show a whole one");
            }
        }
    }
}

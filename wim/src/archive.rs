//! An archive, opened.

use std::sync::Arc;

use crate::{Blob, BlobTable, Error, Header, IntegrityTable, Metadata, ReadAt, Resource, Result, Warning, XmlData};

/// One archive file, with its tables in memory. It does not change after opening and serves any number of threads.
pub struct Archive {
    source: Arc<dyn ReadAt>,
    header: Header,
    blobs: BlobTable,
    xml: XmlData,
    integrity: Result<Option<IntegrityTable>>,
    warnings: Vec<Warning>,
}

impl Archive {
    /// Reads header, blob table, XML data and integrity table.
    ///
    /// Bad XML data and a bad integrity table do not keep an archive from being opened.
    ///
    /// # Errors
    /// What is wrong with the header or the blob table; [`Error::Truncated`] when the file ends before one of the tables
    /// does; [`Error::Unsupported`] for archives of other kinds and encrypted ones; [`Error::Io`].
    pub fn open(source: Arc<dyn ReadAt>) -> Result<Self> {
        let _ = source;
        todo!()
    }

    /// What the archive was opened on.
    #[must_use]
    pub fn source(&self) -> &dyn ReadAt {
        &*self.source
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The blobs that this archive holds.
    #[must_use]
    pub fn blobs(&self) -> &BlobTable {
        &self.blobs
    }

    /// How many images there are: as many as metadata resources, whatever header and XML data say.
    #[must_use]
    pub fn image_count(&self) -> usize {
        self.blobs.metadata().len()
    }

    /// The XML data; empty where there is none.
    #[must_use]
    pub fn xml(&self) -> &XmlData {
        &self.xml
    }

    /// The integrity table, `None` where there is none.
    ///
    /// # Errors
    /// What is wrong with the table, so that `verify` can tell.
    pub fn integrity(&self) -> Result<Option<&IntegrityTable>, &Error> {
        self.integrity.as_ref().map(Option::as_ref)
    }

    /// What was put up with while opening: of the header, the blob table and the XML data.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Holds a blob's place against the archive, without reading.
    ///
    /// # Errors
    /// As [`Archive::resource`], as far as it can be known without the chunk table.
    pub fn check_blob(&self, blob: &Blob) -> Result<()> {
        let _ = blob;
        todo!()
    }

    /// Finds a blob's chunks: reads its chunk table, if it has one.
    ///
    /// # Errors
    /// [`Error::Truncated`] when the blob reaches past the end of the archive, [`Error::Invalid`] when its sizes or its
    /// chunk table break a rule, [`Error::Unsupported`] for solid resources and LZMS, [`Error::Io`].
    pub fn resource(&self, blob: &Blob) -> Result<Resource> {
        let _ = blob;
        todo!()
    }

    /// The metadata of the image at `index`, from 0: decoded, and matched with its SHA-1.
    ///
    /// # Errors
    /// [`Error::NoImage`], [`Error::TooLarge`] above 1 GiB, [`Error::Hash`], and as [`Archive::resource`] and
    /// [`Resource::read_chunk`].
    pub fn metadata_resource(&self, index: usize) -> Result<Vec<u8>> {
        let _ = index;
        todo!()
    }

    /// The tree of the image at `index`, from 0.
    ///
    /// # Errors
    /// As [`Archive::metadata_resource`] and [`Metadata::parse`].
    pub fn metadata(&self, index: usize) -> Result<Metadata> {
        Metadata::parse(self.metadata_resource(index)?)
    }
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Archive").field("header", &self.header).finish_non_exhaustive()
    }
}

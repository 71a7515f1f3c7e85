//! A file: the records that hold its attributes.

use std::collections::HashSet;
use std::sync::Arc;

use wim::ReadAt;

use super::Volume;
use super::content::{Clustered, Content};
use super::record::{Attribute, Body, Record, Reference, kind};
use super::runs::Runs;
use crate::disk::fields::Fields;
use crate::disk::{Error, Result};

/// The largest list of attributes that NTFS makes.
const MAX_LIST: u64 = 256 << 10;
/// The largest value, other than data, that is read whole.
const MAX_VALUE: u64 = 1 << 20;

/// Kind, name as stored and first cluster: attributes are found by these, since the numbers in lists repeat.
type Key = (u32, Vec<u8>, u64);

/// A file with all of its records.
pub(super) struct FileRecords {
    records: Vec<Record>,
    /// The attributes that count, by index of their record; `None` if the file has one record.
    listed: Option<HashSet<(usize, Key)>>,
}

impl FileRecords {
    /// Gathers the records of the file with this base record.
    pub(super) fn gather(volume: &Volume, base: Record) -> Result<Self> {
        let mut file = Self { records: vec![base], listed: None };
        let Some(list) = file.value(volume, kind::ATTRIBUTE_LIST, MAX_LIST)? else { return Ok(file) };
        let mut listed = HashSet::new();
        for (reference, key) in entries(&list)? {
            let index = file.index_of(volume, reference)?;
            listed.insert((index, key));
        }
        file.listed = Some(listed);
        file.check_listed()?;
        Ok(file)
    }

    pub(super) fn base(&self) -> &Record {
        &self.records[0]
    }

    /// The index of a record of the file, which is read at first.
    fn index_of(&mut self, volume: &Volume, reference: Reference) -> Result<usize> {
        if let Some(index) = self.records.iter().position(|record| record.reference == reference) {
            return Ok(index);
        }
        let base = self.base().reference;
        let record = volume.record(reference.number)?;
        let is_its = |record: &Record| record.reference == reference && record.base == base;
        let record = record.filter(is_its).ok_or(Error::Invalid {
            what: "record in a list of attributes",
            at: base.number,
            value: reference.number,
            rule: "no record of this file",
        })?;
        self.records.push(record);
        Ok(self.records.len() - 1)
    }

    fn check_listed(&self) -> Result<()> {
        let mut missing = self.listed.clone().unwrap_or_default();
        for (index, record) in self.records.iter().enumerate() {
            for attribute in record.attributes()? {
                missing.remove(&(index, key(&attribute)));
            }
        }
        match missing.into_iter().next() {
            None => Ok(()),
            Some((_, (kind, ..))) => Err(Error::Invalid {
                what: "attribute in a list",
                at: self.base().reference.number,
                value: kind.into(),
                rule: "not in its record",
            }),
        }
    }

    /// Its attributes, in the order of their records.
    pub(super) fn attributes(&self) -> Result<Vec<Attribute<'_>>> {
        let mut found = Vec::new();
        for (index, record) in self.records.iter().enumerate() {
            let counts = |attribute: &Attribute<'_>| match &self.listed {
                None => true,
                Some(listed) => listed.contains(&(index, key(attribute))),
            };
            found.extend(record.attributes()?.into_iter().filter(counts));
        }
        Ok(found)
    }

    /// The value of the attribute of this kind without a name; `None` if there is none.
    pub(super) fn value(&self, volume: &Volume, kind: u32, limit: u64) -> Result<Option<Vec<u8>>> {
        let Some(content) = self.content(volume, kind, &[])? else { return Ok(None) };
        let size = content.size();
        if size > limit {
            let at = self.base().reference.number;
            return Err(Error::Invalid {
                what: "size of an attribute",
                at,
                value: size,
                rule: "more than NTFS allows",
            });
        }
        let mut value = vec![0; size as usize];
        content.read_at(0, &mut value).map_err(|source| Error::Io { at: 0, len: size, source })?;
        Ok(Some(value))
    }

    /// As [`FileRecords::value`], with the limit of what is kept in memory.
    pub(super) fn small_value(&self, volume: &Volume, kind: u32) -> Result<Option<Vec<u8>>> {
        self.value(volume, kind, MAX_VALUE)
    }

    /// The value of an attribute, from all its parts.
    pub(super) fn content(&self, volume: &Volume, kind: u32, name: &[u8]) -> Result<Option<Content>> {
        let attributes = self.attributes()?;
        let mut parts: Vec<_> = attributes.iter().filter(|found| found.kind == kind && found.name == name).collect();
        parts.sort_by_key(|part| part.first_cluster());
        let Some(first) = parts.first() else { return Ok(None) };
        let head = match first.body {
            Body::Resident(bytes) => return Ok(Some(Content::Resident(bytes.to_vec()))),
            Body::Clusters(head) => head,
        };
        let mut runs = Runs::default();
        for part in &parts {
            if let Body::Clusters(part) = &part.body {
                runs.add(part, volume.boot.clusters)?;
            }
        }
        let cluster_size = volume.boot.cluster_size;
        if head.size.div_ceil(cluster_size) > runs.len() {
            let (at, rule) = (self.base().reference.number, "more than its runs have");
            return Err(Error::Invalid { what: "size of an attribute", at, value: head.size, rule });
        }
        let is_compressed = first.flags & Attribute::COMPRESSED != 0 && head.unit != 0;
        let unit = is_compressed.then(|| Clustered::unit_of(head.unit, cluster_size)).transpose()?;
        let volume = Arc::clone(&volume.disk);
        let (size, valid) = (head.size, head.valid);
        Ok(Some(Content::Clusters(Clustered { volume, cluster_size, runs, size, valid, unit })))
    }
}

fn key(attribute: &Attribute<'_>) -> Key {
    (attribute.kind, attribute.name.to_vec(), attribute.first_cluster())
}

/// The entries of a list of attributes.
fn entries(list: &[u8]) -> Result<Vec<(Reference, Key)>> {
    let (list, mut at) = (Fields::new("list of attributes", 0, list), 0);
    let mut found = Vec::new();
    while !list.rest(at)?.is_empty() {
        let len = usize::from(list.u16(at + 4)?);
        let entry = list.part("entry of a list of attributes", at, len)?;
        if len < 0x1A {
            return Err(entry.invalid("length of an entry", 4, len as u64, "less than an entry has"));
        }
        let name = entry.slice(entry.u8(7)?.into(), usize::from(entry.u8(6)?) * 2)?;
        let key = (entry.u32(0)?, name.to_vec(), entry.u64(8)?);
        found.push((entry.u64(16)?.into(), key));
        at += len;
    }
    Ok(found)
}

//! Runs of clusters: where the parts of a value are.

use std::io;

use wim::ReadAt;

use super::record::Clusters;
use crate::disk::{Error, Result};

/// The most clusters of a value, holes included: their bytes can be counted.
const MAX_CLUSTERS: u64 = 1 << 40;

/// Clusters next to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// The index of its first cluster in the value.
    pub(super) index: u64,
    /// The number of its first cluster on the volume; `None` for a hole.
    pub(super) place: Option<u64>,
    /// Its clusters.
    pub(super) len: u64,
}

/// The runs of a value, in the order of the value and without gaps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Runs(Vec<Run>);

impl Runs {
    /// Adds the runs of the next part of a value on a volume of `clusters`.
    pub(super) fn add(&mut self, part: &Clusters<'_>, clusters: u64) -> Result<()> {
        let invalid = |what, value, rule| Error::Invalid { what, at: 0, value, rule };
        if part.first != self.len() {
            return Err(invalid("first cluster of runs", part.first, "not the one after those before"));
        }
        let (mut bytes, mut place) = (part.pairs, 0_i64);
        while let Some((&head, rest)) = bytes.split_first().filter(|(head, _)| **head != 0) {
            let (len_bytes, place_bytes) = (usize::from(head & 15), usize::from(head >> 4));
            let parts = rest
                .split_at_checked(len_bytes)
                .and_then(|(len, rest)| Some((len, rest.split_at_checked(place_bytes)?)));
            let (len, (delta, rest)) =
                parts.ok_or(invalid("head of a run", head.into(), "more than the attribute has"))?;
            if len_bytes > 8 || place_bytes > 8 {
                return Err(invalid("head of a run", head.into(), "numbers of more than 8 bytes"));
            }
            let len = number(len).cast_unsigned();
            place = place.wrapping_add(number(delta));
            let is_hole = place_bytes == 0;
            let start = place.cast_unsigned();
            let end = self.len().checked_add(len).filter(|end| *end <= part.last.saturating_add(1).min(MAX_CLUSTERS));
            if len == 0 || end.is_none() {
                return Err(invalid("length of a run", len, "0, or more than the value has clusters"));
            }
            if !is_hole && start.checked_add(len).is_none_or(|end| end > clusters) {
                return Err(invalid("cluster of a run", start, "outside of the volume"));
            }
            self.0.push(Run { index: self.len(), place: (!is_hole).then_some(start), len });
            bytes = rest;
        }
        if self.len() != part.last.wrapping_add(1) {
            return Err(invalid("last cluster of runs", part.last, "not where its runs end"));
        }
        Ok(())
    }

    /// The clusters of the value.
    pub(super) fn len(&self) -> u64 {
        self.0.last().map_or(0, |run| run.index + run.len)
    }

    /// The first cluster on the volume; `None` if all is a hole.
    pub(super) fn first_place(&self) -> Option<u64> {
        self.0.iter().find_map(|run| run.place)
    }

    /// The run that has the cluster `index` of the value.
    fn run_of(&self, index: u64) -> Option<&Run> {
        let after = self.0.partition_point(|run| run.index <= index);
        self.0.get(after.checked_sub(1)?).filter(|run| index < run.index + run.len)
    }

    /// The clusters of `index..end` that are not holes.
    pub(super) fn allocated(&self, index: u64, end: u64) -> u64 {
        let from = self.0.partition_point(|run| run.index + run.len <= index);
        let runs = self.0[from..].iter().take_while(|run| run.index < end).filter(|run| run.place.is_some());
        runs.map(|run| (run.index + run.len).min(end) - run.index.max(index)).sum()
    }

    /// Fills `buf` from `offset` of the value, holes with zeros.
    pub(super) fn read_at(
        &self,
        volume: &dyn ReadAt,
        cluster_size: u64,
        mut offset: u64,
        buf: &mut [u8],
    ) -> io::Result<()> {
        let mut rest = buf;
        while !rest.is_empty() {
            let run = self.run_of(offset / cluster_size).ok_or(io::ErrorKind::UnexpectedEof)?;
            let in_run = offset - run.index * cluster_size;
            let len = (run.len * cluster_size - in_run).min(rest.len() as u64) as usize;
            let (piece, after) = rest.split_at_mut(len);
            match run.place {
                None => piece.fill(0),
                Some(place) => {
                    crate::disk::fields::read_exact(volume, "clusters", place * cluster_size + in_run, piece)?;
                }
            }
            (rest, offset) = (after, offset + len as u64);
        }
        Ok(())
    }
}

/// A signed number of up to 8 bytes, least significant first; 0 for none.
fn number(bytes: &[u8]) -> i64 {
    let sign = if bytes.last().is_some_and(|last| last & 0x80 != 0) { -1 } else { 0 };
    bytes.iter().rev().fold(sign, |number, &byte| number << 8 | i64::from(byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn part(first: u64, last: u64, pairs: &[u8]) -> Clusters<'_> {
        Clusters { first, last, pairs, unit: 0, size: 0, valid: 0 }
    }

    #[test]
    fn runs_go_forward_back_and_have_holes() {
        let mut runs = Runs::default();
        runs.add(&part(0, 9, b"\x11\x04\x20\x01\x02\x11\x04\xF8\x00"), 100).unwrap();
        runs.add(&part(10, 10, b"\x21\x01\x30\x00"), 100).unwrap();
        let places: Vec<_> = runs.0.iter().map(|run| (run.index, run.place, run.len)).collect();
        assert_eq!(places, [(0, Some(0x20), 4), (4, None, 2), (6, Some(0x18), 4), (10, Some(0x30), 1)]);
        assert_eq!((runs.first_place(), runs.allocated(3, 8), runs.allocated(0, 11)), (Some(0x20), 3, 9));
    }

    #[test]
    fn runs_outside_of_the_volume_are_errors() {
        for (name, first, last, pairs) in [
            ("too far", 0, 3, &b"\x11\x04\x61"[..]),
            ("before the volume", 0, 3, b"\x11\x04\xF0"),
            ("too short", 0, 4, b"\x11\x04\x20"),
            ("too long", 0, 2, b"\x11\x04\x20"),
            ("not the next", 1, 4, b"\x11\x04\x20"),
            ("cut", 0, 3, b"\x14\x04\x20"),
        ] {
            assert!(Runs::default().add(&part(first, last, pairs), 100).is_err(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_runs_or_an_error(pairs in prop::collection::vec(any::<u8>(), 0..40), last in any::<u64>()) {
            let mut runs = Runs::default();
            if runs.add(&part(0, last, &pairs), 1000).is_ok() {
                prop_assert_eq!(runs.len(), last.wrapping_add(1));
            }
        }
    }
}

//! The blob table: which blobs an archive holds, and where.

use std::hash::{BuildHasher, RandomState};
use std::ops::Range;

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::resource_header::RawResourceHeader;
use crate::warning::Warnings;
use crate::{BlobHash, ResourceFlags, ResourceHeader, Result, Warning, memory};

/// An entry as stored.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct RawBlob {
    pub(crate) place: RawResourceHeader, // 0x00
    pub(crate) part: U16,                // 0x18
    pub(crate) references: U32,          // 0x1a
    pub(crate) hash: [u8; 20],           // 0x1e
}
const _: () = assert!(size_of::<RawBlob>() == 50);

/// What a solid resource, which is no blob itself, has as its uncompressed size.
pub(crate) const SOLID_RESOURCE_SIZE: u64 = 0x1_0000_0000;

/// A blob that an archive holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blob {
    /// The SHA-1 of its data.
    pub hash: BlobHash,
    /// Where it is, as stored. For a solid blob (see [`Blob::is_solid`]) `stored_size` is its uncompressed size, and `offset`
    /// counts through uncompressed data: in an [`Archive`](crate::Archive) that of the resource which holds it, in a table
    /// that was only parsed that of all resources of its [`SolidRun`] in order.
    pub place: ResourceHeader,
    /// The part of a split archive that holds it: the archive's own.
    pub part: u16,
    /// How often it is used, as stored. Writers count differently and some wrongly: do not rely on it.
    pub references: u32,
    /// The solid resource that holds it, or one of [`Home`]'s numbers for something else.
    home: u32,
}

/// Which resource holds a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Home {
    /// Its own.
    Own,
    /// A solid one, by its number among those of all runs in order.
    Solid(u32),
    /// A solid one that cannot be: the rule which the blob's place breaks.
    Nowhere(&'static str),
}

/// The resource is the blob's own.
const OWN: u32 = u32::MAX;
/// The run has no resource, or none that begins before the blob.
const OUTSIDE: u32 = u32::MAX - 1;
/// The blob goes on behind the resource in which it begins.
const CROSSING: u32 = u32::MAX - 2;
/// The blob begins inside another.
const OVERLAPPING: u32 = u32::MAX - 3;

impl Blob {
    /// How many bytes an entry of the table has.
    pub const ENTRY_SIZE: u64 = size_of::<RawBlob>() as u64;

    /// The number of the solid resource that holds it, for [`Archive::solid_resources`](crate::Archive::solid_resources);
    /// `None` if it has a resource of its own, or a place where no blob can be.
    #[must_use]
    pub fn solid_resource(&self) -> Option<u32> {
        match self.home() {
            Home::Solid(resource) => Some(resource),
            Home::Own | Home::Nowhere(_) => None,
        }
    }

    /// Where its data begins in the uncompressed data of the resource that holds it.
    #[must_use]
    pub fn offset(&self) -> u64 {
        if self.is_solid() { self.place.offset } else { 0 }
    }

    /// Which resource holds it.
    pub(crate) fn home(&self) -> Home {
        match self.home {
            OWN => Home::Own,
            OUTSIDE => Home::Nowhere("outside the solid resources of its run"),
            CROSSING => Home::Nowhere("too large to lie in the solid resource where it begins"),
            OVERLAPPING => Home::Nowhere("inside another blob of its solid resource"),
            resource => Home::Solid(resource),
        }
    }

    /// The size of its data in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        if self.is_solid() { self.place.stored_size } else { self.place.size }
    }

    /// Whether it is compressed together with other blobs.
    #[must_use]
    pub fn is_solid(&self) -> bool {
        self.place.flags.contains(ResourceFlags::SOLID)
    }
}

/// Consecutive entries of the table that share solid resources.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SolidRun {
    /// The indexes of its blobs. Their offsets count through the uncompressed data of all `resources` in order.
    pub blobs: Range<u32>,
    /// Where its resources are stored. Their uncompressed sizes are in the resources themselves, not here.
    pub resources: Vec<ResourceHeader>,
}

/// The blobs of an archive, in the order of the table, and found by their hash.
#[derive(Debug)]
pub struct BlobTable {
    blobs: Vec<Blob>,
    index: HashIndex,
    metadata: Vec<Blob>,
    runs: Vec<SolidRun>,
    warnings: Vec<Warning>,
}

impl BlobTable {
    /// Parses the table's data, keeping the entries of part `own_part`.
    ///
    /// `solid` tells whether the archive's version knows solid resources; in others that flag means nothing. Entries that
    /// cannot be used are left out, some of them with a warning.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), when there is too little memory for the table.
    pub fn parse(bytes: &[u8], own_part: u16, solid: bool) -> Result<Self> {
        let mut parser = Parser::new(bytes.len() as u64, own_part, solid)?;
        parser.add(bytes)?;
        Ok(parser.finish())
    }

    /// How many blobs there are, not counting the images' metadata.
    #[must_use]
    pub fn len(&self) -> usize {
        self.blobs.len()
    }

    /// Whether the archive holds no blobs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.blobs.is_empty()
    }

    /// The blobs in the order of the table.
    pub fn iter(&self) -> std::slice::Iter<'_, Blob> {
        self.blobs.iter()
    }

    /// The blob at `index`, which [`BlobTable::find`] gave or which is below [`BlobTable::len`].
    ///
    /// # Panics
    /// When `index` is not below [`BlobTable::len`].
    #[must_use]
    pub fn get(&self, index: u32) -> &Blob {
        &self.blobs[index as usize]
    }

    /// The index of the blob with this hash.
    #[must_use]
    pub fn find(&self, hash: &BlobHash) -> Option<u32> {
        self.index.find(hash, &self.blobs).ok()
    }

    /// The images' metadata resources, in image order.
    #[must_use]
    pub fn metadata(&self) -> &[Blob] {
        &self.metadata
    }

    /// The groups of solid blobs, in the order of the table.
    #[must_use]
    pub fn solid_runs(&self) -> &[SolidRun] {
        &self.runs
    }

    /// Finds the resource of each solid blob, and makes its offset count from that resource's start. `sizes` are the
    /// uncompressed sizes of the resources of all runs, in order, `None` where a resource cannot be read.
    pub(crate) fn place_solid_blobs(&mut self, sizes: &[Option<u64>]) -> Result<()> {
        let mut first = 0;
        for run in &self.runs {
            let starts = resource_starts(first, &sizes[first as usize..][..run.resources.len()])?;
            first += run.resources.len() as u32;
            let blobs = &mut self.blobs[run.blobs.start as usize..run.blobs.end as usize];
            blobs.iter_mut().filter(|blob| blob.is_solid()).for_each(|blob| place_solid_blob(blob, &starts));
            refuse_overlaps(blobs)?;
        }
        Ok(())
    }

    /// Anomalies tolerated while parsing.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }
}

/// A solid resource in the uncompressed data of its run.
struct RunResource {
    number: u32,
    start: u64,
    /// `None` where it is not known; it is the last one whose start is known then.
    size: Option<u64>,
}

/// Where the resources of a run start; they are numbered from `first`.
fn resource_starts(first: u32, sizes: &[Option<u64>]) -> Result<Vec<RunResource>> {
    let mut starts = memory::list(0, sizes.len())?;
    let mut next = Some(0_u64);
    for (number, &size) in (first..).zip(sizes) {
        let Some(start) = next else { break };
        starts.push(RunResource { number, start, size });
        next = size.and_then(|size| start.checked_add(size));
    }
    Ok(starts)
}

fn place_solid_blob(blob: &mut Blob, resources: &[RunResource]) {
    let offset = blob.place.offset;
    let Some(resource) = resources.partition_point(|resource| resource.start <= offset).checked_sub(1) else { return };
    let RunResource { number, start, size } = resources[resource];
    let room = size.map_or(u64::MAX, |size| size.saturating_sub(offset - start));
    blob.home = match room {
        0 => OUTSIDE,
        _ if room < blob.size() => CROSSING,
        _ => {
            blob.place.offset -= start;
            number
        }
    };
}

/// Leaves no blob that begins inside another: few bytes of a table could else ask for any number of hashes of the same data.
fn refuse_overlaps(blobs: &mut [Blob]) -> Result<()> {
    let mut order: Vec<u32> = memory::list(0, blobs.len())?;
    order.extend((0..blobs.len() as u32).filter(|&at| blobs[at as usize].solid_resource().is_some()));
    order.sort_unstable_by_key(|&at| (blobs[at as usize].home, blobs[at as usize].place.offset, at));
    let (mut resource, mut end) = (OWN, 0);
    for at in order {
        let blob = &mut blobs[at as usize];
        if blob.home != resource {
            (resource, end) = (blob.home, 0);
        }
        if blob.place.offset < end {
            blob.home = OVERLAPPING;
        } else {
            end = blob.place.offset.saturating_add(blob.size());
        }
    }
    Ok(())
}

/// The whole entries at the start of `bytes`.
fn entries(bytes: &[u8]) -> &[RawBlob] {
    // Of the given length, so that this cannot fail.
    let count = bytes.len() / size_of::<RawBlob>();
    <[RawBlob]>::ref_from_prefix_with_elems(bytes, count).map_or(&[], |(entries, _)| entries)
}

/// Appends the images' metadata resources in a piece of a table, of whole entries, to `images`; see [`BlobTable::parse`].
pub(crate) fn add_images(bytes: &[u8], own_part: u16, solid: bool, images: &mut Vec<Blob>) -> Result<()> {
    let marked = entries(bytes).iter().filter(|raw| raw.place.flags().contains(ResourceFlags::METADATA));
    let mut blobs = marked.map(|raw| raw.get(solid)).filter(|blob| blob.kind(own_part) == Kind::Image);
    blobs.try_for_each(|blob| memory::push(images, 0, blob))
}

/// What an entry of the table is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A solid resource, which is no blob.
    SolidResource,
    /// Nothing that can be read.
    Nothing,
    Empty,
    OtherPart,
    /// The metadata of an image.
    Image,
    MetadataInOtherPart,
    Blob,
}

impl RawBlob {
    fn get(&self, solid: bool) -> Blob {
        let mut place = self.place.get();
        if !solid {
            place.flags.0 &= !ResourceFlags::SOLID.0;
        }
        let home = if place.flags.contains(ResourceFlags::SOLID) { OUTSIDE } else { OWN };
        let (part, references) = (self.part.get(), self.references.get());
        Blob { hash: BlobHash(self.hash), place, part, references, home }
    }
}

impl Blob {
    fn kind(&self, own_part: u16) -> Kind {
        if self.is_solid() && self.place.size == SOLID_RESOURCE_SIZE {
            Kind::SolidResource
        } else if self.hash.is_zero() {
            Kind::Nothing // Names no data.
        } else if self.size() == 0 {
            Kind::Empty
        } else if self.part != own_part {
            Kind::OtherPart
        } else if !self.place.flags.contains(ResourceFlags::METADATA) {
            Kind::Blob
        } else if self.references == 0 {
            Kind::Nothing // Quirk: old Windows PE images keep entries of deleted images.
        } else if own_part != 1 {
            Kind::MetadataInOtherPart
        } else {
            Kind::Image
        }
    }
}

/// A table being parsed, in pieces of whole entries; only the last one may end with a part of one.
pub(crate) struct Parser {
    own_part: u16,
    solid: bool,
    /// How many entries there were.
    entries: u64,
    blobs: Vec<Blob>,
    index: HashIndex,
    metadata: Vec<Blob>,
    runs: Vec<SolidRun>,
    /// Whether the entry before was solid.
    in_run: bool,
    warnings: Warnings,
}

impl Parser {
    /// How many bytes of a table are well read at once: whole entries.
    pub(crate) const PIECE: usize = size_of::<RawBlob>() << 12;

    /// Room for a table of `len` bytes, which are there.
    pub(crate) fn new(len: u64, own_part: u16, solid: bool) -> Result<Self> {
        let count = len as usize / size_of::<RawBlob>();
        Ok(Self {
            own_part,
            solid,
            entries: 0,
            blobs: memory::list(0, count)?,
            index: HashIndex::with_room_for(count)?,
            metadata: Vec::new(),
            runs: Vec::new(),
            in_run: false,
            warnings: Warnings::default(),
        })
    }

    /// Parses the next piece.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> Result<()> {
        for raw in entries(bytes) {
            self.entry(self.entries, raw.get(self.solid))?;
            self.entries += 1;
        }
        let rest = (bytes.len() % size_of::<RawBlob>()) as u64;
        if rest > 0 {
            self.warnings.push(Warning::BlobTableRest { bytes: rest });
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> BlobTable {
        let Self { blobs, index, metadata, runs, warnings, .. } = self;
        BlobTable { blobs, index, metadata, runs, warnings: warnings.into_vec() }
    }

    fn entry(&mut self, entry: u64, blob: Blob) -> Result<()> {
        if !blob.is_solid() {
            self.in_run = false;
        } else if !std::mem::replace(&mut self.in_run, true) {
            let start = self.blobs.len() as u32;
            memory::push(&mut self.runs, 0, SolidRun { blobs: start..start, resources: Vec::new() })?;
        }
        let own = self.own_part;
        match blob.kind(own) {
            Kind::SolidResource => self.solid_resource(blob.place)?,
            Kind::Nothing => {}
            Kind::Empty => self.warnings.push(Warning::BlobEmpty { entry }),
            Kind::OtherPart => self.warnings.push(Warning::BlobPart { entry, part: blob.part, own }),
            Kind::MetadataInOtherPart => self.warnings.push(Warning::MetadataPart { entry, part: own }),
            Kind::Image => self.image(entry, blob)?,
            Kind::Blob => self.blob(entry, blob),
        }
        Ok(())
    }

    fn solid_resource(&mut self, place: ResourceHeader) -> Result<()> {
        self.runs.last_mut().map_or(Ok(()), |run| memory::push(&mut run.resources, 0, place))
    }

    fn image(&mut self, entry: u64, blob: Blob) -> Result<()> {
        let references = blob.references;
        if references > 1 {
            self.warnings.push(Warning::MetadataReferences { entry, references });
        }
        memory::push(&mut self.metadata, 0, blob)
    }

    fn blob(&mut self, entry: u64, blob: Blob) {
        match self.index.find(&blob.hash, &self.blobs) {
            Ok(_) => self.warnings.push(Warning::BlobTwice { entry, hash: blob.hash }),
            Err(slot) => {
                self.index.slots[slot] = self.blobs.len() as u32;
                self.blobs.push(blob);
            }
        }
        if let Some(run) = self.runs.last_mut().filter(|_| self.in_run) {
            run.blobs.end = self.blobs.len() as u32;
        }
    }
}

/// Finds blobs by hash: an open-addressed table of their indexes, four bytes each.
///
/// The places are keyed by random numbers, so that nobody can choose hashes that all fall on one place.
#[derive(Debug)]
struct HashIndex {
    slots: Box<[u32]>,
    keys: [u64; 3],
}

/// A slot without a blob.
const FREE: u32 = u32::MAX;

impl HashIndex {
    /// An empty index that is at most half full with `count` blobs.
    fn with_room_for(count: usize) -> Result<Self> {
        let len = (2 * count).next_power_of_two().max(2);
        let random = RandomState::new();
        let slots = memory::collect(0, std::iter::repeat_n(FREE, len))?.into();
        Ok(Self { slots, keys: [1, 2, 3].map(|number: u64| random.hash_one(number)) })
    }

    /// A number that depends on every bit of a hash and, for who does not know the keys, at random.
    fn place(&self, hash: &BlobHash) -> u64 {
        let word = |at: usize| hash.0[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let fold = |a: u64, b: u64| {
            let product = u128::from(a) * u128::from(b);
            product as u64 ^ (product >> 64) as u64
        };
        let [first, second, third] = self.keys;
        fold(fold(word(0) ^ first, word(8) ^ second) ^ word(12), third | 1)
    }

    /// The index of the blob with this hash, or the free slot where it belongs.
    fn find(&self, hash: &BlobHash, blobs: &[Blob]) -> Result<u32, usize> {
        let mask = self.slots.len() - 1;
        let mut slot = self.place(hash) as usize & mask;
        loop {
            match self.slots[slot] {
                FREE => return Err(slot),
                index if blobs[index as usize].hash == *hash => return Ok(index),
                _ => slot = (slot + 1) & mask,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const METADATA: u8 = ResourceFlags::METADATA.0;
    const SOLID: u8 = ResourceFlags::SOLID.0;

    /// An entry of 50 bytes.
    fn entry(flags: u8, offset: u64, size: u64, part: u16, references: u32, hash: u8) -> Vec<u8> {
        let stored = size.to_le_bytes();
        let mut bytes = [&stored[..7], &[flags]].concat();
        bytes.extend(offset.to_le_bytes());
        bytes.extend(size.to_le_bytes());
        bytes.extend(part.to_le_bytes());
        bytes.extend(references.to_le_bytes());
        bytes.extend([hash; 20]);
        bytes
    }

    /// A blob of 10 bytes.
    fn blob(hash: u8) -> Vec<u8> {
        entry(0, 300, 10, 1, 1, hash)
    }

    fn parse(entries: &[Vec<u8>]) -> BlobTable {
        BlobTable::parse(&entries.concat(), 1, true).unwrap()
    }

    #[test]
    fn keeps_blobs_and_images_in_order() {
        let table = parse(&[
            blob(1),
            entry(METADATA, 500, 20, 1, 1, 2),
            entry(0, u64::MAX, (1 << 56) - 1, 1, 0, 3),
            entry(METADATA, 400, 30, 1, 1, 4),
        ]);
        let hashes: Vec<u8> = table.iter().map(|blob| blob.hash.0[0]).collect();
        assert_eq!(hashes, [1, 3]);
        assert_eq!(table.metadata().iter().map(|blob| blob.hash.0[0]).collect::<Vec<_>>(), [2, 4]);
        assert_eq!(table.get(1).place.offset, u64::MAX);
        assert_eq!(table.get(1).place.stored_size, (1 << 56) - 1);
        assert!(table.warnings().is_empty());
    }

    #[test]
    fn finds_every_blob() {
        let count = 10_000u32;
        let hash = |number: u32| BlobHash::of(&number.to_le_bytes());
        let entries: Vec<_> = (0..count)
            .map(|number| {
                let mut bytes = blob(1);
                bytes[30..].copy_from_slice(&hash(number).0);
                bytes
            })
            .collect();
        let table = parse(&entries);
        for number in 0..count {
            assert_eq!(table.find(&hash(number)), Some(number));
        }
        assert_eq!(table.find(&hash(count)), None);
        assert_eq!(parse(&[]).find(&hash(0)), None);
    }

    #[test]
    fn leaves_out_what_cannot_be_used() {
        let cases: &[(&str, Vec<u8>, &[&str])] = &[
            ("no hash", blob(0), &[]),
            ("empty", entry(0, 300, 0, 1, 1, 9), &["blob table entry 1 is for an empty blob"]),
            ("other part", entry(0, 300, 10, 2, 1, 9), &["blob table entry 1 is for part 2, not for this part 1"]),
            ("twice", blob(1), &["blob table entry 1 repeats blob 0101010101010101010101010101010101010101"]),
            ("deleted image", entry(METADATA, 300, 10, 1, 0, 9), &[]),
            ("cut short", vec![1; 49], &["blob table ends with 49 bytes that are no entry"]),
        ];
        for (name, second, want) in cases {
            let table = parse(&[blob(1), second.clone()]);
            assert_eq!((table.len(), table.metadata().len()), (1, 0), "{name}");
            let warnings: Vec<_> = table.warnings().iter().map(ToString::to_string).collect();
            assert_eq!(warnings, *want, "{name}");
        }
    }

    #[test]
    fn metadata_counts_only_in_the_first_part() {
        let entries = [entry(METADATA, 300, 10, 2, 1, 9), entry(0, 300, 10, 2, 1, 8)].concat();
        let table = BlobTable::parse(&entries, 2, false).unwrap();
        assert_eq!((table.len(), table.metadata().len()), (1, 0));
        assert_eq!(table.warnings()[0].to_string(), "blob table entry 0 is metadata in part 2");
    }

    #[test]
    fn metadata_may_claim_several_references() {
        let table = parse(&[entry(METADATA, 300, 10, 1, 3, 9)]);
        assert_eq!(table.metadata().len(), 1);
        assert_eq!(table.warnings()[0].to_string(), "blob table entry 0 is metadata with 3 references");
    }

    #[test]
    fn groups_solid_blobs() {
        let resource = |offset| {
            let mut bytes = entry(SOLID, offset, 1000, 1, 1, 0);
            bytes[16..24].copy_from_slice(&SOLID_RESOURCE_SIZE.to_le_bytes());
            bytes
        };
        let solid = |offset, hash| {
            let mut bytes = entry(SOLID, offset, 50, 1, 1, hash);
            bytes[16..24].fill(0);
            bytes
        };
        let entries = [resource(208), resource(1208), solid(0, 1), solid(50, 2), blob(3), resource(9000), solid(0, 4)];
        let table = parse(&entries);
        let runs: Vec<_> = table
            .solid_runs()
            .iter()
            .map(|run| (run.blobs.clone(), run.resources.iter().map(|place| place.offset).collect::<Vec<_>>()))
            .collect();
        assert_eq!(runs, [(0..2, vec![208, 1208]), (3..4, vec![9000])]);
        assert_eq!(table.iter().map(Blob::size).collect::<Vec<_>>(), [50, 50, 10, 50]);
        let plain = BlobTable::parse(&entries.concat(), 1, false).unwrap();
        assert!(plain.solid_runs().is_empty(), "the flag means nothing in 1.13");
        assert_eq!(plain.iter().filter(|blob| blob.is_solid()).count(), 0);
    }

    /// A table of a run with as many resources as `sizes`, and these blobs: offset and size in the run.
    fn run(sizes: &[Option<u64>], blobs: &[(u64, u64)]) -> Vec<(Home, u64)> {
        let mut entries = Vec::new();
        for _ in sizes {
            let mut resource = entry(SOLID, 208, 1000, 1, 1, 0);
            resource[16..24].copy_from_slice(&SOLID_RESOURCE_SIZE.to_le_bytes());
            entries.push(resource);
        }
        for (hash, &(offset, size)) in (1..).zip(blobs) {
            let mut blob = entry(SOLID, offset, size, 1, 1, hash);
            blob[16..24].fill(0);
            entries.push(blob);
        }
        let mut table = parse(&entries);
        table.place_solid_blobs(sizes).unwrap();
        table.iter().map(|blob| (blob.home(), blob.offset())).collect()
    }

    #[test]
    fn places_solid_blobs() {
        let sizes = [Some(100), Some(0), Some(50)];
        let placed = run(&sizes, &[(100, 50), (0, 60), (60, 40)]);
        assert_eq!(placed, [(Home::Solid(2), 0), (Home::Solid(0), 0), (Home::Solid(0), 60)]);
        let nowhere = |blob| run(&sizes, &[blob])[0].0;
        let outside = Home::Nowhere("outside the solid resources of its run");
        let crossing = Home::Nowhere("too large to lie in the solid resource where it begins");
        assert_eq!(nowhere((99, 2)), crossing);
        assert_eq!(nowhere((149, 2)), crossing);
        assert_eq!(nowhere((150, 1)), outside);
        assert_eq!(nowhere((u64::MAX, (1 << 56) - 1)), outside);
        assert_eq!(run(&[], &[(0, 1)]), [(outside, 0)]);
        assert_eq!(run(&[Some(0)], &[(0, 1)]), [(outside, 0)]);
    }

    #[test]
    fn blobs_behind_an_unreadable_resource_are_taken_for_its_own() {
        let placed = run(&[Some(100), None, Some(50)], &[(0, 100), (100, 10), (170, 10)]);
        assert_eq!(placed, [(Home::Solid(0), 0), (Home::Solid(1), 0), (Home::Solid(1), 70)]);
        let placed = run(&[Some(u64::MAX), Some(100), Some(50)], &[(0, 100), (u64::MAX, 10)]);
        assert_eq!(placed, [(Home::Solid(0), 0), (Home::Solid(1), 0)]);
    }

    #[test]
    fn blobs_inside_others_are_refused() {
        let overlapping = Home::Nowhere("inside another blob of its solid resource");
        let placed = run(&[Some(100)], &[(50, 10), (0, 50), (59, 1), (60, 40), (20, 70)]);
        let homes: Vec<_> = placed.into_iter().map(|(home, _)| home).collect();
        assert_eq!(homes, [Home::Solid(0), Home::Solid(0), overlapping, Home::Solid(0), overlapping]);
    }
}

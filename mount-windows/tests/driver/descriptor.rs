//! Parses security descriptors by the rules of Windows, without the code under test.

/// Owner, group and access list, as bytes.
#[derive(Debug, PartialEq)]
pub(crate) struct Parts<'a> {
    owner: &'a [u8],
    group: &'a [u8],
    list: &'a [u8],
}

/// Everyone may read and execute; owner and group are the administrators.
pub(crate) const UNIFORM: Parts<'static> = Parts {
    owner: &[1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0],
    group: &[1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0],
    list: &[2, 0, 28, 0, 1, 0, 0, 0, 0, 0, 20, 0, 0xa9, 0, 0x12, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0],
};

impl Parts<'_> {
    /// Whether WinFsp can ask for them by name.
    pub(crate) fn fit(&self) -> bool {
        20 + self.owner.len() + self.group.len() + self.list.len() <= 1024
    }
}

/// The parts of a self-relative descriptor that has them all.
pub(crate) fn parts(descriptor: &[u8]) -> Option<Parts<'_>> {
    let from = |field: usize| {
        let at = u32::from_le_bytes(*descriptor.get(field..)?.first_chunk()?) as usize;
        descriptor.get(at..).filter(|_| at >= 20)
    };
    let sid = |field| from(field).and_then(|sid| sid.get(..8 + 4 * usize::from(*sid.get(1)?)));
    let list = from(16)?;
    let list = list.get(..u16::from_le_bytes([*list.get(2)?, *list.get(3)?]).into())?;
    Some(Parts { owner: sid(4)?, group: sid(8)?, list })
}

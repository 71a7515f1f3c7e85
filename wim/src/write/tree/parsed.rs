//! The tree of an image that exists, to be changed and written again.

use super::{File, FileId, OwnedAttribute, Tree, TreeError};
use crate::metadata::{Attributes, Dentry, Metadata, NodeId, TaggedItem};

impl Tree {
    /// The files and names of parsed metadata.
    ///
    /// Fields and tagged items without a known meaning are kept. Names that share an inode get the
    /// properties of the first of them. An image that does not change is better copied as bytes: this
    /// lacks whatever [`Metadata::warnings`] reports as left out, and entries get the order of NTFS.
    ///
    /// ```
    /// use wim::Metadata;
    /// use wim::write::{File, Tree};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let root = File { attributes: wim::Attributes::DIRECTORY, ..File::default() };
    /// let old = Metadata::parse(Tree::new(root).to_bytes()?)?;
    /// let mut tree = Tree::of(&old)?;
    /// let file = tree.add(File::default());
    /// tree.link(Tree::ROOT, &[0x61], &[], file)?;
    /// assert_eq!(Metadata::parse(tree.to_bytes()?)?.node_count(), 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// A name that the format or NTFS does not allow.
    pub fn of(metadata: &Metadata) -> Result<Self, TreeError> {
        let mut tree = Self::new(file_of(metadata, NodeId::ROOT));
        let mut files: Vec<Option<FileId>> = vec![None; metadata.inode_count() as usize];
        files[metadata.inode(NodeId::ROOT).0 as usize] = Some(Self::ROOT);
        let mut directories = vec![(NodeId::ROOT, Self::ROOT)];
        while let Some((directory, id)) = directories.pop() {
            for node in metadata.children(directory).map(NodeId) {
                let inode = metadata.inode(node);
                let known = files[inode.0 as usize];
                let file = known.unwrap_or_else(|| tree.add(file_of(metadata, metadata.first_node(inode))));
                files[inode.0 as usize] = Some(file);
                let dentry = metadata.dentry(node);
                let (name, short_name) = (dentry.name().units(), dentry.short_name().units());
                tree.link(id, &name.collect::<Vec<_>>(), &short_name.collect::<Vec<_>>(), file)?;
                if dentry.is_directory() {
                    directories.push((node, file));
                }
            }
        }
        Ok(tree)
    }
}

/// The file of a node.
fn file_of(metadata: &Metadata, node: NodeId) -> File {
    let dentry = metadata.dentry(node);
    let streams = dentry.streams();
    let descriptor = dentry.security_id().and_then(|id| metadata.security_descriptor(id));
    let is_directory = dentry.attributes().contains(Attributes::DIRECTORY);
    let named = streams.named().map(|stream| (stream.name.units().collect(), stream.hash.unwrap_or_default()));
    let attributes = dentry.extended_attributes().map(|attribute| OwnedAttribute {
        name: attribute.name.to_vec(),
        value: attribute.value.to_vec(),
        flags: attribute.flags,
    });
    File {
        attributes: dentry.attributes(),
        security: descriptor.map(<[u8]>::to_vec),
        created: dentry.created(),
        accessed: dentry.accessed(),
        written: dentry.written(),
        data: streams.unnamed.filter(|_| !is_directory).unwrap_or_default(),
        reparse: dentry.reparse().map(|head| (head, streams.reparse.unwrap_or_default())),
        streams: named.collect(),
        object_id: dentry.object_id().map(<[u8]>::to_vec),
        attributes_extended: attributes.collect(),
        unix: dentry.unix_data(),
        unknown: dentry.unknown(),
        unknown_items: unknown_items(&dentry),
    }
}

/// The tagged items that no other field of a [`File`] stands for.
fn unknown_items(dentry: &Dentry<'_>) -> Vec<(u32, Vec<u8>)> {
    let unknown = dentry.tagged_items().filter(|item| !TaggedItem::WRITTEN_BY_NAME.contains(&item.tag));
    unknown.map(|item| (item.tag, item.data.to_vec())).collect()
}

#[cfg(test)]
mod tests {
    use testkit::{Image, dir, file, root};

    use super::*;
    use crate::BlobHash;

    /// What metadata shows of each path, in the order of the paths.
    fn shown(metadata: &Metadata) -> Vec<String> {
        let mut all: Vec<String> =
            (0..metadata.node_count()).map(NodeId).map(|node| shown_node(metadata, node)).collect();
        all.sort();
        all
    }

    fn shown_node(metadata: &Metadata, node: NodeId) -> String {
        let dentry = metadata.dentry(node);
        let streams = dentry.streams();
        let links: Vec<_> = metadata.nodes_of(metadata.inode(node)).map(|node| metadata.path(node)).collect();
        let security = dentry.security_id().map(|id| metadata.security_descriptor(id));
        let named: Vec<_> =
            streams.named().map(|stream| (stream.name.units().collect::<Vec<_>>(), stream.hash)).collect();
        let mut items: Vec<_> = dentry.tagged_items().collect();
        items.sort_by_key(|item| item.tag);
        format!(
            "{:?} {:?}",
            (metadata.path(node), dentry.short_name().units().collect::<Vec<_>>(), links, dentry.attributes()),
            (
                (security, dentry.created(), dentry.accessed(), dentry.written(), dentry.unknown()),
                (streams.unnamed.unwrap_or_default(), streams.reparse, named, dentry.reparse(), items),
            )
        )
    }

    fn image() -> Metadata {
        let everything = file("everything", "data")
            .short("EVERYT~1")
            .security(1)
            .times(1, 2, 3)
            .stream("named", "stream")
            .object_id(&[5; 16])
            .tagged(2, &[3, 0, 4, 0x80, b'n', b'a', b'm', b'e', 0, 1, 2, 3])
            .unix(1, 2, 0o100_644, 0)
            .tagged(0x1234, b"unknown");
        let tree = root([
            dir("folder", [file("linked", "x").link(7), dir("empty", []).stream("ads", "y")]),
            file("other name", "x").link(7),
            everything,
            file("point", "").reparse(0xA000_000C, testkit::reparse::symlink("a", "a", true)),
        ]);
        let image = Image::new("n", tree).descriptor(&[1; 20]).descriptor(&[2; 30]);
        Metadata::parse(image.metadata().bytes).unwrap()
    }

    #[test]
    fn trees_of_images_are_read_equal() {
        let old = image();
        let bytes = Tree::of(&old).unwrap().to_bytes().unwrap();
        let new = Metadata::parse(bytes.clone()).unwrap();
        assert_eq!(new.warnings().len(), 0);
        assert_eq!(shown(&new), shown(&old));
        assert_eq!(Tree::of(&new).unwrap().to_bytes().unwrap(), bytes, "what we wrote is written again as it is");
    }

    #[test]
    fn fields_of_unknown_meaning_stay() {
        let mut file = File { unknown: [9; 20], unknown_items: vec![(77, vec![1, 2, 3])], ..File::default() };
        file.data = BlobHash([1; 20]);
        let mut tree = Tree::new(File { attributes: Attributes::DIRECTORY, unknown: [8; 20], ..File::default() });
        let id = tree.add(file.clone());
        tree.link(Tree::ROOT, &[0x61], &[], id).unwrap();
        let again = Tree::of(&Metadata::parse(tree.to_bytes().unwrap()).unwrap()).unwrap();
        assert_eq!(again.files().nth(1).map(|(_, file)| file), Some(&file));
        assert_eq!(again.file(Tree::ROOT).unknown, [8; 20]);
    }
}

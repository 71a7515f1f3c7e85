//! Archives with one fault each: what is refused, what is left out, and what stays readable beside it.
#![expect(clippy::print_stdout, reason = "with --nocapture, what each fault leads to can be read")]

use std::sync::Arc;

use testkit::faults::{self, Outcome, Tree};
use wim::{Archive, BlobHash, CaseSensitivity, Error, Metadata, NodeId, Resource, Scratch};

/// The data of a resource, chunk by chunk.
fn read(archive: &Archive, resource: &Resource) -> Result<Vec<u8>, Error> {
    let (mut data, mut scratch) = (Vec::new(), Scratch::default());
    for chunk in 0..resource.chunk_count() {
        let start = data.len();
        data.resize(start + resource.chunk_len(chunk), 0);
        resource.read_chunk(archive.source(), chunk, &mut scratch, &mut data[start..])?;
    }
    Ok(data)
}

/// The data of a file as far as it can be had, with its hash checked.
fn data(archive: &Archive, tree: &Metadata, node: NodeId) -> Result<Vec<u8>, String> {
    let Some(expected) = tree.dentry(node).streams().unnamed else { return Ok(Vec::new()) };
    let index = archive.blobs().find(&expected).ok_or("missing")?;
    let resource = archive.resource(archive.blobs().get(index)).map_err(|error| error.to_string())?;
    let data = read(archive, &resource).map_err(|error| error.to_string())?;
    if BlobHash::of(&data) == expected { Ok(data) } else { Err("changed".into()) }
}

fn resolve(tree: &Metadata, path: &str) -> Option<NodeId> {
    path.split('/').try_fold(NodeId::ROOT, |directory, name| {
        tree.lookup(directory, &name.encode_utf16().collect::<Vec<_>>(), CaseSensitivity::Sensitive)
    })
}

/// Checks one image and returns whether it has warnings.
fn check_image(name: &str, archive: &Archive, index: usize, want: Tree) -> bool {
    let Tree::Shows { intact, unreadable, absent } = want else {
        let error = archive.metadata(index).map(|_| ()).expect_err(name);
        println!("{name}: image {}: {error}", index + 1);
        return false;
    };
    let tree = archive.metadata(index).unwrap_or_else(|error| panic!("{name}: {error}"));
    for path in intact {
        let node = resolve(&tree, path).unwrap_or_else(|| panic!("{name}: {path} is not there"));
        assert_eq!(tree.path(node), path.as_bytes(), "{name}");
        let data = data(archive, &tree, node).unwrap_or_else(|error| panic!("{name}: {path}: {error}"));
        assert!(data == faults::content(path), "{name}: {path} holds something else");
    }
    for path in unreadable {
        let node = resolve(&tree, path).unwrap_or_else(|| panic!("{name}: {path} is not there"));
        println!("{name}: {path}: {}", data(archive, &tree, node).expect_err(name));
    }
    for path in absent {
        assert_eq!(resolve(&tree, path), None, "{name}: {path} is there");
    }
    tree.warnings().iter().for_each(|warning| println!("{name}: image {}: {warning}", index + 1));
    !tree.warnings().is_empty()
}

fn check(name: &str, bytes: Vec<u8>, outcome: Outcome) {
    let archive = match (Archive::open(Arc::new(bytes)), outcome.images()) {
        (Err(error), None) => return println!("{name}: {error}"),
        (Ok(_), None) => panic!("{name} opens"),
        (Err(error), Some(_)) => panic!("{name}: {error}"),
        (Ok(archive), Some(_)) => archive,
    };
    let images = outcome.images().unwrap_or_default();
    assert_eq!(archive.image_count(), images.len(), "{name}");
    archive.warnings().for_each(|warning| println!("{name}: {warning}"));
    let mut warned = archive.warnings().next().is_some();
    warned |= archive.integrity().inspect_err(|error| println!("{name}: {error}")).is_err();
    for (index, &want) in images.iter().enumerate() {
        warned |= check_image(name, &archive, index, want);
    }
    if let Outcome::Warns(_) = outcome {
        assert!(warned, "{name}: nothing warns");
    }
}

#[test]
fn every_fault_ends_as_it_must() {
    let mut failed = Vec::new();
    for fault in faults::all() {
        let result = std::panic::catch_unwind(|| check(fault.name, (fault.build)().bytes, fault.outcome));
        if result.is_err() {
            failed.push(format!("{}: must {}", fault.name, fault.must));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// With a bit of the metadata flipped and its hash made to agree, everything that is left can be walked.
#[test]
fn flipped_metadata_can_be_walked() {
    let archive = Archive::open(Arc::new(faults::undamaged().bytes)).unwrap();
    let metadata = archive.metadata_resource(0).unwrap();
    for at in 0..metadata.len() {
        for bit in 0..8 {
            let mut bytes = metadata.clone();
            bytes[at] ^= 1 << bit;
            if let Ok(tree) = Metadata::parse(bytes) {
                walk(&tree);
            }
        }
    }
}

/// Touches everything that can be asked of a tree.
fn walk(tree: &Metadata) {
    for node in (0..tree.node_count()).map(NodeId) {
        let dentry = tree.dentry(node);
        let _ = (dentry.streams().named().count(), dentry.tagged_items().count(), dentry.short_name().to_wtf8());
        let _ = (dentry.extended_attributes().count(), dentry.linux_xattrs().count(), dentry.unix_data());
        let _ = (tree.path(node), dentry.object_id(), dentry.reparse(), dentry.security_id());
        assert!(tree.nodes_of(tree.inode(node)).any(|other| other == node));
        assert!(tree.children(node).all(|child| tree.parent(NodeId(child)) == node));
    }
    tree.security_descriptors().for_each(|descriptor| drop(descriptor.to_vec()));
}

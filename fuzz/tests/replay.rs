//! Replays inputs through the fuzz targets: the corpus in `corpus/TARGET.tar`, and testkit's faulty
//! archives with bits flipped.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use testkit::content::Random;
use testkit::{Packing, Wim, file, root};
use wimstore_fuzz::{TARGETS, store_input};

/// How many changed copies of each faulty archive are tried.
const COPIES: u64 = 40;

/// Of how many of them one is mounted, which takes far longer than opening it.
const MOUNTED: u64 = 5;

#[test]
fn the_corpus_breaks_nothing() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (name, target) in TARGETS {
        let path = corpus.join(format!("{name}.tar"));
        let file = File::open(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let mut count = 0;
        for entry in tar::Archive::new(file).entries().unwrap() {
            let mut input = Vec::new();
            entry.unwrap().read_to_end(&mut input).unwrap();
            target(&input);
            count += 1;
        }
        assert!(count > 0, "{} has inputs", path.display());
    }
}

#[test]
fn changed_archives_break_nothing() {
    let target = |wanted| TARGETS.iter().find(|(name, _)| *name == wanted).unwrap().1;
    let (archive, store) = (target("archive"), target("store"));
    let sound = Wim::new(Packing::Xpress(32768), root([file("victim", "victim")])).build().bytes;
    let mut random = Random::new(1);
    for fault in testkit::faults::all() {
        let good = (fault.build)().bytes;
        archive(&good);
        store(&store_input(&good, &sound));
        if good.is_empty() || good.len() > 1 << 20 {
            continue; // nothing to change, or too slow to try often
        }
        for copy in 0..COPIES {
            let mut bytes = good.clone();
            for _ in 0..=random.below(3) {
                let at = random.below(bytes.len() as u64) as usize;
                bytes[at] = random.below(256) as u8;
            }
            archive(&bytes);
            if copy % MOUNTED == 0 {
                store(&store_input(&bytes, &[]));
            }
        }
    }
}

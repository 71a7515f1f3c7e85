//! The option that helps against an error of the store.

use fs_core::Error;

/// Has errors, and the lines of the log, end with the option that helps.
pub(crate) fn install() {
    fs_core::set_advice(advice);
}

/// The error and its causes on one line, with the option that helps if it is the store's.
pub(crate) fn in_words(error: &anyhow::Error) -> String {
    let text = format!("{error:#}");
    let of_store = error.chain().find_map(|cause| cause.downcast_ref::<Error>());
    match of_store.and_then(|error| advice(error.root_cause())) {
        Some(advice) => format!("{text}; {advice}"),
        None => text,
    }
}

fn advice(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::Encrypted => "--efs-raw (mount option efs_raw) reads that",
        Error::DataMissing { .. } => "name the archive that does with --ref",
        Error::OtherSet { .. } => "--ref takes data from it all the same",
        Error::LinkRefused { .. } => "--follow-links (mount option follow_links) follows it",
        Error::TooManyImages { .. } => "--image N shows any of them",
        Error::Blob { .. } if error.is_chunk_limit() => "--max-chunk allows larger ones",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use fs_core::Advised;
    use fs_core::wim::BlobHash;

    use super::*;

    #[test]
    fn an_error_names_the_option_that_helps() {
        install();
        let missing = Error::DataMissing { hash: BlobHash::ZERO }.at(b"a/file");
        let blob = BlobHash::ZERO;
        let words = format!("a/file: no archive supplies blob {blob}; name the archive that does with --ref");
        assert_eq!(Advised(&missing).to_string(), words);
        assert_eq!(in_words(&anyhow::Error::from(missing)), words);
        assert_eq!(Advised(&Error::NotFound).to_string(), "no such file or directory");
        let link = Error::LinkRefused { link: "a.wim".into(), reason: "leads out" };
        let words = "a.wim: leads out; --follow-links (mount option follow_links) follows it";
        assert_eq!(Advised(&link).to_string(), words);
        assert_eq!(in_words(&anyhow::Error::from(link).context("store")), format!("store: {words}"));
    }
}

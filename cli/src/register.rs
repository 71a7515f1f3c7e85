//! `wimstore register` and `unregister`: let WinFsp's launcher mount a store for `net use`.

use std::ffi::OsStr;
use std::path::{self, Path};
use std::process::ExitCode;

use anyhow::{Context, bail};
use fs_core::{ImageChoice, LinkTargets, Verify};
use mount_windows::Security;

use crate::drive::Shown;
use crate::globals::Globals;

/// Let `net use X: \\wimstore\images` mount a store.
///
/// Tells WinFsp's launcher, in the registry, to start this program then; `net use X: /delete` ends it. It takes an
/// administrator. What was registered under the name is replaced.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wimstore register D:\\RemoteInstall
  wimstore register D:\\install.wim --image 2 --name install     then: net use * \\\\install\\x")]
pub(crate) struct Args {
    #[command(flatten)]
    shown: Shown,

    #[command(flatten)]
    server: Server,
}

/// Take back what `wimstore register` did; drives that are mounted stay.
#[derive(clap::Args, Debug)]
pub(crate) struct UnregisterArgs {
    #[command(flatten)]
    server: Server,
}

/// Under which name a store is registered.
#[derive(clap::Args, Debug)]
struct Server {
    /// What `net use` calls it: the server in \\NAME\SHARE, where SHARE may be anything
    #[arg(long, default_value = "wimstore", value_parser = parse_name)]
    name: String,
}

/// Registers.
pub(crate) fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let line = command_line(&args.shown, globals)?;
    let program = std::env::current_exe().context("where this program is")?;
    mount_windows::register(&args.server.name, program.as_os_str(), &line)
        .with_context(|| write_error(&args.server))?;
    Ok(ExitCode::SUCCESS)
}

/// Takes it back.
pub(crate) fn unregister(args: &UnregisterArgs, _: &Globals) -> anyhow::Result<ExitCode> {
    if !mount_windows::unregister(&args.server.name).with_context(|| write_error(&args.server))? {
        bail!("nothing is registered as {}", args.server.name);
    }
    Ok(ExitCode::SUCCESS)
}

fn write_error(server: &Server) -> String {
    format!(r"HKEY_LOCAL_MACHINE\SOFTWARE\WinFsp\Services\{}: run as administrator", server.name)
}

fn parse_name(text: &str) -> Result<String, &'static str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if text.is_empty() || !text.chars().all(is_plain) {
        return Err("it is no name of letters, digits, `-`, `_` and `.`");
    }
    Ok(text.to_owned())
}

/// The arguments with which the launcher starts us: it puts the share for `%1` and the drive for `%2`.
fn command_line(shown: &Shown, globals: &Globals) -> anyhow::Result<String> {
    let choice = &shown.source.choice;
    let mut words = vec!["mount".to_owned(), "%2".into(), "--volume-prefix %1".into()];
    if let Some(image) = &choice.image {
        let image = match image {
            ImageChoice::Number(number) => number.to_string(),
            ImageChoice::Name(name) => name.clone(),
        };
        words.push(quoted(OsStr::new(&format!("--image={image}")))?);
    }
    for reference in &choice.references {
        words.push(format!("--ref={}", absolute(reference)?));
    }
    words.extend(choice.follow_links.then(|| "--follow-links".to_owned()));
    words.extend(choice.max_chunk.map(|bytes| format!("--max-chunk={bytes}")));
    words.extend(shown.reading.efs_raw.then(|| "--efs-raw".into()));
    words.extend((shown.security == Security::Image).then(|| "--security=image".into()));
    words.extend((shown.links.targets == LinkTargets::AsStored).then(|| "--links=stored".into()));
    let verify = Verify::NAMED.iter().find(|(_, verify)| *verify == shown.verify && *verify != Verify::default());
    words.extend(verify.map(|(name, _)| format!("--verify={name}")));
    words.extend(shown.cache.map(|bytes| format!("--cache={bytes}")));
    words.extend(shown.metadata_cache.map(|bytes| format!("--metadata-cache={bytes}")));
    words.extend(std::iter::repeat_n("-v".to_owned(), globals.verbose.into()));
    if let Some(log) = &globals.log_file {
        words.push(format!("--log-file={}", absolute(log)?));
    }
    words.insert(1, absolute(&shown.source.path)?);
    Ok(words.join(" "))
}

/// A path as the launcher's other working folder leaves it.
fn absolute(path: &Path) -> anyhow::Result<String> {
    quoted(path::absolute(path).with_context(|| path.display().to_string())?.as_os_str())
}

/// One word of a command line, as programs of Windows take it apart.
fn quoted(word: &OsStr) -> anyhow::Result<String> {
    let Some(text) = word.to_str().filter(|text| !text.contains(['%', '"'])) else {
        bail!("{}: the launcher cannot be told of a name with % or \" in it, or that is no Unicode", word.display());
    };
    // Backslashes before a quote would protect it.
    let backslashes = text.len() - text.trim_end_matches('\\').len();
    Ok(format!("\"{text}{}\"", "\\".repeat(backslashes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_out_as_they_went_in() {
        for (word, want) in [
            (r"D:\a b", r#""D:\a b""#),
            (r"D:\", r#""D:\\""#),
            (r"\\server\share\\", r#""\\server\share\\\\""#),
            ("", r#""""#),
        ] {
            assert_eq!(quoted(OsStr::new(word)).unwrap(), want);
        }
        assert!(quoted(OsStr::new("100%")).is_err() && quoted(OsStr::new("a\"b")).is_err());
    }

    #[test]
    fn names_are_plain() {
        assert!(["wimstore", "a-b_c.d1"].iter().all(|name| parse_name(name).is_ok()));
        assert!(["", "a\\b", "a b", "..\\x", "ü"].iter().all(|name| parse_name(name).is_err()));
    }
}

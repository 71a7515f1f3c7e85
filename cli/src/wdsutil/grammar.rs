//! The grammar of `wdsutil`: `/Verb[:value] /Option[:value] …`, names in any case, with `-` as well as `/`.

use anyhow::{bail, ensure};

/// Options that begin the second scope: what follows is about the image that is made, not about the one that is selected.
const SCOPES: [&str; 2] = ["destinationimage", "replacementimage"];

/// What a command line says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Words {
    /// The verb in lower case, without its `/`.
    pub(super) verb: String,
    /// Options of the first scope; a value at the verb counts as one, with the verb's name.
    first: Vec<Word>,
    /// Options behind `/DestinationImage` or `/ReplacementImage`.
    second: Vec<Word>,
}

#[derive(Debug, PartialEq, Eq)]
struct Word {
    /// In lower case.
    name: String,
    /// As it was written, for messages.
    shown: String,
    value: Option<String>,
}

impl Words {
    /// Reads arguments.
    ///
    /// # Errors
    /// There is no verb, or an argument is no option.
    pub(super) fn parse(arguments: &[String]) -> anyhow::Result<Self> {
        let mut words = Self::default();
        let mut is_second = false;
        for argument in arguments {
            let Some(rest) = argument.strip_prefix(['/', '-']) else {
                bail!("{argument}: an option begins with /; a value with blanks stands in quotes, /Name:\"two words\"")
            };
            let (name, value) =
                rest.split_once(':').map_or((rest, None), |(name, value)| (name, Some(unquoted(value))));
            let word = Word { name: name.to_ascii_lowercase(), shown: format!("/{name}"), value };
            match word.name.as_str() {
                "verbose" | "progress" => {}
                "reminst" | "server" => words.first.push(word), // also before the verb
                name if SCOPES.contains(&name) && !words.verb.is_empty() => is_second = true,
                _ if words.verb.is_empty() => {
                    words.verb.clone_from(&word.name);
                    words.first.extend(word.value.is_some().then_some(word));
                }
                _ if is_second => words.second.push(word),
                _ => words.first.push(word),
            }
        }
        ensure!(!words.verb.is_empty(), "no verb; `wimstore wdsutil /?` lists those that there are");
        Ok(words)
    }

    /// Takes the value of an option of the first scope.
    ///
    /// # Errors
    /// It is there twice, or without a value.
    pub(super) fn take(&mut self, name: &str) -> anyhow::Result<Option<String>> {
        take(&mut self.first, name)
    }

    /// Takes the value of an option of the second scope.
    ///
    /// # Errors
    /// As [`Words::take`].
    pub(super) fn take_second(&mut self, name: &str) -> anyhow::Result<Option<String>> {
        take(&mut self.second, name)
    }

    /// Takes an option without a value; whether it is there.
    pub(super) fn take_flag(&mut self, name: &str) -> bool {
        let before = self.first.len();
        self.first.retain(|word| !(word.name == name.to_ascii_lowercase() && word.value.is_none()));
        self.first.len() < before
    }

    /// The value at the verb, or else that of an option.
    ///
    /// # Errors
    /// Neither is there.
    pub(super) fn subject(&mut self, name: &str) -> anyhow::Result<String> {
        let verb = self.verb.clone();
        match self.take(&verb)? {
            Some(value) => Ok(value),
            None => self.need(name),
        }
    }

    /// The value of an option that must be there.
    ///
    /// # Errors
    /// It is not there.
    pub(super) fn need(&mut self, name: &str) -> anyhow::Result<String> {
        let value = self.take(name)?;
        value.ok_or_else(|| anyhow::anyhow!("/{} needs /{name}:…", self.verb))
    }

    /// As [`Words::need`], in the second scope.
    ///
    /// # Errors
    /// It is not there.
    pub(super) fn need_second(&mut self, scope: &str, name: &str) -> anyhow::Result<String> {
        let value = self.take_second(name)?;
        value.ok_or_else(|| anyhow::anyhow!("/{} needs /{scope} /{name}:…", self.verb))
    }

    /// Refuses options that nobody took.
    ///
    /// # Errors
    /// One is left.
    pub(super) fn end(self) -> anyhow::Result<()> {
        match self.first.iter().chain(&self.second).next() {
            None => Ok(()),
            Some(word) => bail!("{}: not an option of /{}", word.shown, self.verb),
        }
    }
}

fn take(words: &mut Vec<Word>, name: &str) -> anyhow::Result<Option<String>> {
    let is_named = |word: &Word| word.name.eq_ignore_ascii_case(name);
    let Some(at) = words.iter().position(is_named) else { return Ok(None) };
    let word = words.remove(at);
    ensure!(!words.iter().any(is_named), "{} is there twice", word.shown);
    match word.value {
        Some(value) if !value.is_empty() => Ok(Some(value)),
        _ => bail!("{0} needs a value: {0}:…", word.shown),
    }
}

/// A value without the quotes around it; a doubled quote in it stands for one.
fn unquoted(value: &str) -> String {
    let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
    inner.replace("\"\"", "\"")
}

/// What `Yes` and `No` mean.
///
/// # Errors
/// It is neither.
pub(super) fn yes(name: &str, value: &str) -> anyhow::Result<bool> {
    match value.to_ascii_lowercase().as_str() {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => bail!("/{name}:{value}: it is neither Yes nor No"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> anyhow::Result<Words> {
        Words::parse(&arguments.iter().map(|&argument| argument.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn names_are_found_in_any_case_and_scopes_are_apart() {
        let mut words = parse(&[
            "-Verbose",
            "/COPY-image",
            "-image:Windows 7",
            "/ImageGroup:\"My \"\"own\"\" group\"",
            "/DestinationImage",
            "/Name:New: 2",
            "/SkipVerify",
        ])
        .unwrap();
        assert_eq!(words.verb, "copy-image");
        assert_eq!(words.take("Image").unwrap().as_deref(), Some("Windows 7"));
        assert_eq!(words.take("imagegroup").unwrap().as_deref(), Some("My \"own\" group"));
        assert_eq!(words.take("Name").unwrap(), None);
        assert_eq!(words.take_second("Name").unwrap().as_deref(), Some("New: 2"));
        assert_eq!(words.end().unwrap_err().to_string(), "/SkipVerify: not an option of /copy-image");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let said = |arguments: &[&str]| parse(arguments).unwrap_err().to_string();
        assert!(said(&[]).starts_with("no verb"));
        assert!(said(&["/Add-Image", "file.wim"]).starts_with("file.wim: an option begins with /"));
        let twice = parse(&["/Get-Image", "/Image:a", "/image:b"]).unwrap().take("Image").unwrap_err();
        assert_eq!(twice.to_string(), "/Image is there twice");
        let empty = parse(&["/Get-Image", "/Image:"]).unwrap().take("Image").unwrap_err();
        assert_eq!(empty.to_string(), "/Image needs a value: /Image:…");
        assert_eq!(
            parse(&["/Get-Image"]).unwrap().subject("Image").unwrap_err().to_string(),
            "/get-image needs /Image:…"
        );
        assert_eq!(parse(&["/Get-Image:x"]).unwrap().subject("Image").unwrap(), "x");
        assert!(yes("Enabled", "maybe").is_err() && yes("Enabled", "YES").unwrap());
    }
}

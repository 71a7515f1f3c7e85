//! `wimstore user`: the file of users.

use std::io::{self, BufRead, IsTerminal};
use std::process::ExitCode;

use access::users::{Edit, MAX_PASSWORD, UsersFile, hash_password, read};
use anyhow::{Context, bail, ensure};
use clap::Subcommand;

use crate::accounts::File;
use crate::globals::Globals;
use crate::output::Output;

/// Add, change, remove or list the users that may log on without a directory.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wimstore user add alice
  wimstore user add root --admin --password-stdin < password.txt
  wimstore user disable alice
  wimstore group add Deployers
  wimstore group join Deployers alice

The file must have mode 0600 or 0640, and belong to root or to the user who runs this. Passwords are kept as argon2id \
hashes.")]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,

    #[command(flatten)]
    file: File,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Add a user, with a password that is asked for
    Add {
        /// Name of the user
        name: String,
        /// Make the user an administrator
        #[arg(long)]
        admin: bool,
        #[command(flatten)]
        password: Password,
    },
    /// Give a user another password
    Passwd {
        /// Name of the user
        name: String,
        #[command(flatten)]
        password: Password,
    },
    /// Keep a user from logging on
    Disable {
        /// Name of the user
        name: String,
        /// Allow it again
        #[arg(long)]
        undo: bool,
    },
    /// Remove a user
    Remove {
        /// Name of the user
        name: String,
    },
    /// List the users
    List,
}

/// Where a password comes from.
#[derive(clap::Args, Debug)]
struct Password {
    /// Take the password from the first line of stdin instead of the terminal
    #[arg(long)]
    password_stdin: bool,
}

pub(crate) fn run(args: &Args, _: &Globals) -> anyhow::Result<ExitCode> {
    match &args.verb {
        Verb::Add { name, admin, password } => {
            let hash = password.hash(name)?;
            apply(&args.file, Edit::AddUser { name, administrator: *admin, password: Some(&hash) })
        }
        Verb::Passwd { name, password } => {
            let hash = password.hash(name)?;
            apply(&args.file, Edit::SetPassword(name, &hash))
        }
        Verb::Disable { name, undo } => apply(&args.file, Edit::SetDisabled(name, !undo)),
        Verb::Remove { name } => apply(&args.file, Edit::RemoveUser(name)),
        Verb::List => list_users(&args.file),
    }
}

pub(crate) fn apply(file: &File, edit: Edit<'_>) -> anyhow::Result<ExitCode> {
    UsersFile::open(&file.path())?.apply(edit)?;
    Ok(ExitCode::SUCCESS)
}

/// One line a user: name, identifier, what is special about it.
fn list_users(file: &File) -> anyhow::Result<ExitCode> {
    let users = read(&file.path())?;
    let mut output = Output::stdout()?;
    for user in users.users() {
        let notes = [
            ("admin", user.is_administrator),
            ("disabled", user.is_disabled),
            ("expires", user.expires.is_some()),
            ("no password", !user.has_password()),
        ];
        output.name(user.name.as_bytes())?;
        output.text(format_args!("  {}", user.sid))?;
        for (note, _) in notes.iter().filter(|(_, applies)| *applies) {
            output.text(format_args!("  {note}"))?;
        }
        output.text(format_args!("\n"))?;
    }
    output.finish()?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn list_groups(file: &File) -> anyhow::Result<ExitCode> {
    let users = read(&file.path())?;
    let mut output = Output::stdout()?;
    for group in users.groups() {
        output.name(group.name.as_bytes())?;
        output.text(format_args!("  {}\n", group.sid))?;
    }
    output.finish()?;
    Ok(ExitCode::SUCCESS)
}

impl Password {
    /// The hash of the password for `name`.
    fn hash(&self, name: &str) -> anyhow::Result<String> {
        let password = if self.password_stdin { first_line()? } else { typed(name)? };
        ensure!(!password.is_empty(), "an empty password is no password");
        hash_password(&password).with_context(|| format!("a password has at most {MAX_PASSWORD} bytes, and no NUL"))
    }
}

fn first_line() -> anyhow::Result<String> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).context("reading the password from stdin")?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

/// Asks for a password twice, without showing it.
fn typed(name: &str) -> anyhow::Result<String> {
    if !io::stdin().is_terminal() {
        bail!("no terminal to ask for a password: use --password-stdin");
    }
    let password = rpassword::prompt_password(format!("Password for {name}: "))?;
    let again = rpassword::prompt_password("Once more: ")?;
    ensure!(password == again, "the passwords differ");
    Ok(password)
}

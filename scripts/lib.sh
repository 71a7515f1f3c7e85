# shellcheck shell=bash
# What the scripts share: messages, finding Rust, installing packages, real files taken out of packages.
# Source it after `set -euo pipefail`.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
rust_wanted=1.95   # Cargo.toml, rust-version

# Downloaded packages are kept here between runs.
cache=${WIMSTORE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/wimstore}

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "$*"; exit 2; }

# at_least HAVE WANTED: is version HAVE not below WANTED?
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]; }

# as_root COMMAND...: runs it as root, by sudo where we are not.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo > /dev/null; then
        sudo --preserve-env=DEBIAN_FRONTEND "$@"
    else
        die "this needs root and there is no sudo; run as root: $*"
    fi
}

# have_package NAME: is this Debian package installed?
have_package() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2> /dev/null)" = installed ]; }

# install_packages NAME...: installs those that are missing, and asks the mirror only then. Removes nothing.
install_packages() {
    local name missing=()
    need_apt "$@"
    for name in "$@"; do
        have_package "$name" || missing+=("$name")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    update_lists
    apt_install "${missing[@]}"
}

# need_apt NAME...: is there what installs these packages?
need_apt() {
    command -v apt-get > /dev/null || die "no apt-get here; install what these Debian packages hold, by hand: $*"
}

# update_lists: asks the mirrors what packages there are.
update_lists() {
    as_root apt-get -qq -o DPkg::Lock::Timeout=300 update > /dev/null || die "apt-get update failed"
}

# apt_install NAME...: installs packages, or upgrades them to what the mirrors have. Removes
# nothing.
apt_install() {
    say "installing $*"
    export DEBIAN_FRONTEND=noninteractive
    as_root apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 install --yes --no-install-recommends --no-remove \
        "$@" > /dev/null || die "apt-get could not install $*"
}

# find_rust: puts the first cargo and rustc of at least $rust_wanted at the front of PATH; fails if there is none.
find_rust() {
    local dir rustc places
    IFS=: read -ra places <<< "$PATH:${CARGO_HOME:-$HOME/.cargo}/bin"
    for dir in "${places[@]}"; do
        if [ ! -x "$dir/cargo" ] || [ ! -x "$dir/rustc" ]; then continue; fi
        rustc=$(cd "$root" && "$dir/rustc" --version 2> /dev/null | cut -d ' ' -f 2) || continue
        if at_least "${rustc:-0}" "$rust_wanted"; then
            export PATH="$dir:$PATH"
            return 0
        fi
    done
    return 1
}

# need_rust PACKAGE...: finds Rust; where it is missing, too old or Debian's, installs or upgrades
# these packages of Debian's current Rust.
need_rust() {
    local tool
    if ! find_rust; then
        upgrade_rust "$@"
        find_rust || die "no Rust $rust_wanted or later, although ${*} are installed; see \`type -a rustc\`"
    elif have_package cargo-web; then
        install_packages "$@"
    fi
    for tool in fmt clippy; do
        if [[ "$*" = *$tool* ]] && ! cargo "$tool" --version > /dev/null 2>&1; then
            die "cargo $tool is missing: rustup component add rustfmt clippy"
        fi
    done
}

# upgrade_rust PACKAGE...: installs these packages of Debian's current Rust, or upgrades them.
upgrade_rust() {
    need_apt "$@"
    update_lists
    need_candidate
    apt_install "$@"
}

# need_candidate: is the rustc-web that apt would install recent enough? If not, says what to do.
need_candidate() {
    local candidate sources release line
    candidate=$(LC_ALL=C apt-cache policy rustc-web | sed -n 's/^ *Candidate: //p')
    if at_least "${candidate%%[!0-9.]*}" "$rust_wanted"; then return 0; fi
    say "no Rust $rust_wanted or later here, and apt's rustc-web is ${candidate:-(none)}"
    sources=$(LC_ALL=C apt-cache policy)
    release=$(sed -n 's/^ *release .*o=Debian,.*,n=\([a-z]*\),l=Debian,.*/\1/p' <<< "$sources" | head -n 1)
    if [ -n "$release" ] && ! grep -q ",n=$release-security," <<< "$sources"; then
        line="deb http://deb.debian.org/debian-security $release-security main"
        die "Debian's current Rust is among its security updates, which apt does not know here." \
            "Add this line to /etc/apt/sources.list.d/$release-security.list and try again: $line"
    fi
    die "install Rust from https://rustup.rs"
}

# build_program: builds the release program and prints its path.
build_program() {
    (cd "$root" && cargo build --release --locked --package wimstore) || die "the program does not build"
    echo "$root/target/release/wimstore"
}

# fetch_packages NAME...: downloads these Debian packages, without installing them, into $cache/packages.
fetch_packages() {
    local name missing=()
    mkdir -p "$cache/packages"
    for name in "$@"; do
        compgen -G "$cache/packages/${name}_*.deb" > /dev/null || missing+=("$name")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "downloading ${missing[*]}"
    if ! download_packages "${missing[@]}" 2> /dev/null; then
        as_root apt-get -qq update > /dev/null || die "apt-get update failed"
        download_packages "${missing[@]}" || die "could not download ${missing[*]}"
    fi
}

# Downloads to a folder of its own first, so that what is in the cache is whole.
download_packages() {
    local part="$cache/packages/part.$$"
    mkdir -p "$part"
    if (cd "$part" && apt-get -qq -o APT::Sandbox::User=root download "$@") && mv "$part"/*.deb "$cache/packages/"; then
        rmdir "$part"
    else
        rm -rf "$part"
        return 1
    fi
}

# unpack_package NAME DIR [PATTERN...]: unpacks a fetched package's files, or those that match a PATTERN, into DIR.
unpack_package() {
    local name=$1 dir=$2 deb
    shift 2
    deb=$(find "$cache/packages" -name "${name}_*.deb" | sort -V | tail -n 1)
    mkdir -p "$dir"
    dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$dir" --no-same-owner --wildcards "$@"
}

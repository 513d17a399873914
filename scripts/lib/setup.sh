# shellcheck shell=bash
# What the scripts need of the machine: found first, told, then installed from Debian's packages.
#
# Sourced. A script names what it needs with want_… and then calls install_wanted once.

# Debian's file system tools lie where only root's PATH leads.
PATH="$PATH:/usr/sbin:/sbin"

WANTED_PACKAGES=()

say() { printf '%s\n' "$*" >&2; }

# die MESSAGE [WHAT-TO-DO]
die() {
    say "error: $1"
    [ $# -lt 2 ] || say "  → $2"
    exit 1
}

want_package() {
    local known
    for known in ${WANTED_PACKAGES[@]+"${WANTED_PACKAGES[@]}"}; do
        [ "$known" != "$1" ] || return 0
    done
    WANTED_PACKAGES+=("$1")
}

# want_program PROGRAM PACKAGE
want_program() { command -v "$1" >/dev/null 2>&1 || want_package "$2"; }

# want_file FILE PACKAGE
want_file() { [ -e "$1" ] || want_package "$2"; }

# What `twin base build` and the twin's virtual machines call.
want_machines() {
    want_program qemu-system-x86_64 qemu-system-x86
    want_file /usr/share/OVMF ovmf
    want_program unshare util-linux
    want_program slirp4netns slirp4netns
    want_program mmdebstrap mmdebstrap
    want_program newuidmap uidmap
    want_program sfdisk fdisk
    want_program mkfs.vfat dosfstools
    want_program mcopy mtools
    want_program mke2fs e2fsprogs
    want_file /usr/share/keyrings/debian-archive-keyring.gpg debian-archive-keyring
    want_file /etc/ssl/certs/ca-certificates.crt ca-certificates
}

# What compiling calls besides Rust.
want_compiler() {
    want_program cc gcc
    want_file /usr/include/stdlib.h libc6-dev
    want_program git git
}

# What the tests call besides.
want_test_tools() {
    want_program qemu-img qemu-utils
    want_program debugfs e2fsprogs
    want_program mkfs.xfs xfsprogs
    want_program xfs_db xfsprogs
    want_program mkfs.vfat dosfstools
    want_program mcopy mtools
    # Makes the databases that the reader of packages is tried on, and says what is in them; both say which version is newer.
    want_program rpmbuild rpm
    want_program dpkg dpkg
    # Shows the page that a scan writes, as its readers see it.
    want_program chromium chromium
    want_program python3 python3
    # Debian's python3 comes without what a virtual environment is made with.
    python3 -c 'import ensurepip, venv' >/dev/null 2>&1 || want_package python3-venv
}

# Installs what is missing; says so first. Does nothing, and needs no privilege, when nothing is.
install_wanted() {
    [ ${#WANTED_PACKAGES[@]} -gt 0 ] || return 0
    say "missing packages: ${WANTED_PACKAGES[*]}"
    command -v apt-get >/dev/null 2>&1 ||
        die "they can't be installed: this is no Debian or Ubuntu" "install their likes by your own package manager, then run this again"
    say "installing them by apt-get"
    as_root apt-get update -q >&2 || die "apt-get update failed" "see what it said above"
    local plain=() backported=() package
    for package in "${WANTED_PACKAGES[@]}"; do
        case $package in
        qemu-*) if qemu_is_backported; then backported+=("$package"); else plain+=("$package"); fi ;;
        *) plain+=("$package") ;;
        esac
    done
    if [ ${#backported[@]} -gt 0 ]; then
        local suite
        suite="$(release_codename)-backports"
        add_backports "$suite"
        apt_install -t "$suite" "${backported[@]}"
    fi
    [ ${#plain[@]} -eq 0 ] || apt_install "${plain[@]}"
    WANTED_PACKAGES=()
}

# The parts of QEMU want the same version of each other: beside one from backports, the rest must
# come from there too.
qemu_is_backported() {
    dpkg-query --show --showformat '${db:Status-Status} ${Version}\n' qemu-utils qemu-system-x86 qemu-system-common 2>/dev/null |
        grep -q '^installed .*~bpo'
}

add_backports() {
    local suite=$1 mirror
    ! apt-cache policy | grep -q "[/ ]$suite/main " || return 0
    mirror=$(debian_mirror) || die "QEMU is from $suite here, and no Debian mirror is configured" "add $suite to /etc/apt/sources.list.d"
    say "adding $suite, where this machine's QEMU is from, as /etc/apt/sources.list.d/bakehouse-backports.list"
    printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$mirror" "$suite" |
        as_root tee /etc/apt/sources.list.d/bakehouse-backports.list >/dev/null
    as_root apt-get update -q >&2 || die "apt-get update failed" "see what it said above"
}

# The mirror that this machine's own apt is configured with.
debian_mirror() {
    local files=()
    mapfile -t files < <(find /etc/apt/sources.list /etc/apt/sources.list.d -type f \( -name '*.list' -o -name '*.sources' \) 2>/dev/null)
    [ ${#files[@]} -gt 0 ] || return 1
    sed -e 's/#.*//' "${files[@]}" | grep -oE 'https?://[^ ]+/debian/?( |$)' | sed -e 's, *$,,' | head -n 1 | grep .
}

release_codename() {
    # shellcheck source=/dev/null
    (. /etc/os-release && printf '%s' "${VERSION_CODENAME:?/etc/os-release names no VERSION_CODENAME}")
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
        -o DPkg::Lock::Timeout=300 "$@" >&2 || die "apt-get could not install all of: $*" "see what it said above"
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        die "installing packages takes root, and there is no sudo" "as root: apt-get install ${WANTED_PACKAGES[*]}"
    fi
}

# require_rust ROOT: Rust can't come from Debian's packages, which are older than Cargo.toml asks for.
require_rust() {
    local wanted found
    wanted=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$1/Cargo.toml")
    command -v cargo >/dev/null 2>&1 || [ ! -x "$HOME/.cargo/bin/cargo" ] || PATH="$HOME/.cargo/bin:$PATH"
    command -v cargo >/dev/null 2>&1 || die "Rust is missing" "install Rust $wanted or later as https://rustup.rs says, then run this again"
    found=$(rustc --version | cut -d ' ' -f 2)
    [ "$(printf '%s\n' "$wanted" "$found" | sort -V | head -n 1)" = "$wanted" ] ||
        die "Rust $found is too old: $wanted or later is needed" "rustup update stable"
}

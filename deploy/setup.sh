# What deploy/demo and Tests/run share: how they speak, and how they install what is missing. Source it; it runs nothing.

# Debian 12's packages for building and running promring: what an unpacked Swift toolchain needs to run and to link, and
# the libraries that promring stands on.
program_packages=(
  binutils ca-certificates git libc6-dev libcurl4 libedit2 libncurses6 libsqlite3-0 libstdc++-12-dev libuuid1 libxml2
  pkg-config tzdata
  librdkafka-dev libsnappy-dev libmicrohttpd-dev libgnutls28-dev libcrypt-dev libre2-dev zlib1g-dev
  libcurl4-openssl-dev
)

# A line that stands out from the output of the tools; `say` for a step, `fail` for the last word.
say() { printf '\n==> %s\n' "$*"; }
fail() {
  printf '\n%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# Runs a command as root: as it is for root, through sudo for everybody else.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null 2>&1; then
    sudo -- "$@"
  else
    fail "neither root nor sudo here, so this cannot be run: $*"
  fi
}

# Runs a command and shows what it printed only when it failed.
quietly() {
  local printed
  printed=$("$@" 2>&1 </dev/null) && return
  printf '%s\n' "$printed" >&2
  return 1
}

# Prints those of the named Debian packages that are not installed, one a line.
missing_packages() {
  local package
  for package in "$@"; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || printf '%s\n' "$package"
  done
}

# Package lists grow old: an apt-get update on each run that has to install something, but never twice in one run.
update_package_lists() {
  [ -n "${package_lists_are_fresh:-}" ] && return
  quietly as_root apt-get update && package_lists_are_fresh=yes
}

# Installs those of the named Debian packages that are missing, without the packages they only recommend.
install_packages() {
  command -v dpkg-query >/dev/null 2>&1 && command -v apt-get >/dev/null 2>&1 ||
    fail "this is no Debian; install by hand what stands for these packages there: $*"
  local missing
  mapfile -t missing < <(missing_packages "$@")
  if [ "${#missing[@]}" -eq 0 ]; then
    echo "Debian packages: all $# are here"
    return
  fi
  echo "Debian packages to install: ${missing[*]}"
  update_package_lists &&
    quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -o Dpkg::Use-Pty=0 --no-install-recommends \
      "${missing[@]}"
}

# The one thing that is not installed for you is the Swift toolchain; what promring needs besides it is.
install_program_packages() {
  command -v swift >/dev/null 2>&1 ||
    fail "no Swift toolchain on the PATH: install Swift 6.3 or newer (https://www.swift.org/install/linux/)"
  install_packages "${program_packages[@]}" "$@" || return
  local version
  version=$(swift --version 2>&1 | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -n 1)
  [ "$(printf '%s\n' 6.3 "${version:-0}" | sort -V | head -n 1)" = 6.3 ] ||
    fail "promring needs Swift 6.3 or newer; \`swift --version\` says: $(swift --version 2>&1 | head -n 1)"
  echo "Swift $version"
}

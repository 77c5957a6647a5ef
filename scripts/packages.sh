#!/bin/sh
# packages.sh - what this program is built from, on this system.
#
#   packages.sh build|model|test    install what is missing for that purpose, saying what and why
#
# On Debian and its children it runs apt-get (through sudo when not root). Elsewhere it prints the
# names for dnf, pacman and brew and stops, because guessing at another system's package manager as
# root is not ours to do.
set -eu

# purpose | Debian | Fedora | Arch | Homebrew | what for
table='
build|gcc|gcc|gcc|gcc|the compiler
build|make|make|make|make|the build
build|libc6-dev|glibc-devel|glibc|-|the C library
build|libncurses-dev|ncurses-devel|ncurses|ncurses|the screen
build|libcjson-dev|cjson-devel|cjson|cjson|JSON
build|libutf8proc-dev|utf8proc-devel|libutf8proc|utf8proc|Unicode
build|libsqlite3-dev|sqlite-devel|sqlite|sqlite|records of runs
build|libpcre2-dev|pcre2-devel|pcre2|pcre2|search
build|libcurl4-openssl-dev|libcurl-devel|curl|curl|fetching models
build|libopenblas0-pthread|openblas-threads|openblas|openblas|matrix products
model|python3|python3|python|python|fetching the model
model|python3-pip|python3-pip|python-pip|-|fetching the model
model|ca-certificates|ca-certificates|ca-certificates|ca-certificates|fetching the model
test|libcmocka-dev|libcmocka-devel|cmocka|cmocka|unit tests
test|libvterm-dev|libvterm-devel|libvterm|libvterm|screen tests
test|sqlite3|sqlite|sqlite|sqlite|tests that read a run from outside
'

wanted() { # purpose column
    case $1 in
    build) pattern='^build|' ;;
    model) pattern='^model|' ;;
    test) pattern='^build|\|^test|' ;;
    *)
        echo "usage: packages.sh build|model|test" >&2
        exit 2
        ;;
    esac
    printf '%s' "$table" | grep "$pattern" | cut -d '|' -f "$2" | grep -v '^-$' | sort -u
}

purpose=${1:-build}
wanted "$purpose" 2 >/dev/null

if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then
    # Not Debian: a build that works needs nothing from us.
    [ "$purpose" = build ] && printf '#include <cjson/cJSON.h>\n#include <utf8proc.h>\n#include <sqlite3.h>\n#include <pcre2posix.h>\n#include <curl/curl.h>\n#include <curses.h>\n' |
        cc -E - >/dev/null 2>&1 && exit 0
    echo "This system has no apt-get. Install these packages, then run make again:" >&2
    echo "  dnf install $(wanted "$purpose" 3 | tr '\n' ' ')" >&2
    echo "  pacman -S $(wanted "$purpose" 4 | tr '\n' ' ')" >&2
    echo "  brew install $(wanted "$purpose" 5 | tr '\n' ' ')" >&2
    exit 1
fi

missing=
for package in $(wanted "$purpose" 2); do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
        missing="$missing $package"
done
[ -n "$missing" ] || exit 0

echo "Installing packages that are missing (apt-get):" >&2
for package in $missing; do
    printf '  %-24s %s\n' "$package" "$(printf '%s' "$table" | grep "|$package|" | head -n 1 | cut -d '|' -f 6)" >&2
done
as_root=
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null 2>&1 || {
        echo "Not root, and there is no sudo. As root: apt-get install$missing" >&2
        exit 1
    }
    as_root=sudo
fi
export DEBIAN_FRONTEND=noninteractive
# A bare image has no package lists; one that has them need not fetch them again.
# shellcheck disable=SC2086
$as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1 || {
    $as_root apt-get update -qq
    $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

# SPDX-FileCopyrightText: Narthex developers
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Shared by packaging/run, packaging/test and packaging/screenshots; sourced, not run.
# Gives: $root, install_packages LIST…, build_packages, test_packages, screenshot_packages, configure_and_build PRESET TARGET…

set -eu
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

say() { printf 'narthex: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

distribution() { # id and version: "debian 12"
    (. /etc/os-release 2>/dev/null && printf '%s %s' "${ID:-unknown}" "${VERSION_ID:-}")
}

boost_package() {
    case "$(distribution)" in
        "debian 12") echo libboost1.81-dev ;;
        *) echo libboost1.83-dev ;;
    esac
}

# What a build needs, by Debian's names (Ubuntu 24.04 and Debian 13 use the same, but for Boost). On Fedora the names are:
# gcc-c++ cmake ninja-build ccache mold pkgconf qt6-qtbase-devel qt6-qtcharts-devel qt6-qtsvg-devel qt6-qttools-devel
# qscintilla-qt6-devel qtkeychain-qt6-devel yaml-cpp-devel libyaml-devel openssl-devel sqlite-devel spdlog-devel fmt-devel
# abseil-cpp-devel libcurl-devel c-ares-devel boost-devel re2-devel protozero-devel snappy-devel libzstd-devel zlib-devel
# pugixml-devel zookeeper-devel libdeflate-devel xxhash-devel simdjson-devel date-devel cli11-devel libxcrypt-devel
build_packages() {
    echo g++ cmake ninja-build ccache mold pkg-config \
        qt6-base-dev qt6-charts-dev qt6-svg-dev libqt6opengl6-dev qt6-l10n-tools qt6-tools-dev-tools qt6-tools-dev \
        libgl-dev libxkbcommon-dev libvulkan-dev libqscintilla2-qt6-dev \
        libyaml-cpp-dev libyaml-dev libssl-dev libsqlite3-dev libspdlog-dev libfmt-dev libabsl-dev libcurl4-openssl-dev libc-ares-dev libcrypt-dev \
        "$(boost_package)" libre2-dev libprotozero-dev libpugixml-dev libzookeeper-mt-dev libsnappy-dev libzstd-dev zlib1g-dev libdeflate-dev libxxhash-dev libsimdjson-dev \
        libhowardhinnant-date-dev libcli11-dev fonts-dejavu-core qt6-qpa-plugins ca-certificates
}
test_packages() { echo dbus-daemon libbenchmark-dev python3; }
# Programs of the comparisons in tests/bench; the scripts there say when one is missing.
bench_packages() { echo wrk; }
screenshot_packages() { echo xvfb xauth imagemagick fonts-inter; }

# Programs that only tests talk to: downloaded and unpacked into the build folder, never installed or started by themselves.
peer_packages() {
    echo nginx prometheus prometheus-alertmanager prometheus-node-exporter prometheus-pushgateway tinyproxy-bin victoria-metrics
    echo bind9 bind9-libs libfstrm0 libicu72 libjemalloc2 libjson-c5 liblmdb0 libmaxminddb0 libnghttp2-14 libprotobuf-c1 libuv1 libxml2
    echo python3-aiosmtpd python3-attr python3-pkg-resources python3-prometheus-client python3-public python3-typing-extensions
    echo libzookeeper-java libcommons-io-java libdropwizard-metrics-java libnetty-java libslf4j-java libsnappy-java openjdk-17-jre-headless
}

missing_packages() {
    dpkg-query -W -f '${Package} ${Status}\n' "$@" 2>/dev/null | sed -n 's/ install ok installed$//p' | sort -u > "$root/build/.installed"
    printf '%s\n' "$@" | sort -u | comm -23 - "$root/build/.installed" | tr '\n' ' '
}

install_packages() {
    mkdir -p "$root/build"
    command -v dpkg-query >/dev/null 2>&1 || {
        say "this script installs with apt. On other systems install by hand what packaging/common.sh lists (Fedora's names are there)"
        return 0
    }
    local missing
    missing=$(missing_packages "$@")
    [ -z "${missing// /}" ] && return 0
    local install="apt-get install -y --no-install-recommends $missing"
    if [ "$(id -u)" = 0 ]; then
        say "installing: $missing"
        apt-get update -q >&2
        DEBIAN_FRONTEND=noninteractive $install >&2
    elif command -v sudo >/dev/null 2>&1; then
        say "installing with sudo: $missing"
        sudo apt-get update -q >&2
        sudo DEBIAN_FRONTEND=noninteractive $install >&2
    else
        die "these packages are missing, and neither root nor sudo is there to install them. Run as root: apt-get update && $install"
    fi
}

fetch_peers() {
    local peers="$root/build/peers" package
    mkdir -p "$peers/.packages"
    for package in $(peer_packages); do
        [ -e "$peers/.packages/$package.done" ] && continue
        (
            cd "$peers/.packages"
            apt-get download -q "$package" >&2 && dpkg -x "$package"_*.deb "$peers" && touch "$package.done"
        ) || say "the peer $package cannot be had: tests that need it are skipped"
    done
    # Java finds its settings through links to /etc: here they lead to where they were unpacked.
    find "$peers/usr/lib/jvm" -lname '/etc/*' -printf '%p %l\n' 2>/dev/null | while read -r link target; do
        if [ -e "$peers$target" ]; then ln -sfnr "$peers$target" "$link"; fi
    done
}

# configure_and_build PRESET TARGET…
configure_and_build() {
    local preset=$1
    shift
    [ -e "build/$preset/build.ninja" ] || cmake --preset "$preset" >&2
    cmake --build --preset "$preset" --target "$@" >&2
}

#!/bin/bash
# `make install` and `make uninstall`: what arrives is complete, can be used, and goes away again.
. "$(dirname "$0")/../harness.sh"

root=$folder/root
prefix=/opt/convoy
# Installs what is built, as it is: another build of it would have other flags.
make_it() {
    env -u MAKEFLAGS -u MAKELEVEL make -o all "$1" BUILD="$BUILD" DESTDIR="$root" PREFIX="$prefix"
}
installed() {
    local file
    for file in bin/convoy lib/libconvoy.a lib/libconvoy.so lib/libconvoy.so.0 include/convoy.h \
        lib/pkgconfig/convoy.pc share/man/man1/convoy.1 share/convoy/experiments/digits.yaml; do
        [ -s "$root$prefix/$file" ] || { echo "$file is not there"; return 1; }
    done
}
with_pkg_config() {
    PKG_CONFIG_PATH=$root$prefix/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root pkg-config "$@" convoy
}
example_links() {
    # shellcheck disable=SC2046 # a list of flags
    gcc -Wall -Wextra -Werror -pedantic -std=c11 -o "$folder/example" docs/example.c \
        $(with_pkg_config --cflags) $(with_pkg_config --libs) &&
        readelf -d "$folder/example" | grep -F 'libconvoy.so.0'
}
# The same model by the library, on one rank and on three, as by the program.
example_trains() {
    local ranks digests
    for ranks in 1 3; do
        LD_LIBRARY_PATH=$root$prefix/lib mpirun --oversubscribe -n "$ranks" "$folder/example" \
            launch/experiments/digits.yaml "$folder/run$ranks" || return 1
    done >"$folder/example.log"
    "$CONVOY" train launch/experiments/digits.yaml -n 2 --set fit.epochs=3 \
        --out "$folder/run2" >>"$folder/example.log" || return 1
    digests=$(grep '^digest: ' "$folder/example.log" | sort -u | wc -l)
    cat "$folder/example.log"
    [ "$digests" = 1 ] && [ "$(grep -c '^digest: ' "$folder/example.log")" = 3 ] &&
        grep -q '^297 samples: loss 0\..* accuracy 0\.[6-9]' "$folder/example.log"
}
only_ours_is_exported() {
    local others
    others=$(nm -D --defined-only "$root$prefix/lib/libconvoy.so" | grep -v ' convoy_')
    [ -z "$others" ] || { echo "$others"; return 1; }
}
nothing_left() {
    local left
    left=$(find "$root" ! -type d)
    [ -z "$left" ] || { echo "$left"; return 1; }
}

if [ ! -e "$BUILD/libconvoy.so.0" ]; then
    skip "install" "this build has no shared library"
    finish
fi
check "install" make_it install
check "everything is there" installed
check "pkg-config knows it" with_pkg_config --exists --print-errors
check "the example compiles and links" example_links
check "the example trains to the same digest" example_trains
check "exports only convoy_ names" only_ours_is_exported
check "uninstall" make_it uninstall
check "nothing is left" nothing_left
finish

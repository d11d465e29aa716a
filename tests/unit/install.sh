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
links_program() {
    printf '#include <convoy.h>\nint main(void)\n{\n    return 0;\n}\n' >"$folder/program.c"
    # shellcheck disable=SC2046 # a list of flags
    gcc -Wall -Wextra -Werror -pedantic -std=c11 -o "$folder/program" "$folder/program.c" \
        $(with_pkg_config --cflags) -Wl,--no-as-needed $(with_pkg_config --libs) &&
        readelf -d "$folder/program" | grep -F 'libconvoy.so.0' &&
        LD_LIBRARY_PATH=$root$prefix/lib "$folder/program"
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
check "a program links and runs" links_program
check "exports only convoy_ names" only_ours_is_exported
check "uninstall" make_it uninstall
check "nothing is left" nothing_left
finish

# What datasets/get and datasets/check share: reading a set's YAML, and comparing files with it.
# shellcheck shell=bash
sets_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

say() {
    printf '%s\n' "$*" >&2
}

# fail CODE MESSAGE: the program's exit codes, 2 usage, 3 data, 5 input or output.
fail() {
    local code=$1
    shift
    say "$(basename "$0"): error: $*"
    exit "$code"
}

known_sets() {
    local file
    for file in "$sets_folder"/*.yaml; do
        basename "$file" .yaml
    done | paste -sd ' '
}

# read_set NAME: the YAML into $addresses, $archive and $files; each item of the last two is a line
# "name size md5 unpacked_md5" with "-" for what is not given.
# shellcheck disable=SC2034 # they are for who calls it
read_set() {
    local yaml=$sets_folder/$1.yaml
    [[ $1 =~ ^[a-z0-9-]+$ && -f $yaml ]] ||
        fail 2 "unknown set \"$1\"; known: $(known_sets)"
    mapfile -t addresses < <(awk '
        /^[a-z_]+:/ { key = $1 }
        key == "addresses:" && /^ *- / { print $2 }' "$yaml")
    mapfile -t archive < <(set_items archive "$yaml")
    mapfile -t files < <(set_items files "$yaml")
    [ "${#files[@]}" != 0 ] || fail 3 "$yaml: lists no files"
}

# set_items KEY YAML: the list of one-line maps below KEY.
set_items() {
    awk -v wanted="$1:" '
        /^[a-z_]+:/ { key = $1 }
        key == wanted && /^ *- \{.*\} *$/ {
            gsub(/^ *- \{|\} *$/, "")
            value["name"] = value["size"] = value["md5"] = value["unpacked_md5"] = "-"
            n = split($0, pair, /, */)
            for (i = 1; i <= n; i++) {
                split(pair[i], part, /: */)
                value[part[1]] = part[2]
            }
            print value["name"], value["size"], value["md5"], value["unpacked_md5"]
        }' "$2"
}

digest() {
    md5sum | cut -d ' ' -f 1
}

# trouble FILE ITEM: why the file is not what the item says; nothing where it is. Where an own digest
# is wrong, that of the content decides: the file may have been packed again.
trouble() {
    local file=$1 size md5 unpacked_md5 found content
    read -r _ size md5 unpacked_md5 <<<"$2"
    [ -f "$file" ] || {
        echo "is missing"
        return
    }
    if [ "$md5" = - ]; then
        found=$(stat -c %s "$file")
        [ "$found" = "$size" ] || echo "has $found bytes, expected $size"
        return
    fi
    found=$(digest <"$file")
    [ "$found" != "$md5" ] || return 0
    if [ "$unpacked_md5" = - ]; then
        echo "has MD5 $found, expected $md5"
    elif content=$(set -o pipefail && gzip -dc <"$file" 2>/dev/null | digest); then
        [ "$content" = "$unpacked_md5" ] ||
            echo "has MD5 $found ($content unpacked), expected $md5 ($unpacked_md5)"
    else
        echo "is not a whole gzip file (MD5 $found, expected $md5)"
    fi
}

# default_folder NAME: where convoy looks for the set.
default_folder() {
    echo "${CONVOY_DATA_DIR:-$HOME/.local/share/convoy}/$1"
}

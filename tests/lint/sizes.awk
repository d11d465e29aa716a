# Checks that no file has more than 600 lines, and no line of C more than 100 columns.
# Input: files. Output: a line for each offence; exit code 1 if there was one.
FNR == 601 {
    printf "%s: more than 600 lines: split it\n", FILENAME
    bad = 1
}

FILENAME ~ /\.[ch]$/ && length($0) > 100 {
    printf "%s:%d: %d columns, at most 100 are wanted\n", FILENAME, FNR, length($0)
    bad = 1
}

END {
    exit bad
}

# Checks the order of the folders: a file in src/FOLDER includes only from folders before its own in
# the list below. YAML is known to src/config alone, and MPI to no folder before src/comm.
# Input: source files. Output: a line for each offence; exit code 1 if there was one.
BEGIN {
    folders = split("base config kernels layers model optimizers data comm formats train report cmd",
        name)
    for (i = 1; i <= folders; i++)
        place[name[i]] = i
}

function offence(what) {
    printf "%s:%d: %s\n", FILENAME, FNR, what
    bad = 1
}

FNR == 1 {
    parts = split(FILENAME, path, "/")
    own = 0
    if (path[1] == "src" && parts > 2) {
        own = place[path[2]]
        if (!own)
            offence("src/" path[2] " is not one of the folders of src")
    }
}

own && /^[ \t]*#[ \t]*include[ \t]*"/ {
    split($0, quoted, "\"")
    if (quoted[2] == "convoy.h")
        next
    split(quoted[2], wanted, "/")
    other = place[wanted[1]]
    if (!other)
        offence("include \"" quoted[2] "\" by its folder: \"" path[2] "/" quoted[2] "\"")
    else if (other > own)
        offence("src/" path[2] " must not include from src/" wanted[1] ", which comes after it")
}

own && own != place["config"] && /^[ \t]*#[ \t]*include[ \t]*<libfyaml/ {
    offence("only src/config knows YAML")
}

own && own < place["comm"] && /^[ \t]*#[ \t]*include[ \t]*<mpi\.h>/ {
    offence("src/" path[2] " must not know MPI")
}

END {
    exit bad
}

/* Names as people write them: he_normal, HeNormal, he-normal; and those that they meant. */
#include <ctype.h>
#include <string.h>

#include "config/schema.h"

enum { NAME_LIMIT = 64 };

static char next_letter(const char **name)
{
    while (**name == '_' || **name == '-')
        ++*name;
    return (char)tolower((unsigned char)*(*name)++);
}

bool name_equal(const char *a, const char *b)
{
    for (;;) {
        char x = next_letter(&a), y = next_letter(&b);
        if (x != y)
            return false;
        if (x == '\0')
            return true;
    }
}

/* The letters that name_equal compares, cut at NAME_LIMIT; returns how many. */
static int fold(const char *name, char out[NAME_LIMIT])
{
    int n = 0;
    for (char c; n < NAME_LIMIT && (c = next_letter(&name)) != '\0'; n++)
        out[n] = c;
    return n;
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* Insertions, deletions, replacements and swaps of neighbours that make a into b.
 * Source: F. Damerau, "A technique for computer detection and correction of spelling errors",
 * CACM 7(3), 1964, in the form that edits no part twice (optimal string alignment). */
static int edit_distance(const char *a, int n, const char *b, int m)
{
    int row[3][NAME_LIMIT + 1]; /* i - 2, i - 1, i, modulo 3 */
    for (int j = 0; j <= m; j++)
        row[0][j] = j;
    for (int i = 1; i <= n; i++) {
        int *now = row[i % 3], *before = row[(i + 2) % 3], *two_before = row[(i + 1) % 3];
        now[0] = i;
        for (int j = 1; j <= m; j++) {
            now[j] =
                least(before[j - 1] + (a[i - 1] != b[j - 1]), least(before[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], two_before[j - 2] + 1);
        }
    }
    return row[n % 3][m];
}

/* Near: at most one edit for three letters of the longer name, and one for the shortest names. */
const char *name_nearest(const char *name, const char *const *names)
{
    char a[NAME_LIMIT], b[NAME_LIMIT];
    int n = fold(name, a), best = NAME_LIMIT + 1;
    const char *nearest = NULL;
    for (; *names; names++) {
        int m = fold(*names, b), longer = n > m ? n : m;
        int distance = edit_distance(a, n, b, m), allowed = longer < 6 ? 1 : longer / 3;
        if (distance <= allowed && distance < longer && distance < best) {
            best = distance;
            nearest = *names;
        }
    }
    return nearest;
}

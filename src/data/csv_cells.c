#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/csv.h"

enum { MAX_COLUMNS = 1 << 20 };

struct reader {
    const struct csv_text *text;
    const unsigned char *at, *end;
    size_t line;
    struct text cell; /* a buffer for the cell's text */
    bool quoted;      /* the cell was */
    bool last;        /* the cell was the last one of its row */
};

/* Skips the end of a line or file, if at one. */
static bool take_line_end(struct reader *r)
{
    if (r->at == r->end)
        return true;
    size_t length = *r->at == '\n'                                             ? 1
                    : *r->at == '\r' && r->end - r->at > 1 && r->at[1] == '\n' ? 2
                                                                               : 0;
    r->at += length;
    r->line += length > 0;
    return length > 0;
}

static enum status read_quoted(struct reader *r)
{
    size_t start_line = r->line;
    for (r->at++;; r->at++) {
        const unsigned char *from = r->at;
        r->at = memchr(from, '"', (size_t)(r->end - from));
        FAIL_IF(!r->at, ST_DATA, "%s:%zu: a quote is opened and never closed", r->text->path,
                start_line);
        text_append(&r->cell, (const char *)from, (size_t)(r->at - from));
        for (const unsigned char *c = from; c < r->at; c++)
            r->line += *c == '\n';
        r->at++;
        if (r->at == r->end || *r->at != '"')
            break;
        text_append(&r->cell, "\"", 1);
    }
    bool end = r->at == r->end || *r->at == r->text->delimiter || *r->at == '\n' || *r->at == '\r';
    FAIL_IF(!end, ST_DATA, "%s:%zu: text behind a closing quote", r->text->path, r->line);
    return ST_OK;
}

static bool is_blank(unsigned char c)
{
    return c == ' ' || c == '\t';
}

static void read_bare(struct reader *r)
{
    const unsigned char *from = r->at;
    while (r->at < r->end && *r->at != r->text->delimiter && *r->at != '\n' &&
           !(*r->at == '\r' && r->end - r->at > 1 && r->at[1] == '\n'))
        r->at++;
    const unsigned char *to = r->at;
    while (from < to && is_blank(*from))
        from++;
    while (to > from && is_blank(to[-1]))
        to--;
    text_append(&r->cell, (const char *)from, (size_t)(to - from));
}

/* Reads the next cell and what ends it. */
static enum status read_cell(struct reader *r)
{
    size_t line = r->line;
    r->cell.length = 0;
    r->quoted = r->at < r->end && *r->at == '"';
    if (r->quoted)
        TRY(read_quoted(r));
    else
        read_bare(r);
    FAIL_IF(memchr(r->cell.data, '\0', r->cell.length), ST_DATA,
            "%s:%zu: has a zero byte, so it is not text", r->text->path, line);
    r->last = take_line_end(r);
    if (r->last)
        return ST_OK;
    FAIL_IF(*r->at != r->text->delimiter, ST_DATA, "%s:%zu: a carriage return inside of a line",
            r->text->path, r->line);
    r->at++;
    return ST_OK;
}

static enum status read_row(struct reader *r, size_t row, size_t *columns,
                            enum status (*visit)(void *, const struct csv_cell *), void *context)
{
    size_t column = 0, line;
    do {
        line = r->line;
        TRY(read_cell(r));
        struct csv_cell cell = {row, column++, line, r->cell.data, r->cell.length};
        FAIL_IF(column > (row ? *columns : (size_t)MAX_COLUMNS), ST_DATA,
                "%s:%zu: more than %zu cells%s", r->text->path, line,
                row ? *columns : (size_t)MAX_COLUMNS, row ? ", the number in the first row" : "");
        TRY(visit(context, &cell));
    } while (!r->last);
    if (row == 0)
        *columns = column;
    FAIL_IF(column != *columns, ST_DATA, "%s:%zu: has %zu cells, the first row has %zu",
            r->text->path, line, column, *columns);
    return ST_OK;
}

enum status csv_each(const struct csv_text *text, size_t max_rows,
                     enum status (*visit)(void *context, const struct csv_cell *cell),
                     void *context)
{
    struct reader reader = {
        .text = text, .at = text->bytes, .end = text->bytes + text->size, .line = 1};
    if (text->size >= 3 && memcmp(text->bytes, "\xef\xbb\xbf", 3) == 0)
        reader.at += 3;
    size_t columns = 0;
    enum status status = ST_OK;
    for (size_t row = 0; status == ST_OK && row < max_rows; row++) {
        while (reader.at < reader.end && take_line_end(&reader))
            continue; /* blank lines */
        if (reader.at == reader.end)
            break;
        status = read_row(&reader, row, &columns, visit, context);
    }
    text_release(&reader.cell);
    return status;
}

bool csv_number(const struct csv_cell *cell, float *out)
{
    if (cell->length == 0 || strspn(cell->text, "0123456789+-.eE") != cell->length)
        return false;
    char *end;
    *out = strtof(cell->text, &end);
    return *end == '\0' && isfinite(*out);
}

#include "cli/data_options.h"

#include "engine/train/history.h"

#include <stdio.h>
#include <string.h>

static int copy_column(char out[256], const char *name, size_t n, struct err *err)
{
    if (!n)
        return err_set(err, ERR_USAGE, "--text-column has an empty name; give COL or COL,COL2");
    if (n > 255)
        return err_set(err, ERR_USAGE, "--text-column: a name of more than 255 bytes");
    memcpy(out, name, n);
    out[n] = '\0';
    return 0;
}

/* "question" or "question,context". */
static int split_text_columns(struct data_options *o, struct dataset_spec *spec, struct err *err)
{
    const char *comma = strchr(o->text, ',');
    size_t first = comma ? (size_t)(comma - o->text) : strlen(o->text);
    if (copy_column(o->text_column, o->text, first, err))
        return -1;
    spec->text_column = o->text_column;
    if (!comma)
        return 0;
    if (copy_column(o->pair_column, comma + 1, strlen(comma + 1), err))
        return -1;
    spec->pair_column = o->pair_column;
    return 0;
}

/* "-" is standard input, as elsewhere. */
static const char *real_path(const char *path)
{
    return path && !strcmp(path, "-") ? "/dev/stdin" : path;
}

int data_options_resolve(struct data_options *o, struct dataset_spec *spec, struct err *err)
{
    memset(spec, 0, sizeof *spec);
    spec->files[SPLIT_TRAIN] = real_path(o->train);
    spec->files[SPLIT_VALIDATION] = real_path(o->validation);
    spec->files[SPLIT_TEST] = real_path(o->test ? o->test : o->data);
    spec->split_lone_train = true;
    spec->label_column = o->label;
    if (o->label && !*o->label)
        return err_set(err, ERR_USAGE, "--label-column has an empty name");
    if (o->label && strlen(o->label) >= LABEL_COLUMN_SIZE)
        return err_set(err, ERR_USAGE,
                       "--label-column is a list of more than %d bytes; rename the "
                       "columns, or write the labels as arrays in JSON Lines",
                       LABEL_COLUMN_SIZE - 1);
    if (o->label_separator && (!*o->label_separator || strlen(o->label_separator) > 31))
        return err_set(err, ERR_USAGE, "--label-separator is 1 to 31 bytes long, like | or ;");
    spec->label_separator = o->label_separator;
    if (o->text && split_text_columns(o, spec, err))
        return -1;
    if (o->format && table_format_parse(o->format, &spec->format, err))
        return err_wrap(err, "--format");
    if (o->header && table_header_parse(o->header, &spec->header, err))
        return err_wrap(err, "--header");
    return 0;
}

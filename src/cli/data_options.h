/* data_options.h - the flags that say where rows are and which columns matter, for every subcommand
 * that reads data.
 *
 * A subcommand keeps one `struct data_options`, puts the rows it wants into its table of arguments
 * with the macros below, and calls data_options_resolve() after args_parse(). A caller with defaults
 * of its own (a run's columns) sets the fields before parsing: a flag then overwrites them. */
#ifndef DATA_OPTIONS_H
#define DATA_OPTIONS_H
#include "engine/base/err.h"
#include "engine/data/dataset.h"

struct data_options {
    const char *train, *validation, *test, *data; /* files; `data` is read as the test split */
    const char *text, *label;                     /* columns; text may be "a,b": text and pair */
    const char *label_separator;
    const char *format, *header;
    char text_column[256], pair_column[256]; /* `text` taken apart; filled by resolve */
};

/* --text means a column here, but the text itself in `predict`, so the long names always stand and
 * the short ones are added where they are free. Both write the same field. */
#define DATA_ARGS_COLUMNS(o)                                                                       \
    {"text-column", ARG_TEXT, &(o)->text, "COL[,COL2]",                                            \
     "column of the text, by name or number from 0; a second one is its pair"},                    \
        {"label-column", ARG_TEXT, &(o)->label, "COL[,COL2...]",                                   \
         "column of the label or value (label); several: columns of 0 and 1, one a label"},        \
    {                                                                                              \
        "label-separator", ARG_TEXT, &(o)->label_separator, "TEXT",                                \
            "what stands between the labels of a row's set (| when sets are wanted)"               \
    }
#define DATA_ARGS_SHORT_COLUMNS(o)                                                                 \
    {"text", ARG_TEXT, &(o)->text, "COL[,COL2]", "the same as --text-column"},                     \
    {                                                                                              \
        "label", ARG_TEXT, &(o)->label, "COL[,COL2...]", "the same as --label-column"              \
    }
#define DATA_ARGS_FORMAT(o)                                                                        \
    {"format", ARG_TEXT, &(o)->format, "FORMAT", "auto, csv, tsv, jsonl or json (auto)"},          \
    {                                                                                              \
        "header", ARG_TEXT, &(o)->header, "auto|yes|no",                                           \
            "whether the first row names the columns (auto: when a named column is found in it)"   \
    }
#define DATA_ARGS_FILES(o)                                                                         \
    {"train", ARG_TEXT, &(o)->train, "FILE", "rows to train on; alone it is split 80/10/10"},      \
        {"validation", ARG_TEXT, &(o)->validation, "FILE", "rows to watch the training with"},     \
    {                                                                                              \
        "test", ARG_TEXT, &(o)->test, "FILE", "rows for the one report at the end"                 \
    }
#define DATA_ARGS_DATA(o)                                                                          \
    {                                                                                              \
        "data", ARG_TEXT, &(o)->data, "FILE", "the rows"                                           \
    }

/* Fill *spec: files, columns, format and header; a lone train file is marked to be split. The other
 * fields are zero. What *spec points to belongs to *o and to argv. ERR_USAGE names the flag. */
int data_options_resolve(struct data_options *o, struct dataset_spec *spec, struct err *err);

#endif

/* data_report.h - what `sft data` found, as text for a person or as one JSON object.
 *
 * Both forms are made from the same report and say the same; the text shortens (few examples, the
 * commonest labels), the JSON does not leave out a label. */
#ifndef DATA_REPORT_H
#define DATA_REPORT_H
#include "engine/base/mem.h"
#include "engine/data/dataset.h"
#include "engine/data/encode.h"
#include "engine/data/gate.h"

struct data_report {
    const struct dataset *dataset;
    const struct encoded *encoded; /* NULL: no model was given, lengths are characters */
    const struct gate *gate;
    struct lengths lengths;        /* tokens with an encoding, else characters; over all rows */
    bool carved;                   /* one file, split here */
    uint64_t split_seed;
    const char *problem;           /* why no model can be trained on it, or NULL */
};

/* Columns of text take what `width` leaves them; `utf8` says whether bars and dots may be more than
 * ASCII. */
void data_report_text(const struct data_report *r, size_t width, bool utf8, struct strbuf *out);
void data_report_json(const struct data_report *r, struct strbuf *out);

#endif

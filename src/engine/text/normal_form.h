/* normal_form.h - Unicode's normal forms NFC, NFD, NFKC and NFKD, with the place of every byte.
 *
 * Characters are decomposed, what combines is put in canonical order, and for the composed forms
 * pairs are joined again; a joined character has the range of all it was made of. Source: Unicode
 * Standard Annex 15, of the edition that `tokenizers` goes by (unicode.h). */
#ifndef NORMAL_FORM_H
#define NORMAL_FORM_H
#include "engine/base/err.h"
#include "engine/text/normalized.h"

enum normal_form { NORMAL_NFC, NORMAL_NFD, NORMAL_NFKC, NORMAL_NFKD };

int normal_form_apply(enum normal_form form, const struct normalized *in, struct normalized *out,
                      struct err *err);

#endif

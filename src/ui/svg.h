/* svg.h - a canvas as a picture: the program's own cells, for documentation. SFT_DUMP_SVG=FILE
 * writes the last frame when the workbench ends. Braille is drawn as dots and frames as lines, so
 * that the picture does not depend on a font having them. */
#ifndef SVG_H
#define SVG_H
#include "engine/base/err.h"
#include "ui/canvas.h"
#include "ui/theme.h"

int svg_write(const char *path, const struct canvas *c, enum theme_background background,
              struct err *err);

#endif

/* config_parts.h - what config.c and config_layers.c share. */
#ifndef CONFIG_PARTS_H
#define CONFIG_PARTS_H
#include "engine/model/config.h"

/* Fill rope and layer_window; the sizes are known. */
int config_read_layers(struct model_config *c, const char *path, struct err *err);

#endif

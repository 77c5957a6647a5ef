/* data_fixture.h - data sets for tests: text to temporary files to a dataset. Include after cmocka.h.
 *
 * data_group_setup and data_group_teardown make and remove one file a split; put_split() fills one,
 * and `spec` of data_files_spec() names those that were filled. */
#ifndef DATA_FIXTURE_H
#define DATA_FIXTURE_H
#include "engine/data/dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char data_paths[SPLIT_COUNT][64];

static inline int data_group_setup(void **state)
{
    (void)state;
    for (int s = 0; s < SPLIT_COUNT; s++) {
        strcpy(data_paths[s], "/tmp/sft-test-data-XXXXXX");
        int fd = mkstemp(data_paths[s]);
        if (fd < 0 || close(fd))
            return -1;
    }
    return 0;
}

static inline int data_group_teardown(void **state)
{
    (void)state;
    for (int s = 0; s < SPLIT_COUNT; s++)
        unlink(data_paths[s]);
    return 0;
}

static inline void put_split(enum split s, const char *text)
{
    FILE *f = fopen(data_paths[s], "wb");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

/* A spec over the given texts; NULL: no such file. */
static inline struct dataset_spec data_files_spec(const char *train, const char *validation,
                                                  const char *test)
{
    const char *texts[SPLIT_COUNT] = {train, validation, test};
    struct dataset_spec spec = {.split_lone_train = true};
    for (int s = 0; s < SPLIT_COUNT; s++) {
        if (!texts[s])
            continue;
        put_split((enum split)s, texts[s]);
        spec.files[s] = data_paths[s];
    }
    return spec;
}

static inline struct dataset *must_open(const struct dataset_spec *spec)
{
    struct err err = {0};
    struct dataset *d = dataset_open(spec, &err);
    if (!d)
        fail_msg("%s", err.text);
    return d;
}

#endif

/* test_pickle.c - the pickle in a file of torch.save: only a list of tensors is read, and every other
 * thing that a pickle can say is refused in its own words. Nothing is called.
 *
 * Pickles are spelled out opcode by opcode, and zipped here. */
#include "torch_fixture.h"
#include "zip_fixture.h"

/* Pieces of a pickle of protocol 2. The archive has one storage, "0", of four floats. */
#define PROTO            "\x80\x02"
#define KEY(c)           "X\1\0\0\0" c
#define CLASS(name)      "ctorch\n" name "\n"
#define STORAGE_OF(c, k) "(X\7\0\0\0storage" c k "X\3\0\0\0cpu"
#define STORAGE          STORAGE_OF(CLASS("FloatStorage"), KEY("0")) "K\4tQ"
#define HOOKS            "ccollections\nOrderedDict\n)R"
#define CALL(f, args)    "ctorch._utils\n" f "\n(" args "tR"
#define TENSOR(s, rest)  CALL("_rebuild_tensor_v2", s rest "\x89" HOOKS)
#define PLAIN            "K\0K\2K\2\x86K\2K\1\x86" /* offset 0, shape (2, 2), strides (2, 1) */
#define GOOD             TENSOR(STORAGE, PLAIN)
#define DICT(key, value) PROTO "}" key value "s."
#define IN_DICT(value)   DICT(KEY("w"), value)
#define P(text)          text, sizeof(text) - 1

static const struct {
    const char *pickle;
    size_t n;
    const char *says; /* NULL: it is read */
} pickles[] = {
    {P(IN_DICT(GOOD)), NULL},
    {P(IN_DICT(CALL("_rebuild_tensor", STORAGE PLAIN))), NULL},
    {P(IN_DICT(CALL("_rebuild_parameter", GOOD "\x88" HOOKS))), NULL},
    {P(IN_DICT(CALL("_rebuild_tensor_v2", STORAGE PLAIN "\x89" HOOKS "N"))), NULL},
    {P(PROTO HOOKS KEY("w") GOOD "s}b."), NULL},
    {P(PROTO "}(" KEY("v") GOOD KEY("w") GOOD "u."), NULL},
    {P(PROTO "}" KEY("v") GOOD "q\1s" KEY("w") "h\1s."), NULL},
    {P(PROTO GOOD "."), NULL},
    {P(IN_DICT(TENSOR(STORAGE, "K\3))"))), NULL},
    {P(IN_DICT(TENSOR(STORAGE, "K\3K\7\x85K\0\x85"))), NULL},
    {P(IN_DICT(TENSOR(STORAGE, "K\7K\0K\7\x86K\7K\1\x86"))), NULL},
    /* calls */
    {P(IN_DICT("cos\nsystem\n(X\4\0\0\0truetR")), "asks for Python's 'os.system'"},
    {P(IN_DICT("cbuiltins\nexec\n(X\1\0\0\0xtR")), "asks for Python's 'builtins.exec'"},
    {P(IN_DICT("ctorch._utils\n_rebuild_tensor_v2\nX\1\0\0\0aR")), "calls what is no function"},
    {P(IN_DICT("K\1)R")), "calls what is no function"},
    {P(IN_DICT(GOOD ")R")), "calls what is no function"},
    {P(IN_DICT(CLASS("FloatStorage") "(K\4tR")), "calls 'torch.FloatStorage'"},
    {P(IN_DICT("ccollections\nOrderedDict\n(]tR")), "calls 'collections.OrderedDict'"},
    {P(IN_DICT("ctorch\nload\n(X\1\0\0\0atR")), "asks for Python's 'torch.load'"},
    {P(IN_DICT("ctorch._utils\n_rebuild_sparse_tensor\n)R")), "'torch._utils._rebuild_sparse_t"},
    {P(PROTO "(ios\nsystem\n."), "opcode INST"},
    {P(PROTO "(" CLASS("FloatStorage") "o."), "opcode OBJ"},
    {P(PROTO CLASS("FloatStorage") ")\x81."), "opcode NEWOBJ"},
    {P(PROTO "X\2\0\0\0osX\6\0\0\0system\x93."), "opcode STACK_GLOBAL"},
    {P(PROTO "\x82\1."), "opcode EXT1"},
    {P(PROTO "Pos.system\n."), "opcode PERSID"},
    {P(PROTO "S'a'\n."), "opcode STRING"},
    {P(PROTO "\x07."), "no opcode"},
    {P(IN_DICT(GOOD "}b")), "BUILD"},
    {P(PROTO "}}b."), "BUILD"},
    {P(PROTO HOOKS "Nb."), "BUILD"},
    /* the machine */
    {P(""), "ends early"},
    {P(PROTO), "ends early"},
    {P(PROTO "}"), "ends early"},
    {P(PROTO "."), "STOP"},
    {P(PROTO "}}."), "STOP"},
    {P(PROTO "}(."), "STOP"},
    {P("\x80\x06}."), "unknown protocol"},
    {P(PROTO "\x85."), "stack is empty"},
    {P(PROTO "}(\x85."), "stack is empty"},
    {P(PROTO "R."), "stack is empty"},
    {P(PROTO "Q."), "stack is empty"},
    {P(PROTO "s."), "stack is empty"},
    {P(PROTO "q\0."), "stack is empty"},
    {P(PROTO "K\1u."), "no mark"},
    {P(PROTO "t."), "no mark"},
    {P(PROTO "}(K\1u."), "puts items"},
    {P(PROTO "](K\1K\1u."), "puts items"},
    {P(PROTO "}K\1a."), "puts items"},
    {P(PROTO "(K\1K\1u."), "stack is empty"},
    {P(PROTO "h\0."), "never given"},
    {P(PROTO "}q\1h\0."), "never given"},
    {P(PROTO "}r\xff\xff\xff\xff."), "impossible memo"},
    {P(PROTO "j\xff\xff\xff\xff."), "never given"},
    {P(PROTO "\x8a\x09"
             "123456789."),
     "more than 64 bits"},
    {P(PROTO "X\xff\xff\xff\xff"
             "a."),
     "ends early"},
    {P(PROTO "cos"), "ends early"},
    {P(PROTO "cos\nsystem"), "ends early"},
    /* what is no list of tensors */
    {P(PROTO "N."), "no dictionary of tensors"},
    {P(PROTO "]" GOOD "a."), "no dictionary of tensors"},
    {P(PROTO "]q\0h\0a."), "no dictionary of tensors"},
    {P(PROTO "}q\0" KEY("w") "h\0s."), "'w' is none"},
    {P(IN_DICT("K\1")), "'w' is none"},
    {P(IN_DICT("N")), "'w' is none"},
    {P(IN_DICT(STORAGE)), "'w' is none"},
    {P(IN_DICT("}")), "'w' is none"},
    {P(DICT("K\1", GOOD)), "no name"},
    {P(DICT(KEY("\0"), GOOD)), "no name"},
    {P(DICT(KEY("\xff"), GOOD)), "not UTF-8"},
    {P(DICT("X\2\0\0\0\xc0\x80", GOOD)), "not UTF-8"},
    {P(IN_DICT(CALL("_rebuild_tensor_v2", STORAGE PLAIN "K\0" HOOKS))), "'w' is none"},
    {P(IN_DICT(CALL("_rebuild_parameter", GOOD "K\1" HOOKS))), "'w' is none"},
    {P(PROTO "}(" KEY("w") GOOD KEY("w") GOOD "u."), "'w' stands there twice"},
    {P(IN_DICT(
         CALL("_rebuild_parameter", CALL("_rebuild_parameter", GOOD "\x88" HOOKS) "\x88" HOOKS))),
     "'w' is none"},
    {P(IN_DICT(CALL("_rebuild_parameter", "q\0h\0\x88" HOOKS))), "stack is empty"},
    {P(IN_DICT(CALL("_rebuild_parameter", GOOD))), "'w' is none"},
    {P(IN_DICT(CALL("_rebuild_tensor_v2", ""))), "'w' is none"},
    {P(IN_DICT(CALL("_rebuild_tensor_v2", STORAGE PLAIN))), "'w' is none"},
    {P(IN_DICT(CALL("_rebuild_tensor_v2", STORAGE PLAIN "\x89" HOOKS "}" KEY("n") "\x88s"))),
     "'w' is none"},
    {P(IN_DICT(TENSOR("K\0", PLAIN))), "'w' is none"},
    {P(IN_DICT(TENSOR(STORAGE, "K\0K\2K\2"))), "inside its storage"},
    {P(IN_DICT(TENSOR(STORAGE, "NK\2\x85K\1\x85"))), "'w' is none"},
    {P(IN_DICT(TENSOR(STORAGE, "K\0]]"))), "inside its storage"},
    {P(IN_DICT(TENSOR(STORAGE, "K\0N\x85K\1\x85"))), "inside its storage"},
    /* sizes */
    {P(IN_DICT(TENSOR(STORAGE, "K\1K\2K\2\x86K\2K\1\x86"))), "inside its storage"},
    {P(IN_DICT(TENSOR(STORAGE, "K\0K\2K\2\x86K\3K\1\x86"))), "inside its storage"},
    {P(IN_DICT(TENSOR(STORAGE, "K\4))"))), "inside its storage"},
    {P(IN_DICT(TENSOR(STORAGE, "J\xff\xff\xff\xff))"))), "'w' is none"},
    {P(IN_DICT(TENSOR(STORAGE, "K\3K\2\x85J\xff\xff\xff\xff\x85"))), "inside its storage"},
    {P(IN_DICT(TENSOR(STORAGE, "K\0J\xff\xff\xff\xff\x85K\1\x85"))), "inside its storage"},
    {P(IN_DICT(TENSOR(STORAGE, "K\0K\5\x85K\1\x85"))), "inside its storage"},
    {P(IN_DICT(TENSOR(STORAGE, "K\0K\2K\2\x86K\1\x85"))), "inside its storage"},
    {P(IN_DICT(TENSOR(STORAGE, "K\0(K\1K\1K\1K\1K\1K\1K\1K\1K\1t(K\1K\1K\1K\1K\1K\1K\1K\1K\1t"))),
     "inside its storage"},
    {P(IN_DICT(TENSOR(STORAGE, "K\0\x8a\x08\0\0\0\0\0\0\0\x40\x85K\4\x85"))), "inside its storage"},
    {P(IN_DICT(TENSOR(STORAGE, "K\0\x8a\x06\0\0\0\0\0\1\x8a\x06\0\0\0\0\0\1\x86K\0K\0\x86"))),
     "inside its storage"},
    {P(IN_DICT(TENSOR(STORAGE, "K\0\x8a\x08\0\0\0\0\0\0\0\x40\x85K\0\x85"))), "impossible shape"},
    {P(IN_DICT(TENSOR(STORAGE, "K\1K\2\x85\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x85"))),
     "inside its storage"},
    /* storages */
    {P(IN_DICT(TENSOR(STORAGE_OF(CLASS("FloatStorage"), KEY("0")) "K\5tQ", PLAIN))),
     "'0' has another size"},
    {P(IN_DICT(TENSOR(STORAGE_OF(CLASS("DoubleStorage"), KEY("0")) "K\4tQ", PLAIN))),
     "'0' has another size"},
    {P(IN_DICT(TENSOR(STORAGE_OF(CLASS("HalfStorage"), KEY("0")) "K\4tQ", PLAIN))),
     "'0' has another size"},
    {P(IN_DICT(TENSOR(STORAGE_OF(CLASS("FloatStorage"), KEY("1")) "K\4tQ", PLAIN))),
     "'1' is not in the archive"},
    {P(IN_DICT(TENSOR(STORAGE_OF(CLASS("FloatStorage"), "X\x0b\0\0\0../data.pkl") "K\4tQ", PLAIN))),
     "'../data.pkl' is not in the archive"},
    {P(IN_DICT(TENSOR(STORAGE_OF(CLASS("FloatStorage"), KEY("0")) "J\xff\xff\xff\xfftQ", PLAIN))),
     "impossible size"},
    {P(IN_DICT(TENSOR(STORAGE_OF(CLASS("FloatStorage"), KEY("0")) "\x8a\x08\0\0\0\0\0\0\0\x40tQ",
                      PLAIN))),
     "impossible size"},
    {P(IN_DICT(TENSOR(STORAGE_OF(CLASS("FloatStorage"), KEY("0")) "K\4KtQ", PLAIN))), "pickle"},
    {P(IN_DICT(TENSOR(STORAGE_OF(CLASS("FloatStorage"), KEY("0")) "K\4NtQ", PLAIN))), "no storage"},
    {P(IN_DICT(TENSOR(STORAGE_OF("", KEY("0")) "K\4tQ", PLAIN))), "no storage"},
    {P(IN_DICT(TENSOR(STORAGE_OF("ccollections\nOrderedDict\n", KEY("0")) "K\4tQ", PLAIN))),
     "no storage"},
    {P(IN_DICT(TENSOR("X\7\0\0\0storageQ", PLAIN))), "no storage"},
    {P(PROTO "}(" KEY("v") GOOD KEY("w")
           TENSOR(STORAGE_OF(CLASS("IntStorage"), KEY("0")) "K\4tQ", PLAIN) "u."),
     "two types"},
};

static void only_sound_pickles_are_read(void **state)
{
    (void)state;
    static const float values[4] = {1, 2, 3, 4};
    unsigned char archive[4096];
    for (size_t i = 0; i < sizeof pickles / sizeof *pickles; i++) {
        const struct zip_content members[] = {{"a/data.pkl", pickles[i].pickle, pickles[i].n},
                                              {"a/data/0", values, sizeof values},
                                              {"a/byteorder", "little", 6}};
        struct err err;
        size_t n = zip_make(archive, sizeof archive, members, 3);
        enum err_code code = open_bytes(archive, n, &err);
        const char *says = pickles[i].says;
        if (says ? code == ERR_NONE || !strstr(err.text, says) : code != ERR_NONE)
            fail_msg("pickle %zu, to say '%s': %s", i, says ? says : "", err.text);
    }
}

/* Tuples of tuples that would be 2^n values if anyone walked them, and one list inside another as
 * deep as the pickle is long. */
static void bombs_cost_what_they_weigh(void **state)
{
    (void)state;
    enum { DEPTH = 100000 };
    char *pickle = malloc(8 * DEPTH);
    unsigned char *archive = malloc(8 * DEPTH + 1000);
    struct err err;
    for (int kind = 0; kind < 2; kind++) {
        size_t n = 0;
        memcpy(pickle, PROTO ")", n = 3);
        for (size_t i = 0; i < DEPTH; i++) {
            static const char *const step[] = {"q\1h\1\x86", "\x85"};
            size_t length = kind ? 1 : 5;
            memcpy(pickle + n, step[kind], length);
            n += length;
        }
        pickle[n++] = '.';
        const struct zip_content member = {"a/data.pkl", pickle, n};
        n = zip_make(archive, 8 * DEPTH + 1000, &member, 1);
        assert_int_equal(open_bytes(archive, n, &err), ERR_INPUT);
        assert_non_null(strstr(err.text, "no dictionary of tensors"));
    }
    free(pickle);
    free(archive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_sound_pickles_are_read),
        cmocka_unit_test(bombs_cost_what_they_weigh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_config.c - config.json: what is read, what is assumed, what is refused and how it is said.
 */
#include "model_fixture.h"

static int read_text(struct model_config *c, const char *text, struct err *err)
{
    char dir[256];
    struct err e;
    fixture_place(dir, sizeof dir, "config");
    assert_int_equal(file_make_directories(dir, &e), 0);
    fixture_write(dir, "config.json", text);
    int rc = model_config_read(c, dir, err);
    file_remove_tree(dir, &e);
    return rc;
}

static void the_tiny_model_is_read(void **state)
{
    (void)state;
    struct model_config c;
    struct err err = {0};
    assert_int_equal(model_config_read(&c, TINY, &err), 0);
    assert_string_equal(model_config_type(&c), "bert");
    assert_int_equal(c.hidden_size, 32);
    assert_int_equal(c.num_hidden_layers, 2);
    assert_int_equal(c.max_position_embeddings, 64);
    assert_int_equal(c.num_labels, 3);
    assert_string_equal(c.labels[2], "positive");
    assert_true(c.layer_norm_eps == 1e-12 && c.dropout[DROPOUT_HEAD] == 0.1);
    model_config_clear(&c);
}

static void absent_keys_have_transformers_defaults(void **state)
{
    (void)state;
    struct model_config c;
    struct err err = {0};
    const char *text = "{\"model_type\":\"bert\",\"hidden_dropout_prob\":0.2,"
                       "\"classifier_dropout\":null,\"id2label\":null}";
    assert_int_equal(read_text(&c, text, &err), 0);
    assert_int_equal(c.hidden_size, 768);
    assert_int_equal(c.type_vocab_size, 2);
    assert_true(c.dropout[DROPOUT_HEAD] == 0.2);
    assert_int_equal(c.num_labels, 0);
    model_config_clear(&c);
    assert_int_equal(read_text(&c, "{\"model_type\":\"bert\",\"num_labels\":2}", &err), 0);
    assert_string_equal(c.labels[1], "LABEL_1");
    model_config_clear(&c);
}

static void labels_come_in_id_order(void **state)
{
    (void)state;
    struct model_config c;
    struct err err = {0};
    assert_int_equal(read_text(&c,
                               "{\"model_type\":\"bert\",\"id2label\":{\"2\":\"c\",\"0\":\"a\","
                               "\"1\":\"b\"}}",
                               &err),
                     0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(c.labels[i][0], 'a' + i);
    model_config_clear(&c);
}

static void what_cannot_be_computed_is_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum err_code code;
        const char *says;
    } cases[] = {
        {"{", ERR_INPUT, "config.json"},
        {"[]", ERR_INPUT, "config.json"},
        {"{}", ERR_INPUT, "model_type"},
        {"{\"model_type\":\"t5\"}", ERR_UNSUPPORTED,
         "'t5' is not supported; supported: bert, roberta"},
        {"{\"model_type\":7}", ERR_INPUT, "model_type"},
        {"{\"model_type\":\"bert\",\"hidden_act\":\"mish\"}", ERR_UNSUPPORTED, "hidden_act 'mish'"},
        {"{\"model_type\":\"llama\",\"rope_scaling\":{\"type\":\"yarn\"}}", ERR_UNSUPPORTED,
         "rope_type 'yarn'"},
        {"{\"model_type\":\"llama\",\"rope_parameters\":7}", ERR_INPUT, "no object"},
        {"{\"model_type\":\"llama\",\"num_key_value_heads\":5}", ERR_INPUT, "num_key_value_heads"},
        {"{\"model_type\":\"qwen2\",\"use_sliding_window\":true,\"layer_types\":[\"odd\"]}",
         ERR_INPUT, "layer_types"},
        {"{\"model_type\":\"modernbert\",\"classifier_pooling\":\"max\"}", ERR_INPUT,
         "classifier_pooling"},
        {"{\"model_type\":\"modernbert\",\"global_attn_every_n_layers\":0}", ERR_INPUT,
         "global_attn_every_n_layers"},
        {"{\"model_type\":\"xlnet\",\"attn_type\":\"uni\"}", ERR_UNSUPPORTED, "attn_type 'uni'"},
        {"{\"model_type\":\"albert\",\"num_hidden_groups\":13}", ERR_INPUT, "num_hidden_groups"},
        {"{\"model_type\":\"bert\",\"position_embedding_type\":\"relative_key\"}", ERR_UNSUPPORTED,
         "relative_key"},
        {"{\"model_type\":\"bert\",\"is_decoder\":true}", ERR_UNSUPPORTED, "is_decoder"},
        {"{\"model_type\":\"bert\",\"hidden_size\":0}", ERR_INPUT, "hidden_size"},
        {"{\"model_type\":\"bert\",\"hidden_size\":\"x\"}", ERR_INPUT, "hidden_size"},
        {"{\"model_type\":\"bert\",\"hidden_size\":1e300}", ERR_INPUT, "hidden_size"},
        {"{\"model_type\":\"bert\",\"num_hidden_layers\":100000}", ERR_INPUT, "num_hidden_layers"},
        {"{\"model_type\":\"bert\",\"num_attention_heads\":7}", ERR_INPUT, "num_attention_heads"},
        {"{\"model_type\":\"bert\",\"hidden_dropout_prob\":1}", ERR_INPUT, "hidden_dropout_prob"},
        {"{\"model_type\":\"bert\",\"classifier_dropout\":-1}", ERR_INPUT, "classifier_dropout"},
        {"{\"model_type\":\"bert\",\"layer_norm_eps\":-1}", ERR_INPUT, "layer_norm_eps"},
        {"{\"model_type\":\"bert\",\"id2label\":{}}", ERR_INPUT, "id2label"},
        {"{\"model_type\":\"bert\",\"id2label\":{\"1\":\"a\"}}", ERR_INPUT, "id2label"},
        {"{\"model_type\":\"bert\",\"id2label\":{\"0\":\"a\",\"00\":\"b\"}}", ERR_INPUT,
         "id2label"},
        {"{\"model_type\":\"bert\",\"id2label\":{\"0\":1}}", ERR_INPUT, "id2label"},
        {"{\"model_type\":\"bert\",\"num_labels\":-3}", ERR_INPUT, "num_labels"},
        {"{\"model_type\":\"bert\",\"sft_pooling\":\"max\"}", ERR_INPUT, "sft_pooling"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct model_config c;
        struct err err = {0};
        if (!read_text(&c, cases[i].text, &err))
            fail_msg("accepted: %s", cases[i].text);
        if (err.code != cases[i].code || !strstr(err.text, cases[i].says))
            fail_msg("%s: %d %s", cases[i].text, (int)err.code, err.text);
        assert_null(strchr(err.text, '\n'));
    }
}

static void a_directory_that_is_no_model_says_what_one_holds(void **state)
{
    (void)state;
    struct model_config c;
    struct err err = {0};
    assert_int_equal(model_config_read(&c, "tests/unit", &err), -1);
    assert_int_equal(err.code, ERR_INPUT);
    assert_non_null(strstr(err.text, "tests/unit"));
    assert_non_null(strstr(err.text, "model.safetensors"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tiny_model_is_read),
        cmocka_unit_test(absent_keys_have_transformers_defaults),
        cmocka_unit_test(labels_come_in_id_order),
        cmocka_unit_test(what_cannot_be_computed_is_refused_by_name),
        cmocka_unit_test(a_directory_that_is_no_model_says_what_one_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* families.c - the table of architectures. Names are those of Transformers' checkpoints and
 * config.json files, defaults those of its configuration classes (5.23). */
#include "engine/model/families.h"

#include <string.h>

#define END                                                                                        \
    {                                                                                              \
        0                                                                                          \
    }

/* BERT and what has its tensors ---------------------------------------------------------------- */

#define BERT_PLACES                                                                                \
    [WORD] = "embeddings.word_embeddings.weight",                                                  \
    [POSITION] = "embeddings.position_embeddings.weight",                                          \
    [EMBEDDING_NORM_W] = "embeddings.LayerNorm.weight",                                            \
    [EMBEDDING_NORM_B] = "embeddings.LayerNorm.bias"

#define BERT_EMBEDDINGS BERT_PLACES, [TYPE] = "embeddings.token_type_embeddings.weight"

#define BERT_FEED_FORWARD                                                                          \
    [UP_W] = "intermediate.dense.weight", [UP_B] = "intermediate.dense.bias",                      \
    [DOWN_W] = "output.dense.weight", [DOWN_B] = "output.dense.bias",                              \
    [NORM_B_W] = "output.LayerNorm.weight", [NORM_B_B] = "output.LayerNorm.bias"

#define BERT_BLOCK                                                                                 \
    .layer = "encoder.layer.%zu.", .block = {[QUERY_W] = "attention.self.query.weight",            \
                                             [QUERY_B] = "attention.self.query.bias",              \
                                             [KEY_W] = "attention.self.key.weight",                \
                                             [KEY_B] = "attention.self.key.bias",                  \
                                             [VALUE_W] = "attention.self.value.weight",            \
                                             [VALUE_B] = "attention.self.value.bias",              \
                                             [OUT_W] = "attention.output.dense.weight",            \
                                             [OUT_B] = "attention.output.dense.bias",              \
                                             [NORM_A_W] = "attention.output.LayerNorm.weight",     \
                                             [NORM_A_B] = "attention.output.LayerNorm.bias",       \
                                             BERT_FEED_FORWARD}

/* The head of RoBERTa and its kin: its dense layer is outside base_model. */
#define ROBERTA_HEAD                                                                               \
    .head = {[DENSE_W] = "classifier.dense.weight",                                                \
             [DENSE_B] = "classifier.dense.bias",                                                  \
             [CLASSIFIER_W] = "classifier.out_proj.weight",                                        \
             [CLASSIFIER_B] = "classifier.out_proj.bias"}

#define BERT_HEAD_DROPOUT                                                                          \
    {                                                                                              \
        "classifier_dropout", "hidden_dropout_prob", 0.1                                           \
    }
#define BERT_BODY_DROPOUTS                                                                         \
    [DROPOUT_EMBEDDING] = {"hidden_dropout_prob", NULL, 0.1},                                      \
    [DROPOUT_ATTENTION] = {"attention_probs_dropout_prob", NULL, 0.1},                             \
    [DROPOUT_ATTENTION_OUT] = {"hidden_dropout_prob", NULL, 0.1},                                  \
    [DROPOUT_FFN_OUT] = {"hidden_dropout_prob", NULL, 0.1}

static const char *const position_ids[] = {"position_ids", NULL};

static const struct config_override bert_config[] = {END};

static const struct config_override roberta_config[] = {
    {"vocab_size", NULL, 50265}, {"pad_token_id", NULL, 1}, END};

#define ROBERTA_OPTIONS                                                                            \
    .prefix = "roberta.", .embedding = {BERT_EMBEDDINGS}, BERT_BLOCK, ROBERTA_HEAD,                \
    .dropout = {BERT_BODY_DROPOUTS, [DROPOUT_HEAD_FIRST] = BERT_HEAD_DROPOUT,                      \
                [DROPOUT_HEAD] = BERT_HEAD_DROPOUT},                                               \
    .config = roberta_config, .buffers = position_ids, .positions = POSITIONS_OFFSET,              \
    .pads_words = true, .dense_act = ACT_TANH

static const struct config_override electra_config[] = {
    {"embedding_size", "embedding_size", 128},
    {"hidden_size", NULL, 256},
    {"num_attention_heads", NULL, 4},
    {"intermediate_size", NULL, 1024},
    END,
};

static const struct config_override mpnet_config[] = {
    {"vocab_size", NULL, 30527},
    {"pad_token_id", "", 1},
    {"relative_attention_num_buckets", "relative_attention_num_buckets", 32},
    END}; /* whatever the file says */

/* DistilBERT ------------------------------------------------------------------------------------ */

static const struct config_override distilbert_config[] = {
    {"hidden_size", "dim", 768},
    {"intermediate_size", "hidden_dim", 3072},
    {"num_hidden_layers", "n_layers", 6},
    {"num_attention_heads", "n_heads", 12},
    {"hidden_act", "activation", ACT_GELU},
    {"layer_norm_eps", "", 1e-12},
    END,
};

/* ALBERT: one set of tensors for many blocks ---------------------------------------------------- */

static const struct config_override albert_config[] = {
    {"vocab_size", NULL, 30000},
    {"embedding_size", "embedding_size", 128},
    {"hidden_size", NULL, 4096},
    {"num_hidden_groups", "num_hidden_groups", 1},
    {"inner_group_num", "inner_group_num", 1},
    {"num_attention_heads", NULL, 64},
    {"intermediate_size", NULL, 16384},
    {"hidden_act", NULL, ACT_GELU_TANH},
    END,
};

/* ModernBERT ------------------------------------------------------------------------------------ */

static const struct config_override modernbert_config[] = {
    {"vocab_size", NULL, 50368},
    {"intermediate_size", NULL, 1152},
    {"num_hidden_layers", NULL, 22},
    {"max_position_embeddings", NULL, 8192},
    {"pad_token_id", NULL, 50283},
    {"hidden_act", "hidden_activation", ACT_GELU},
    {"layer_norm_eps", "norm_eps", 1e-5},
    {"sliding_window", "local_attention", 128},
    {"attention_bias", "attention_bias", false},
    {"mlp_bias", "mlp_bias", false},
    {"norm_bias", "norm_bias", false},
    {"dense_bias", "classifier_bias", false},
    {"dense_act", "classifier_activation", ACT_GELU},
    END,
};

/* XLNet ----------------------------------------------------------------------------------------- */

static const struct config_override xlnet_config[] = {
    {"vocab_size", NULL, 32000},
    {"hidden_size", "d_model", 1024},
    {"num_hidden_layers", "n_layer", 24},
    {"num_attention_heads", "n_head", 16},
    {"head_dim", "d_head", 0},
    {"intermediate_size", "d_inner", 4096},
    {"hidden_act", "ff_activation", ACT_GELU},
    {"max_position_embeddings", "", 1 << 20},
    {"type_vocab_size", "", 3}, /* ids of segments: only equal or not matters */
    {"pad_token_id", NULL, 5},
    END,
};

/* Decoders -------------------------------------------------------------------------------------- */

static const struct config_override gpt2_config[] = {
    {"vocab_size", NULL, 50257},
    {"hidden_size", "n_embd", 768},
    {"num_hidden_layers", "n_layer", 12},
    {"num_attention_heads", "n_head", 12},
    {"intermediate_size", "n_inner", 0},
    {"max_position_embeddings", "n_positions", 1024},
    {"hidden_act", "activation_function", ACT_GELU_TANH},
    {"layer_norm_eps", "layer_norm_epsilon", 1e-5},
    {"pad_token_id", NULL, -1},
    END,
};

#define LLAMA_EMBEDDINGS                                                                           \
    .embedding = {                                                                                 \
        [WORD] = "embed_tokens.weight", [EMBEDDING_NORM_W] = "layers.0.input_layernorm.weight"}

#define LLAMA_BLOCK                                                                                \
    [QUERY_W] = "self_attn.q_proj.weight", [KEY_W] = "self_attn.k_proj.weight",                    \
    [VALUE_W] = "self_attn.v_proj.weight", [OUT_W] = "self_attn.o_proj.weight",                    \
    [NORM_A_W] = "post_attention_layernorm.weight", [GATE_W] = "mlp.gate_proj.weight",             \
    [UP_W] = "mlp.up_proj.weight", [DOWN_W] = "mlp.down_proj.weight",                              \
    [NORM_B_W] = "input_layernorm.weight", [QUERY_B] = "self_attn.q_proj.bias",                    \
    [KEY_B] = "self_attn.k_proj.bias", [VALUE_B] = "self_attn.v_proj.bias"

#define LLAMA_OPTIONS                                                                              \
    .prefix = "model.", .layer = "layers.%zu.", .final_norm = "norm", LLAMA_EMBEDDINGS,            \
    .head = {[CLASSIFIER_W] = "score.weight"},                                                     \
    .dropout = {[DROPOUT_ATTENTION] = {"attention_dropout", NULL, 0}}, .buffers = rotary_buffers,  \
    .place = PRE_NORM, .positions = POSITIONS_ROTARY, .rms = true, .causal = true, .gated = true,  \
    .reads_last = true, .pads_words = true

static const char *const rotary_buffers[] = {"rotary_emb.inv_freq", NULL};
static const char *const gpt2_buffers[] = {".attn.bias", ".attn.masked_bias", NULL};

#define LLAMA_DEFAULTS                                                                             \
    {"hidden_size", NULL, 4096}, {"num_hidden_layers", NULL, 32},                                  \
        {"num_attention_heads", NULL, 32}, {"hidden_act", NULL, ACT_SILU},                         \
        {"layer_norm_eps", "rms_norm_eps", 1e-6},                                                  \
    {                                                                                              \
        "pad_token_id", NULL, -1                                                                   \
    }

static const struct config_override llama_config[] = {
    LLAMA_DEFAULTS,
    {"vocab_size", NULL, 32000},
    {"intermediate_size", NULL, 11008},
    {"max_position_embeddings", NULL, 2048},
    {"head_dim", "head_dim", 0},
    {"num_key_value_heads", "num_key_value_heads", 0},
    {"attention_bias", "attention_bias", false},
    {"mlp_bias", "mlp_bias", false},
    END,
};
static const struct config_override qwen2_config[] = {
    LLAMA_DEFAULTS,
    {"vocab_size", NULL, 151936},
    {"intermediate_size", NULL, 22016},
    {"num_key_value_heads", "num_key_value_heads", 32},
    {"sliding_window", "sliding_window", 4096},
    {"max_position_embeddings", NULL, 32768},
    END,
};
static const struct config_override qwen3_config[] = {
    LLAMA_DEFAULTS,
    {"vocab_size", NULL, 151936},
    {"intermediate_size", NULL, 22016},
    {"num_key_value_heads", "num_key_value_heads", 32},
    {"head_dim", "head_dim", 128},
    {"sliding_window", "sliding_window", 4096},
    {"max_position_embeddings", NULL, 32768},
    {"attention_bias", "attention_bias", false},
    END,
};

/* The table ------------------------------------------------------------------------------------- */

static const struct family families[] = {
    {
        .model_type = "bert",
        .architecture = "BertForSequenceClassification",
        .prefix = "bert.",
        .embedding = {BERT_EMBEDDINGS},
        BERT_BLOCK,
        .head = {[DENSE_W] = "pooler.dense.weight",
                 [DENSE_B] = "pooler.dense.bias",
                 [CLASSIFIER_W] = "classifier.weight",
                 [CLASSIFIER_B] = "classifier.bias"},
        .dropout = {BERT_BODY_DROPOUTS, [DROPOUT_HEAD] = BERT_HEAD_DROPOUT},
        .config = bert_config,
        .buffers = position_ids,
        .dense_in_base = true,
        .pads_words = true,
        .dense_act = ACT_TANH,
    },
    {
        .model_type = "roberta",
        .architecture = "RobertaForSequenceClassification",
        ROBERTA_OPTIONS,
    },
    {
        .model_type = "xlm-roberta",
        .architecture = "XLMRobertaForSequenceClassification",
        ROBERTA_OPTIONS,
    },
    {
        .model_type = "distilbert",
        .architecture = "DistilBertForSequenceClassification",
        .prefix = "distilbert.",
        .layer = "transformer.layer.%zu.",
        .embedding = {BERT_PLACES},
        .block = {[QUERY_W] = "attention.q_lin.weight",
                  [QUERY_B] = "attention.q_lin.bias",
                  [KEY_W] = "attention.k_lin.weight",
                  [KEY_B] = "attention.k_lin.bias",
                  [VALUE_W] = "attention.v_lin.weight",
                  [VALUE_B] = "attention.v_lin.bias",
                  [OUT_W] = "attention.out_lin.weight",
                  [OUT_B] = "attention.out_lin.bias",
                  [NORM_A_W] = "sa_layer_norm.weight",
                  [NORM_A_B] = "sa_layer_norm.bias",
                  [UP_W] = "ffn.lin1.weight",
                  [UP_B] = "ffn.lin1.bias",
                  [DOWN_W] = "ffn.lin2.weight",
                  [DOWN_B] = "ffn.lin2.bias",
                  [NORM_B_W] = "output_layer_norm.weight",
                  [NORM_B_B] = "output_layer_norm.bias"},
        .head = {[DENSE_W] = "pre_classifier.weight",
                 [DENSE_B] = "pre_classifier.bias",
                 [CLASSIFIER_W] = "classifier.weight",
                 [CLASSIFIER_B] = "classifier.bias"},
        .dropout = {[DROPOUT_EMBEDDING] = {"dropout", NULL, 0.1},
                    [DROPOUT_ATTENTION] = {"attention_dropout", NULL, 0.1},
                    [DROPOUT_FFN_OUT] = {"dropout", NULL, 0.1},
                    [DROPOUT_HEAD] = {"seq_classif_dropout", NULL, 0.2}},
        .config = distilbert_config,
        .buffers = position_ids,
        .pads_words = true,
        .dense_act = ACT_RELU,
    },
    {
        .model_type = "electra",
        .architecture = "ElectraForSequenceClassification",
        .prefix = "electra.",
        .embedding = {BERT_EMBEDDINGS, [PROJECT_W] = "embeddings_project.weight",
                      [PROJECT_B] = "embeddings_project.bias"},
        BERT_BLOCK,
        ROBERTA_HEAD,
        .dropout = {BERT_BODY_DROPOUTS, [DROPOUT_HEAD_FIRST] = BERT_HEAD_DROPOUT,
                    [DROPOUT_HEAD] = BERT_HEAD_DROPOUT},
        .config = electra_config,
        .buffers = position_ids,
        .pads_words = true,
        .dense_act = ACT_GELU,
    },
    {
        .model_type = "albert",
        .architecture = "AlbertForSequenceClassification",
        .prefix = "albert.",
        .layer = "encoder.albert_layer_groups.%zu.albert_layers.%zu.",
        .embedding = {BERT_EMBEDDINGS, [PROJECT_W] = "encoder.embedding_hidden_mapping_in.weight",
                      [PROJECT_B] = "encoder.embedding_hidden_mapping_in.bias"},
        .block = {[QUERY_W] = "attention.query.weight",
                  [QUERY_B] = "attention.query.bias",
                  [KEY_W] = "attention.key.weight",
                  [KEY_B] = "attention.key.bias",
                  [VALUE_W] = "attention.value.weight",
                  [VALUE_B] = "attention.value.bias",
                  [OUT_W] = "attention.dense.weight",
                  [OUT_B] = "attention.dense.bias",
                  [NORM_A_W] = "attention.LayerNorm.weight",
                  [NORM_A_B] = "attention.LayerNorm.bias",
                  [UP_W] = "ffn.weight",
                  [UP_B] = "ffn.bias",
                  [DOWN_W] = "ffn_output.weight",
                  [DOWN_B] = "ffn_output.bias",
                  [NORM_B_W] = "full_layer_layer_norm.weight",
                  [NORM_B_B] = "full_layer_layer_norm.bias"},
        .head = {[DENSE_W] = "pooler.weight",
                 [DENSE_B] = "pooler.bias",
                 [CLASSIFIER_W] = "classifier.weight",
                 [CLASSIFIER_B] = "classifier.bias"},
        .dropout = {[DROPOUT_EMBEDDING] = {"hidden_dropout_prob", NULL, 0},
                    [DROPOUT_ATTENTION] = {"attention_probs_dropout_prob", NULL, 0},
                    [DROPOUT_ATTENTION_OUT] = {"hidden_dropout_prob", NULL, 0},
                    [DROPOUT_HEAD] = {"classifier_dropout_prob", NULL, 0.1}},
        .config = albert_config,
        .buffers = position_ids,
        .dense_in_base = true,
        .pads_words = true,
        .dense_act = ACT_TANH,
    },
    {
        .model_type = "mpnet",
        .architecture = "MPNetForSequenceClassification",
        .prefix = "mpnet.",
        .layer = "encoder.layer.%zu.",
        .embedding = {BERT_PLACES, [RELATIVE_BIAS] = "encoder.relative_attention_bias.weight"},
        .block = {[QUERY_W] = "attention.attn.q.weight",
                  [QUERY_B] = "attention.attn.q.bias",
                  [KEY_W] = "attention.attn.k.weight",
                  [KEY_B] = "attention.attn.k.bias",
                  [VALUE_W] = "attention.attn.v.weight",
                  [VALUE_B] = "attention.attn.v.bias",
                  [OUT_W] = "attention.attn.o.weight",
                  [OUT_B] = "attention.attn.o.bias",
                  [NORM_A_W] = "attention.LayerNorm.weight",
                  [NORM_A_B] = "attention.LayerNorm.bias",
                  BERT_FEED_FORWARD},
        ROBERTA_HEAD,
        .dropout = {BERT_BODY_DROPOUTS, [DROPOUT_HEAD_FIRST] = {"hidden_dropout_prob", NULL, 0.1},
                    [DROPOUT_HEAD] = {"hidden_dropout_prob", NULL, 0.1}},
        .config = mpnet_config,
        .buffers = position_ids,
        .positions = POSITIONS_OFFSET,
        .pads_words = true,
        .dense_act = ACT_TANH,
    },
    {
        .model_type = "modernbert",
        .architecture = "ModernBertForSequenceClassification",
        .prefix = "model.",
        .layer = "layers.%zu.",
        .embedding = {[WORD] = "embeddings.tok_embeddings.weight",
                      [EMBEDDING_NORM_W] = "embeddings.norm.weight",
                      [EMBEDDING_NORM_B] = "embeddings.norm.bias"},
        .block = {[QKV_W] = "attn.Wqkv.weight",
                  [QKV_B] = "attn.Wqkv.bias",
                  [OUT_W] = "attn.Wo.weight",
                  [OUT_B] = "attn.Wo.bias",
                  [NORM_A_W] = "mlp_norm.weight",
                  [NORM_A_B] = "mlp_norm.bias",
                  [GATE_UP_W] = "mlp.Wi.weight",
                  [GATE_UP_B] = "mlp.Wi.bias",
                  [DOWN_W] = "mlp.Wo.weight",
                  [DOWN_B] = "mlp.Wo.bias",
                  [NORM_B_W] = "attn_norm.weight",
                  [NORM_B_B] = "attn_norm.bias"},
        .final_norm = "final_norm",
        .head = {[DENSE_W] = "head.dense.weight",
                 [DENSE_B] = "head.dense.bias",
                 [HEAD_NORM_W] = "head.norm.weight",
                 [HEAD_NORM_B] = "head.norm.bias",
                 [CLASSIFIER_W] = "classifier.weight",
                 [CLASSIFIER_B] = "classifier.bias"},
        .dropout = {[DROPOUT_EMBEDDING] = {"embedding_dropout", NULL, 0},
                    [DROPOUT_ATTENTION] = {"attention_dropout", NULL, 0},
                    [DROPOUT_ATTENTION_OUT] = {"attention_dropout", NULL, 0},
                    [DROPOUT_FFN_INNER] = {"mlp_dropout", NULL, 0},
                    [DROPOUT_HEAD] = {"classifier_dropout", NULL, 0}},
        .config = modernbert_config,
        .buffers = rotary_buffers,
        .place = PRE_NORM,
        .positions = POSITIONS_ROTARY,
        .gated = true,
        .early_norm = true,
        .scaled_init = true,
        .pads_words = true,
    },
    {
        .model_type = "xlnet",
        .architecture = "XLNetForSequenceClassification",
        .prefix = "transformer.",
        .layer = "layer.%zu.",
        .embedding = {[WORD] = "word_embedding.weight", [MASK_EMBEDDING] = "mask_emb"},
        .block = {[QUERY_W] = "rel_attn.q",
                  [KEY_W] = "rel_attn.k",
                  [VALUE_W] = "rel_attn.v",
                  [OUT_W] = "rel_attn.o",
                  [RELATIVE_W] = "rel_attn.r",
                  [CONTENT_BIAS] = "rel_attn.r_w_bias",
                  [POSITION_BIAS] = "rel_attn.r_r_bias",
                  [SEGMENT_BIAS] = "rel_attn.r_s_bias",
                  [SEGMENT_W] = "rel_attn.seg_embed",
                  [NORM_A_W] = "rel_attn.layer_norm.weight",
                  [NORM_A_B] = "rel_attn.layer_norm.bias",
                  [UP_W] = "ff.layer_1.weight",
                  [UP_B] = "ff.layer_1.bias",
                  [DOWN_W] = "ff.layer_2.weight",
                  [DOWN_B] = "ff.layer_2.bias",
                  [NORM_B_W] = "ff.layer_norm.weight",
                  [NORM_B_B] = "ff.layer_norm.bias"},
        .head = {[DENSE_W] = "sequence_summary.summary.weight",
                 [DENSE_B] = "sequence_summary.summary.bias",
                 [CLASSIFIER_W] = "logits_proj.weight",
                 [CLASSIFIER_B] = "logits_proj.bias"},
        .dropout = {[DROPOUT_EMBEDDING] = {"dropout", NULL, 0.1},
                    [DROPOUT_ATTENTION] = {"dropout", NULL, 0.1},
                    [DROPOUT_ATTENTION_OUT] = {"dropout", NULL, 0.1},
                    [DROPOUT_FFN_INNER] = {"dropout", NULL, 0.1},
                    [DROPOUT_FFN_OUT] = {"dropout", NULL, 0.1},
                    [DROPOUT_HEAD_FIRST] = {"dropout", NULL, 0.1},
                    [DROPOUT_HEAD] = {"summary_last_dropout", NULL, 0.1}},
        .config = xlnet_config,
        .positions = POSITIONS_RELATIVE,
        .reads_last = true,
        .dense_act = ACT_TANH,
    },
    {
        .model_type = "gpt2",
        .architecture = "GPT2ForSequenceClassification",
        .prefix = "transformer.",
        .layer = "h.%zu.",
        .embedding = {[WORD] = "wte.weight",
                      [POSITION] = "wpe.weight",
                      [EMBEDDING_NORM_W] = "h.0.ln_1.weight",
                      [EMBEDDING_NORM_B] = "h.0.ln_1.bias"},
        .block = {[QKV_W] = "attn.c_attn.weight",
                  [QKV_B] = "attn.c_attn.bias",
                  [OUT_W] = "attn.c_proj.weight",
                  [OUT_B] = "attn.c_proj.bias",
                  [NORM_A_W] = "ln_2.weight",
                  [NORM_A_B] = "ln_2.bias",
                  [UP_W] = "mlp.c_fc.weight",
                  [UP_B] = "mlp.c_fc.bias",
                  [DOWN_W] = "mlp.c_proj.weight",
                  [DOWN_B] = "mlp.c_proj.bias",
                  [NORM_B_W] = "ln_1.weight",
                  [NORM_B_B] = "ln_1.bias"},
        .final_norm = "ln_f",
        .head = {[CLASSIFIER_W] = "score.weight"},
        .dropout = {[DROPOUT_EMBEDDING] = {"embd_pdrop", NULL, 0.1},
                    [DROPOUT_ATTENTION] = {"attn_pdrop", NULL, 0.1},
                    [DROPOUT_ATTENTION_OUT] = {"resid_pdrop", NULL, 0.1},
                    [DROPOUT_FFN_OUT] = {"resid_pdrop", NULL, 0.1}},
        .config = gpt2_config,
        .buffers = gpt2_buffers,
        .place = PRE_NORM,
        .causal = true,
        .conv1d = true,
        .reads_last = true,
    },
    {
        .model_type = "llama",
        .architecture = "LlamaForSequenceClassification",
        .block = {LLAMA_BLOCK, [OUT_B] = "self_attn.o_proj.bias", [GATE_B] = "mlp.gate_proj.bias",
                  [UP_B] = "mlp.up_proj.bias", [DOWN_B] = "mlp.down_proj.bias"},
        LLAMA_OPTIONS,
        .config = llama_config,
    },
    {
        .model_type = "qwen2",
        .architecture = "Qwen2ForSequenceClassification",
        .block = {LLAMA_BLOCK},
        LLAMA_OPTIONS,
        .config = qwen2_config,
    },
    {
        .model_type = "qwen3",
        .architecture = "Qwen3ForSequenceClassification",
        .block =
            {LLAMA_BLOCK, [OUT_B] = "self_attn.o_proj.bias",
             [QUERY_NORM_W] = "self_attn.q_norm.weight", [KEY_NORM_W] = "self_attn.k_norm.weight"},
        LLAMA_OPTIONS,
        .config = qwen3_config,
    },
};

const struct family *family_find(const char *model_type)
{
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (!strcmp(families[i].model_type, model_type))
            return &families[i];
    return NULL;
}

const char *model_types(size_t i)
{
    return i < sizeof families / sizeof *families ? families[i].model_type : NULL;
}

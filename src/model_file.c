/* The model file: tensors as they are, all else in the metadata of safetensors. */
#include "model_columns.h"

#include "base/error.h"
#include "base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char model_name[] = "model.safetensors";
static const char format_name[] = "shardprop";

/* "784 128 10", and "relu softmax". */
static void print_layers(const sp_net *net, char *widths, char *activations, size_t size) {
    size_t used = (size_t)snprintf(widths, size, "%zu", net->inputs), activations_used = 0;
    for (size_t l = 0; l < net->depth; l++) {
        used += (size_t)snprintf(widths + used, size - used, " %zu", net->layers[l].outputs);
        activations_used += (size_t)snprintf(activations + activations_used, size - activations_used, "%s%s",
                                             l > 0 ? " " : "", sp_activation_names[net->layers[l].activation]);
    }
}

/* "batch none", of the hidden layers; false: none of them is normalised. */
static bool print_norms(const sp_net *net, char *norms, size_t size) {
    size_t used = 0;
    bool any = false;
    norms[0] = '\0';
    for (size_t l = 0; l + 1 < net->depth; l++) {
        used +=
            (size_t)snprintf(norms + used, size - used, "%s%s", l > 0 ? " " : "", sp_norm_names[net->layers[l].norm]);
        any = any || net->layers[l].norm != SP_NORM_NONE;
    }
    return any;
}

enum { MOST_TENSORS = 5 }; /* of a layer */

/* The tensors layer1.weight, layer1.bias, ...: views of `parameters`. Returns how many there are. */
static size_t list_tensors(const sp_net *net, const float *parameters, sp_tensor *tensors) {
    size_t count = 0;
    for (size_t l = 0; l < net->depth; l++) {
        const sp_layer *layer = &net->layers[l];
        const struct {
            const char *name;
            bool there;
            size_t at;
        } all[MOST_TENSORS] = {{"weight", true, layer->weights},
                               {"bias", true, layer->bias},
                               {"scale", layer->norm != SP_NORM_NONE, layer->scale},
                               {"running_mean", layer->norm == SP_NORM_BATCH, layer->mean},
                               {"running_variance", layer->norm == SP_NORM_BATCH, layer->mean + layer->outputs}};
        for (int i = 0; i < MOST_TENSORS; i++) {
            if (!all[i].there) continue;
            sp_tensor *tensor = &tensors[count++];
            *tensor = (sp_tensor){.dimensions = 1, .shape = {layer->outputs}, .values = parameters + all[i].at};
            if (i == 0) {
                tensor->dimensions = 2;
                tensor->shape[0] = layer->inputs;
                tensor->shape[1] = layer->outputs;
            }
            snprintf(tensor->name, sizeof tensor->name, "layer%zu.%s", l + 1, all[i].name);
        }
    }
    return count;
}

sp_status sp_model_save(const sp_model *model, const char *path, sp_error *error) {
    enum { WIDEST = SP_MOST_LAYERS * 22, MOST_TEXTS = 16 + SP_MOST_COLUMN_TEXTS };
    const sp_net *net = model->net;
    char widths[WIDEST], activations[WIDEST], norms[WIDEST], epsilon[32], delta[32];
    sp_column_texts columns = {0};
    print_layers(net, widths, activations, WIDEST);
    bool normalised = print_norms(net, norms, sizeof norms);
    sp_print_real(net->epsilon, epsilon, sizeof epsilon);
    sp_print_real(net->shape.delta, delta, sizeof delta);
    char *classes = sp_print_names(&model->classes);
    char *shift = sp_print_floats(model->preprocess.shift, net->inputs);
    char *scale = sp_print_floats(model->preprocess.scale, net->inputs);
    bool good = sp_column_texts_create(model, &columns);
    sp_tensor *tensors = calloc(MOST_TENSORS * net->depth, sizeof *tensors);

    sp_status status;
    if (!classes || !shift || !scale || !tensors || !good) {
        status = sp_fail_memory(error, path, MOST_TENSORS * net->depth * sizeof *tensors);
    } else {
        sp_metadata metadata[MOST_TEXTS] = {
            {"format", format_name},
            {"version", sp_version()},
            {"task", sp_task_names[model->task]},
            {"loss", sp_loss_names[net->loss]},
            {"huber_delta", delta},
            {"widths", widths},
            {"activations", activations},
            {"classes", classes},
            {"normalize", sp_normalize_names[model->preprocess.kind]},
            {"input_shift", shift},
            {"input_scale", scale},
        };
        size_t texts = 0;
        while (metadata[texts].name) texts++;
        if (normalised) {
            metadata[texts++] = (sp_metadata){"normalizations", norms};
            metadata[texts++] = (sp_metadata){"norm_epsilon", epsilon};
        }
        for (size_t i = 0; i < columns.count; i++) metadata[texts++] = columns.metadata[i];
        status =
            sp_safetensors_write(path, tensors, list_tensors(net, model->parameters, tensors), metadata, texts, error);
    }
    free(classes);
    sp_column_texts_clear(&columns);
    free(shift);
    free(scale);
    free(tensors);
    return status;
}

/* Index of the metadata text `name` in a list of names; negative: none of them. */
static int choice_of(const sp_safetensors *file, const char *name, const char *const *names) {
    const char *text = sp_safetensors_text(file, name);
    for (int i = 0; text && names[i]; i++)
        if (strcmp(names[i], text) == 0) return i;
    return -1;
}

/* The next word of *text, between blanks; false when there is none. */
static bool next_word(const char **text, char word[24]) {
    *text += strspn(*text, " ");
    size_t length = strcspn(*text, " ");
    if (length == 0 || length >= 24) return false;
    snprintf(word, 24, "%.*s", (int)length, *text);
    *text += length;
    return true;
}

/* The network that the metadata describes; false: it describes none. */
static bool parse_layers(const sp_safetensors *file, size_t *depth, size_t *widths, sp_activation *activations) {
    const char *text = sp_safetensors_text(file, "widths"), *names = sp_safetensors_text(file, "activations");
    char word[24];
    size_t count = 0;
    if (!text || !names) return false;
    while (next_word(&text, word)) {
        long long width;
        if (count > SP_MOST_LAYERS || !sp_parse_whole(word, &width) || width < 1 || width > SP_MOST_FEATURES)
            return false;
        widths[count++] = (size_t)width;
    }
    if (count < 2) return false;
    *depth = count - 1;
    for (size_t l = 0; l < *depth; l++) {
        int activation = 0;
        if (!next_word(&names, word)) return false;
        while (sp_activation_names[activation] && strcmp(sp_activation_names[activation], word) != 0) activation++;
        if (!sp_activation_names[activation] || (activation >= SP_SOFTMAX && l + 1 < *depth)) return false;
        activations[l] = (sp_activation)activation;
    }
    return true;
}

/* How hidden layers are normalised; a file that says nothing of it has none that are. */
static bool parse_norms(const sp_safetensors *file, size_t depth, sp_norm *norms, double *epsilon) {
    const char *text = sp_safetensors_text(file, "normalizations"), *added = sp_safetensors_text(file, "norm_epsilon");
    char word[24];
    *epsilon = 0;
    for (size_t l = 0; l + 1 < depth; l++) norms[l] = SP_NORM_NONE;
    if (!text) return true;
    for (size_t l = 0; l + 1 < depth; l++) {
        int norm = 0;
        if (!next_word(&text, word)) return false;
        while (sp_norm_names[norm] && strcmp(sp_norm_names[norm], word) != 0) norm++;
        if (!sp_norm_names[norm]) return false;
        norms[l] = (sp_norm)norm;
    }
    return added && sp_parse_real(added, epsilon) && *epsilon > 0;
}

/* Whether outputs, classes, loss and output activation of a file go together. */
static bool fits_together(const sp_model *model) {
    const sp_net *net = model->net;
    sp_activation output = net->layers[net->depth - 1].activation;
    bool softmax = output == SP_SOFTMAX, logits = sp_loss_takes_logits(net->loss);
    size_t classes = model->classes.count;
    if (logits ? output != sp_output_of(net->loss, true) : output >= SP_SOFTMAX) return false;
    if (model->task != SP_CLASSIFICATION)
        return classes == 0 && !softmax && net->outputs == model->columns.targets &&
               (model->task == SP_REGRESSION || model->target_scale.features == 0);
    if (model->columns.targets != 1 || model->target_scale.features > 0) return false;
    return classes >= 2 && (net->outputs == classes || (net->outputs == 1 && classes == 2 && !softmax));
}

/* Memory for the tensors is only asked for once the file has shown that it holds as many bytes. */
static bool tensors_are_there(const sp_safetensors *file, size_t depth, const size_t *widths, const sp_norm *norms) {
    static const size_t vectors[] = {[SP_NORM_NONE] = 1, [SP_NORM_BATCH] = 4, [SP_NORM_LAYER] = 2};
    size_t floats = 0, weights;
    for (size_t l = 0; l < depth; l++) {
        size_t others = widths[l + 1] * (l + 1 < depth ? vectors[norms[l]] : 1);
        if (__builtin_mul_overflow(widths[l], widths[l + 1], &weights) ||
            __builtin_add_overflow(floats, weights + others, &floats))
            return false;
    }
    return floats <= sp_safetensors_bytes(file) / sizeof(float);
}

/* What cannot be parsed for lack of memory (errno) is not to blame on the file. */
static sp_status not_a_model(const char *path, const char *why, sp_error *error) {
    if (errno == ENOMEM) return sp_fail_memory(error, path, 0);
    return sp_fail(error, SP_BAD_DATA, "%s: is no model of shardprop (%s); name one that `shardprop train` wrote", path,
                   why);
}

static sp_status read_tensors(const char *path, const sp_safetensors *file, sp_model *model, sp_error *error) {
    sp_tensor *tensors = calloc(MOST_TENSORS * model->net->depth, sizeof *tensors);
    if (!tensors) return sp_fail_memory(error, path, MOST_TENSORS * model->net->depth * sizeof *tensors);
    sp_status status = SP_OK;
    size_t count = list_tensors(model->net, model->parameters, tensors);
    for (size_t i = 0; i < count && !status; i++) {
        const size_t *shape = tensors[i].shape;
        float *values = model->parameters + (tensors[i].values - model->parameters);
        status = sp_safetensors_copy(file, tensors[i].name, shape[0], shape[1], values, error);
    }
    free(tensors);
    for (size_t l = 0; l < model->net->depth && !status; l++) {
        const sp_layer *layer = &model->net->layers[l];
        const float *variance = model->parameters + layer->mean + layer->outputs;
        for (size_t j = 0; layer->norm == SP_NORM_BATCH && j < layer->outputs && !status; j++)
            if (!(variance[j] >= 0)) status = not_a_model(path, "a running variance in it is negative", error);
    }
    return status;
}

static sp_status build(const char *path, const sp_safetensors *file, sp_model *model, sp_error *error) {
    size_t depth, widths[SP_MOST_LAYERS + 1];
    sp_activation activations[SP_MOST_LAYERS];
    sp_norm norms[SP_MOST_LAYERS];
    sp_norms normalised = {.hidden = norms};
    const char *format = sp_safetensors_text(file, "format"), *fault;
    int loss = choice_of(file, "loss", sp_loss_names), task = choice_of(file, "task", sp_task_names);
    int normalize = choice_of(file, "normalize", sp_normalize_names);
    const char *delta = sp_safetensors_text(file, "huber_delta"); /* older files have none */
    double bend;

    errno = 0;
    if (!format || strcmp(format, format_name) != 0) return not_a_model(path, "its metadata does not say so", error);
    if (loss < 0 || task < SP_CLASSIFICATION || normalize < 0)
        return not_a_model(path, "its loss, task or normalisation is unknown", error);
    if (!parse_layers(file, &depth, widths, activations))
        return not_a_model(path, "its widths or activations are malformed", error);
    if (!parse_norms(file, depth, norms, &normalised.epsilon))
        return not_a_model(path, "its normalizations are malformed", error);
    if (!tensors_are_there(file, depth, widths, norms))
        return not_a_model(path, "it is shorter than its tensors", error);

    sp_status status = sp_net_create(depth, widths, activations, &normalised, (sp_loss)loss, &model->net, error);
    if (status) return status;
    if (delta && (!sp_parse_real(delta, &bend) || !(bend > 0)))
        return not_a_model(path, "its huber_delta is malformed", error);
    if (delta) model->net->shape.delta = (float)bend;
    model->task = (sp_task)task;
    model->parameters = sp_allocate(model->net->floats, sizeof *model->parameters);
    if (!model->parameters) return sp_fail_memory(error, path, sp_bytes(model->net->floats, sizeof(float)));
    fault = sp_column_texts_read(file, widths[0], model);
    if (fault) return not_a_model(path, fault, error);
    model->preprocess.kind = (sp_normalize)normalize;
    if (!sp_parse_names(sp_safetensors_text(file, "classes"), &model->classes) || !fits_together(model))
        return not_a_model(path, "its classes or targets do not fit its layers", error);
    if (!sp_parse_floats(sp_safetensors_text(file, "input_shift"), model->preprocess.shift, widths[0]) ||
        !sp_parse_floats(sp_safetensors_text(file, "input_scale"), model->preprocess.scale, widths[0]))
        return not_a_model(path, "its normalisation does not fit its inputs", error);

    return read_tensors(path, file, model, error);
}

sp_status sp_model_load(const char *path, sp_model **model, sp_error *error) {
    char joined[4096];
    if (sp_is_folder(path)) {
        if (!sp_path_join(joined, sizeof joined, path, model_name))
            return sp_fail(error, SP_BAD_CONFIG, "%s: is too long a path; use a shorter one", path);
        if (!sp_file_exists(joined))
            return sp_fail(error, SP_BAD_CONFIG, "%s: holds no %s; name the directory of a finished run", path,
                           model_name);
        path = joined;
    }
    sp_safetensors *file;
    sp_status status = sp_safetensors_read(path, &file, error);
    if (status) return status;
    sp_model *loaded = calloc(1, sizeof *loaded);
    status = loaded ? build(path, file, loaded, error) : sp_fail_memory(error, path, sizeof *loaded);
    sp_safetensors_destroy(file);
    if (status) {
        sp_model_destroy(loaded);
        return status;
    }
    *model = loaded;
    return SP_OK;
}

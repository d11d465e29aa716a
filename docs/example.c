/* Train on the embedded digits, evaluate, predict one sample: libconvoy in one page.
 *
 *     cc example.c -o example $(pkg-config --cflags --libs convoy)
 *     mpirun -n 2 ./example digits.yaml runs/example
 *
 * The digest that it prints is the same for any number of ranks. */
#include <convoy.h>
#include <stdio.h>
#include <stdlib.h>

static int fail(const char *what)
{
    if (convoy_rank() == 0)
        fprintf(stderr, "%s: %s\n", what, convoy_error());
    convoy_finalize();
    return EXIT_FAILURE;
}

static void print_scores(const convoy_scores *scores)
{
    printf("%zu samples:", scores->samples);
    for (size_t i = 0; i < scores->count; i++)
        printf(" %s %.4f", scores->name[i], scores->value[i]);
    printf("\n");
}

static int predict_blank(convoy_model *model)
{
    float *x = calloc(convoy_model_inputs(model), sizeof *x);
    float *y = calloc(convoy_model_outputs(model), sizeof *y);
    int failed = !x || !y || convoy_model_predict(model, x, 1, y) != CONVOY_OK;
    for (size_t i = 0; !failed && i < convoy_model_outputs(model); i++)
        printf("a blank image is a %zu with probability %.4f\n", i, (double)y[i]);
    free(x);
    free(y);
    return failed;
}

int main(int argc, char **argv)
{
    char *changes[] = {"fit.epochs=3"};
    convoy_experiment *experiment;
    convoy_model *model;
    convoy_scores scores;
    char digest[33];

    if (argc != 3) {
        fprintf(stderr, "usage: %s EXPERIMENT.yaml FOLDER\n", argv[0]);
        return EXIT_FAILURE;
    }
    if (convoy_init(&argc, &argv) != CONVOY_OK)
        return fail("start");
    if (convoy_experiment_load_with(argv[1], changes, 1, &experiment) != CONVOY_OK)
        return fail("experiment");
    if (convoy_train(experiment, argv[2], CONVOY_TRAIN_OVERWRITE, &model) != CONVOY_OK)
        return fail("train");
    if (convoy_model_evaluate(model, "test", &scores) != CONVOY_OK)
        return fail("evaluate");
    convoy_model_digest(model, digest);
    if (convoy_rank() == 0) {
        print_scores(&scores);
        if (predict_blank(model))
            return fail("predict");
        printf("digest: %s\n", digest);
    }
    convoy_model_free(model);
    convoy_experiment_free(experiment);
    convoy_finalize();
    return EXIT_SUCCESS;
}

#!/bin/bash
# Trains some networks for a few steps, opens their checkpoints in Keras, and compares what both
# predict. Needs a Python with keras (3), a backend of it (jax), numpy and h5py: $CONVOY_KERAS_PYTHON,
# else python3; where CI or CONVOY_FETCH_KERAS is set and there is none, one is made in $BUILD/keras.
. "$(dirname "$0")/../harness.sh"

export KERAS_BACKEND=${KERAS_BACKEND:-jax} JAX_PLATFORMS=cpu

has_keras() {
    "$1" -c 'import h5py, jax, keras, numpy' >/dev/null 2>&1
}

fetch_keras() {
    python3 -m venv "$BUILD/keras" && "$BUILD/keras/bin/pip" install -q keras jax numpy h5py
}

python=
find_python() {
    local candidate
    for candidate in ${CONVOY_KERAS_PYTHON:+"$CONVOY_KERAS_PYTHON"} python3 "$BUILD/keras/bin/python"; do
        if has_keras "$candidate"; then
            python=$candidate
            return
        fi
    done
    if [ -n "${CI:-}${CONVOY_FETCH_KERAS:-}" ] && fetch_keras >"$folder/fetch" 2>&1; then
        python=$BUILD/keras/bin/python
    fi
}

metrics='[accuracy]' # of the experiments
# experiment NAME LOSS OPTIMIZER < MODEL: writes $folder/NAME.yaml
experiment() {
    cat - >"$folder/$1.yaml" <<END
name: $1
data:
  train: {format: hdf5, file: $folder/$1-data.h5}
  one_hot: $([ "$2" = "${2#sparse}" ] && echo true || echo false)
compile: {optimizer: $3, loss: $2, metrics: $metrics}
fit: {batch_size: 16, microbatch_size: 4, epochs: 1}
model:
$(sed 's/^/  /')
END
}

# network NAME SHAPE...: trains it, and has Keras predict with it
network() {
    local name=$1
    shift
    check "$name: data" "$python" tests/golden/keras_data.py "$folder/$name-data.h5" 64 "$@" &&
        check "$name: train" "$CONVOY" train "$folder/$name.yaml" --out "$folder/$name" &&
        check "$name: predict" predict "$name" &&
        check "$name: Keras" "$python" tests/golden/keras_load.py "$folder/$name/model.h5" \
            "$folder/$name-data.h5" "$folder/$name.json"
}

predict() {
    "$CONVOY" predict "$folder/$1/model.h5" "$folder/$1-data.h5" --probabilities --json \
        >"$folder/$1.json"
}

find_python
if [ -z "$python" ]; then
    skip "Keras opens our checkpoints" \
        "no Python with keras, jax, numpy and h5py; set CONVOY_KERAS_PYTHON or CONVOY_FETCH_KERAS=1"
    finish
fi

experiment lenet5 sparse_categorical_crossentropy Adam <<END
input: [28, 28, 1]
layers:
  - Conv2D: {filters: 6, kernel_size: 5, padding: same, activation: relu}
  - MaxPooling2D: {pool_size: 2}
  - Conv2D: {filters: 16, kernel_size: 5, activation: relu}
  - MaxPooling2D: {pool_size: 2}
  - Flatten
  - Dense: {units: 120, activation: tanh}
  - Dense: {units: 84, activation: sigmoid}
  - Dense: {units: 10, activation: softmax, name: head}
END
network lenet5 28 28 1

# Whatever arguments a layer takes, and activations where Keras's class has no such argument.
metrics='[accuracy, mae, {TopKCategoricalAccuracy: 3}, {Precision: {class_id: 1}}, F1Score, {AUC: PR},
    RootMeanSquaredError, R2Score, kld, {huber: 0.5}, perceptron]'
experiment cifar '{categorical_crossentropy: {label_smoothing: 0.125}}' '{SGD: {learning_rate: 0.05, momentum: 0.9, nesterov: true}}' \
    <<END
input: [32, 32, 3]
layers:
  - ZeroPadding2D: {padding: [[1, 2], [0, 3]]}
  - Conv2D: {filters: 16, kernel_size: 3, use_bias: false, dilation_rate: 2,
             kernel_regularizer: {L1L2: {l1: 0.0001, l2: 0.001}}}
  - BatchNormalization: {momentum: 0.9, activation: relu, synchronized: true}
  - MaxPooling2D: {pool_size: 3, strides: 2, padding: same, activation: tanh}
  - Dropout: 0.25
  - Conv2D: {filters: 8, kernel_size: [3, 2], strides: [2, 1], padding: same,
             kernel_initializer: {random_normal: {stddev: 0.2}}, bias_initializer: {constant: 0.3},
             kernel_constraint: {MinMaxNorm: {axis: [0, 1, 2]}}}
  - BatchNormalization: {center: false, gamma_regularizer: {L1: 0.001}, trainable: false}
  - Activation: sigmoid
  - AveragePooling2D: {pool_size: 2}
  - GlobalAveragePooling2D
  - Dense: {units: 10, activation: softmax, kernel_initializer: he_normal,
            kernel_constraint: MaxNorm, bias_constraint: NonNeg}
END
network cifar 32 32 3

metrics='[accuracy]'
experiment simple_layers sparse_categorical_crossentropy Adam <tests/models/simple_layers.yaml
network simple_layers 8 8 1

# Convolutions and normalizations of every kind, of images and of sequences.
experiment convolutions sparse_categorical_crossentropy Adam <<END
input: [12, 11, 4]
layers:
  - Conv2D: {filters: 8, kernel_size: 3, groups: 2, activation: relu, name: start}
  - GroupNormalization: {groups: 4, activation: tanh}
  - DepthwiseConv2D: {kernel_size: 3, strides: 2, padding: same, depth_multiplier: 2,
                      depthwise_regularizer: {L2: 0.001}}
  - LayerNormalization: {axis: [-2, -1], epsilon: 0.01}
  - SeparableConv2D: {filters: 6, kernel_size: [2, 3], use_bias: false, activation: relu,
                      pointwise_initializer: he_normal}
  - UnitNormalization: {axis: [3]}
  - Conv2DTranspose: {filters: 4, kernel_size: 3, strides: 2, padding: same, activation: tanh}
  - Conv2DTranspose: {filters: 4, kernel_size: 4, strides: [2, 3], output_padding: [1, 0]}
  - LayerNormalization: {scale: false}
  - GlobalAveragePooling2D
  - Dense: {units: 10, activation: softmax}
END
network convolutions 12 11 4
experiment sequences sparse_categorical_crossentropy SGD <<END
input: [20, 3]
layers:
  - Conv1D: {filters: 8, kernel_size: 3, padding: causal, dilation_rate: 2, activation: relu}
  - DepthwiseConv1D: {kernel_size: 3, depth_multiplier: 2}
  - GroupNormalization: {groups: -1}
  - SeparableConv1D: {filters: 6, kernel_size: 3, strides: 2, padding: same, activation: tanh}
  - Conv1DTranspose: {filters: 4, kernel_size: 3, strides: 2, padding: same, output_padding: 1}
  - Conv1D: {filters: 4, kernel_size: 2, groups: 2}
  - LayerNormalization
  - Flatten
  - Dense: {units: 10, activation: softmax}
END
network sequences 20 3
experiment axes sparse_categorical_crossentropy Adam <<END
input: [6, 5, 4]
layers:
  - LayerNormalization: {axis: [-2, -1], epsilon: 0.01, name: a, activation: tanh}
  - UnitNormalization: {axis: [2, 3], name: b, inputs: input}
  - Add: {inputs: [a, b]}
  - GlobalAveragePooling2D
  - Dense: {units: 10, activation: softmax}
END
network axes 6 5 4

resnet20() {
    local previous=input stage block filters stride channels=0 name shortcut
    echo "input: [32, 32, 3]"
    echo "layers:"
    echo "  - Conv2D: {filters: 16, kernel_size: 3, padding: same, use_bias: false}"
    echo "  - BatchNormalization: {activation: relu, name: start}"
    previous=start channels=16
    for stage in 0 1 2; do
        filters=$((16 << stage))
        for block in a b c; do
            name=$stage$block
            stride=$((filters == channels ? 1 : 2))
            shortcut=$previous
            echo "  - Conv2D: {filters: $filters, kernel_size: 3, strides: $stride, padding: same," \
                "use_bias: false, inputs: $previous}"
            echo "  - BatchNormalization: {activation: relu}"
            echo "  - Conv2D: {filters: $filters, kernel_size: 3, padding: same, use_bias: false}"
            echo "  - BatchNormalization: {name: residual$name}"
            if [ "$stride" = 2 ]; then
                shortcut=shortcut$name
                echo "  - Conv2D: {filters: $filters, kernel_size: 1, strides: 2," \
                    "name: $shortcut, inputs: $previous}"
            fi
            echo "  - Add: {inputs: [residual$name, $shortcut], activation: relu, name: add$name}"
            previous=add$name channels=$filters
        done
    done
    echo "  - GlobalAveragePooling2D"
    echo "  - Dense: {units: 10, activation: softmax}"
}
resnet20 | experiment resnet20 sparse_categorical_crossentropy '{AdamW: {learning_rate: {CosineDecay: {initial_learning_rate: 0.001, decay_steps: 100}}, global_clipnorm: 1}}'
network resnet20 32 32 3
finish

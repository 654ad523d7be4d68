#!/usr/bin/env bash
# Trains the mini audio-language model on, with and without self-augmented data, and measures both.
#   bash benchmarks/simulsa_mini/run.sh     from the folder of the project, after build_data.sh and test_sets.sh of
#                                           benchmarks/reina_mini
set -euo pipefail
processes=${PROCESSES:-$(nproc)}  # before OMP_NUM_THREADS is set, which nproc heeds
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE
# What large tensors leave is kept for the next: handing it back to the system costs a tenth of a step.
export MALLOC_MMAP_THRESHOLD_=8589934592 MALLOC_TRIM_THRESHOLD_=8589934592 MALLOC_TOP_PAD_=268435456
data=data/simulsa_mini runs=runs/simulsa spoken=data/reina_mini/spoken
configs=train/simulsa_sft/configs

# The model that knew captions and game dialogue, which the scripts of revision 9e147de made.
mkdir -p "$runs/start" $data/caches
git archive 68ebcad models/weights/simulsa-mini | tar x --strip-components 3 -C "$runs/start"

# CACHE MANIFEST: the frozen encoder's outputs.
encode() {
    simulst prepare encode --model "$runs/start" --manifest "$spoken/$2" --output "$data/caches/$1" --jobs "$processes"
}
encode everyday_dev everyday_dev/manifest.tsv
encode multi30k_val multi30k_val/manifest.tsv
encode bass_short bass_short/segments.tsv
encode bass_long bass_long/segments.tsv
encode everyday everyday_heard/manifest.tsv
encode multi30k_train_more multi30k_train_more_heard/manifest.tsv

torchrun --nproc_per_node="$processes" -m train.simulsa_sft "$runs/base" --config-file $configs/mini_base.yaml
simulst export "$runs/base" "$runs/exported/base"
simulst augment --model "$runs/base" --targets de fr --ratio 0.05 --output $data/augmented \
    --manifest $spoken/multi30k_train_more_heard/manifest.tsv

# NAME CONFIG SEED: one process each, because a step is small.
fine_tune() {
    simulst train simulsa_sft "$runs/$1-$3" --config-file "$2" --config common.seed="$3" reader.seed="$3"
    simulst export "$runs/$1-$3" "$runs/exported/$1-$3"
}
fine_tune sft $configs/mini_sft.yaml 1
fine_tune simulsa $configs/mini.yaml 1

# What ships as models/weights/simulsa-mini.
simulst export "$runs/simulsa-1" "$runs/exported/simulsa-mini" --licence mit \
    --notes benchmarks/simulsa_mini/model_card.md --base-model openai/whisper-tiny.en
for name in captions everyday; do
    simulst sweep benchmarks/simulsa_mini/$name.yaml --output "$runs/$name" --jobs "$processes"
done

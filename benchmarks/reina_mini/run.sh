#!/usr/bin/env bash
# Trains the mini model on from the model of captions that shipped before, exports it with its policy, and measures it.
#   bash benchmarks/reina_mini/run.sh      from the folder of the project, after build_data.sh and test_sets.sh
set -euo pipefail
processes=${PROCESSES:-$(nproc)}  # before OMP_NUM_THREADS is set, which nproc heeds
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE
# What large tensors leave is kept for the next: handing it back to the system costs a tenth of a step.
export MALLOC_MMAP_THRESHOLD_=8589934592 MALLOC_TRIM_THRESHOLD_=8589934592 MALLOC_TOP_PAD_=268435456
runs=runs/mini spoken=data/reina_mini/spoken texts=data/reina_mini/texts
overrides=model.config_overrides

# The model that knew captions and game dialogue, which the scripts of revision 9e147de made.
mkdir -p "$runs/start"
git archive 68ebcad models/weights/reina-mini | tar x --strip-components 3 -C "$runs/start"

# train STAGE RUN CONFIG OPTIONS ...
train() {
    torchrun --nproc_per_node="$processes" -m "train.$1" "$runs/$2" --config-file "train/$1/configs/$3.yaml" "${@:4}"
}
train stage1 stage1 mini
train stage1 stage1_more mini_more
train stage2 stage2 mini
train stage2 stage2_more mini_more
train stage3 policy mini --config $overrides.hears_duration=true $overrides.gain=jensen-shannon

# What ships as models/weights/reina-mini.
simulst export "$runs/policy" "$runs/exported/reina-mini" --licence mit --threshold -0.18 --agreeing-chunks 2 \
    --eight-bit --notes benchmarks/reina_mini/model_card.md --base-model openai/whisper-tiny.en
simulst prepare words --manifests "$texts"/{everyday,multi30k_train,wesnoth}/manifest.tsv \
    "$spoken/bass_short/segments.tsv" --languages de fr --names-from en --output "$runs/exported/reina-mini"

# Offline with beam 3, and REINA-TAN and the baselines, on each test set.
for set in test_slt everyday_test bass56; do
    for language in de fr; do
        files=(--source "$spoken/$set/source.txt" --target "$spoken/$set/target.$language.txt" --target-language "$language")
        simulst evaluate reina --agent offline --beam 3 --patience 3 --model "$runs/exported/reina-mini" "${files[@]}" \
            --output "$runs/offline/$set.$language"
        simulst sweep benchmarks/reina_mini/policies.yaml --model "$runs/exported/reina-mini" "${files[@]}" \
            --output "$runs/policies/$set.$language" --jobs "$processes"
    done
done

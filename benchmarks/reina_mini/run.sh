#!/usr/bin/env bash
# Trains the mini model and its policies, exports them, and measures all policies: hours on four cores.
#   bash benchmarks/reina_mini/run.sh      from the folder of the project, after build_data.sh and test_sets.sh
set -euo pipefail
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE
# What large tensors leave is kept for the next: handing it back to the system costs a tenth of a step.
export MALLOC_MMAP_THRESHOLD_=8589934592 MALLOC_TRIM_THRESHOLD_=8589934592 MALLOC_TOP_PAD_=268435456
processes=${PROCESSES:-$(nproc)}
runs=runs/mini
overrides=model.config_overrides
# train STAGE RUN CONFIG
train() { torchrun --nproc_per_node="$processes" -m "train.$1" "$runs/$2" --config-file "train/$1/configs/$3.yaml"; }
policy() { simulst train stage3 "$runs/$1" --config-file train/stage3/configs/mini.yaml "${@:2}"; }

train stage1 text mini_text
train stage1 stage1 mini
train stage2 stage2 mini

policy reina
policy digsst --config $overrides.objective=divergence
policy reina-nomono --config $overrides.monotonicity_weight=0
policy no-stage2 --config $overrides.translator=$runs/stage1
# The measured ones of these two stopped after 200 steps, and had no monotonicity term.
policy tan --config $overrides.hears_duration=true $overrides.monotonicity_weight=0 regime.num_steps=200
policy san --config $overrides.alignment_weight=1 $overrides.monotonicity_weight=0 regime.num_steps=200
# With the paper's lambda: scores that stay below 1 are not spread by a larger one.
policy probability --config $overrides.score=probability $overrides.norm_weight=0.05
# Other gains than that of the reference's token. tan-js ships.
policy reina-kl --config $overrides.gain=kullback-leibler
policy san-kl --config $overrides.alignment_weight=1 $overrides.gain=kullback-leibler regime.num_steps=600
policy tan-kl --config $overrides.hears_duration=true $overrides.gain=kullback-leibler regime.num_steps=600
policy san-js --config $overrides.alignment_weight=1 $overrides.gain=jensen-shannon
policy tan-js --config $overrides.hears_duration=true $overrides.gain=jensen-shannon
policy tan-js-800 --config $overrides.hears_duration=true $overrides.gain=jensen-shannon regime.num_steps=800
policy tan-regret --config $overrides.hears_duration=true $overrides.gain=regret
policy tan-jsd --config $overrides.hears_duration=true $overrides.gain=jensen-shannon-distance
policy tan-js-nomono --config $overrides.hears_duration=true $overrides.gain=jensen-shannon \
    $overrides.monotonicity_weight=0

# words FOLDER: the lists of words to which the model in there keeps.
words() {
    simulst prepare words --manifests data/reina_mini/texts/{everyday,multi30k_train,wesnoth}/manifest.tsv \
        data/reina_mini/spoken/bass_short/segments.tsv --languages de fr --names-from en --output "$1"
}

simulst export "$runs/stage2" "$runs/exported/translator" --licence mit
words "$runs/exported/translator"

# The same on the translator's own translations of every other caption, in place of the references.
spoken=data/reina_mini/spoken
awk 'NR == 1 || NR % 2 == 0' "$spoken/multi30k_train/manifest.tsv" > "$spoken/multi30k_train/half.tsv"
simulst prepare translate --manifest "$spoken/multi30k_train/half.tsv" --model "$runs/exported/translator" \
    --targets de fr --output "$spoken/multi30k_own"
sed 's#multi30k_train/manifest#multi30k_own/manifest#' train/stage3/configs/mini.yaml > "$runs/own.yaml"
for gain in jensen-shannon regret; do
    simulst train stage3 "$runs/tan-own-$gain" --config-file "$runs/own.yaml" \
        --config $overrides.hears_duration=true $overrides.gain=$gain
done

# The last step: the rank correlation, by which the best is kept, hardly moves while the loss still falls.
for name in reina digsst reina-nomono probability reina-kl san-js tan-js tan-jsd tan-js-nomono tan-regret \
    tan-own-jensen-shannon tan-own-regret; do
    simulst export "$runs/$name/checkpoints/step_400" "$runs/exported/$name" --base ../translator
done
simulst export "$runs/tan-js-800/checkpoints/step_800" "$runs/exported/tan-js-800" --base ../translator
for name in tan san san-kl tan-kl; do
    simulst export "$runs/$name" "$runs/exported/$name" --base ../translator
done
simulst export "$runs/no-stage2/checkpoints/step_400" "$runs/exported/no-stage2"
# What ships as models/weights/reina-mini.
simulst export "$runs/tan-js/checkpoints/step_400" "$runs/exported/reina-mini" --licence mit --threshold -0.36 \
    --eight-bit --notes benchmarks/reina_mini/model_card.md --base-model openai/whisper-tiny.en
words "$runs/exported/reina-mini"

for name in selection selection_ahead longer decisions multi30k french french_first250 look_ahead ablations bass; do
    simulst sweep "benchmarks/reina_mini/$name.yaml" --output "$runs/$name" --jobs "$processes"
done

#!/usr/bin/env bash
# Trains the mini model and its policies, exports them, and measures all policies: hours on four cores.
#   bash benchmarks/reina_mini/run.sh      from the folder of the project, after build_data.sh and test_sets.sh
set -euo pipefail
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE
processes=${PROCESSES:-4}
runs=runs/mini
train() { torchrun --nproc_per_node="$processes" -m "train.$1" "$runs/$2" --config-file "train/$1/configs/mini.yaml" "${@:3}"; }
policy() { python -m train.stage3 "$runs/$1" --config-file train/stage3/configs/mini.yaml "${@:2}"; }

train stage1 stage1
train stage2 stage2

policy stage3
policy digsst --config model.config_overrides.objective=divergence
policy monotonicity --config model.config_overrides.monotonicity_weight=1
policy no-stage2 --config model.config_overrides.translator=runs/mini/stage1
policy probability --config model.config_overrides.score=probability
policy tan --config model.config_overrides.hears_duration=true

simulst export "$runs/stage3" "$runs/exported/reina-mini" --licence mit --threshold -3.4 \
    --notes benchmarks/reina_mini/model_card.md
simulst export "$runs/no-stage2" "$runs/exported/no-stage2"
for name in digsst monotonicity probability tan; do
    simulst export "$runs/$name" "$runs/exported/$name" --base ../reina-mini
done
for set in multi30k bass; do
    simulst sweep "benchmarks/reina_mini/$set.yaml" --output "$runs/$set"
done
simulst sweep benchmarks/reina_mini/ablations.yaml --output "$runs/ablations"

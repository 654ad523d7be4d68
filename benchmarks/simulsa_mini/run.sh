#!/usr/bin/env bash
# Composes and trains the mini audio-language model, with and without self-augmented data, and measures both.
#   bash benchmarks/simulsa_mini/run.sh     from the folder of the project, after build_data.sh and test_sets.sh of
#                                           benchmarks/reina_mini, whose data this is
set -euo pipefail
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE
processes=${PROCESSES:-4}
data=data/simulsa_mini runs=runs/simulsa spoken=data/reina_mini/spoken
configs=train/simulsa_sft/configs
sft() { torchrun --nproc_per_node="$processes" -m train.simulsa_sft "$@"; }

python -m train.compose_audio_language_model --output $data/composed --languages de en fr \
    --manifests $spoken/multi30k_train/manifest.tsv $spoken/wesnoth/manifest.tsv $spoken/bass_short/segments.tsv
for set in multi30k_val/manifest bass_short/segments bass_long/segments wesnoth/manifest multi30k_train/manifest; do
    python -m train.prepare encode --model $data/composed --manifest $spoken/$set.tsv \
        --output $data/caches/"${set%/*}" --jobs "$processes"
done
sft $runs/base --config-file $configs/mini_base.yaml

python -m train.simulsa_augment --model $runs/base --targets de fr --ratio 0.01 --output $data/augmented \
    --manifest $spoken/multi30k_train/manifest.tsv
# Five times as many truncated clips, which is what ships, and ten times as many.
for percent in 5 10; do
    ratio=$(printf '0.%02d' $percent)
    python -m train.simulsa_augment --model $runs/base --targets de fr --ratio $ratio --output $data/augmented$percent \
        --manifest $spoken/multi30k_train/manifest.tsv
    sed "s#simulsa_mini/augmented/#simulsa_mini/augmented$percent/#" $configs/mini.yaml > $runs/mini$percent.yaml
    sft $runs/simulsa-${percent}pc --config-file $runs/mini$percent.yaml
done
for seed in 1 2 3; do
    sft $runs/sft-$seed --config-file $configs/mini_sft.yaml --config common.seed=$seed reader.seed=$seed
    sft $runs/simulsa-$seed --config-file $configs/mini.yaml --config common.seed=$seed reader.seed=$seed
done

simulst export $runs/base $runs/exported/base
for name in sft simulsa; do
    for seed in 1 2 3; do
        simulst export $runs/$name-$seed $runs/exported/$name-$seed
    done
done
simulst export $runs/simulsa-10pc $runs/exported/simulsa-10pc
# What ships as models/weights/simulsa-mini.
simulst export $runs/simulsa-5pc $runs/exported/simulsa-5pc --name simulsa-mini --licence mit \
    --notes benchmarks/simulsa_mini/model_card.md
for name in multi30k bass seeds ratio; do
    simulst sweep benchmarks/simulsa_mini/$name.yaml --output $runs/$name --jobs "$processes"
done

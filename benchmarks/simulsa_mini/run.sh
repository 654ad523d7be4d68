#!/usr/bin/env bash
# Composes and trains the mini audio-language model, with and without self-augmented data, and measures both.
#   bash benchmarks/simulsa_mini/run.sh     from the folder of the project, after build_data.sh and test_sets.sh of
#                                           benchmarks/reina_mini as they were at revision 9e147de, whose data this is:
#                                           today's speak no messages of Wesnoth, and other captions
set -euo pipefail
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE
processes=${PROCESSES:-4}
data=data/simulsa_mini runs=runs/simulsa spoken=data/reina_mini/spoken
configs=train/simulsa_sft/configs
sft() { torchrun --nproc_per_node="$processes" -m train.simulsa_sft "$@"; }

simulst compose --output $data/composed --languages de en fr \
    --manifests $spoken/multi30k_train/manifest.tsv $spoken/wesnoth/manifest.tsv $spoken/bass_short/segments.tsv
for set in multi30k_val/manifest bass_short/segments bass_long/segments wesnoth/manifest multi30k_train/manifest; do
    simulst prepare encode --model $data/composed --manifest $spoken/$set.tsv \
        --output $data/caches/"${set%/*}" --jobs "$processes"
done
sft $runs/base --config-file $configs/mini_base.yaml

simulst augment --model $runs/base --targets de fr --ratio 0.01 --output $data/augmented \
    --manifest $spoken/multi30k_train/manifest.tsv
# NAME AUGMENTATION-OPTIONS: the model simulsa-NAME, on clips that were truncated and labelled in another way.
variant() {
    name=$1
    shift
    simulst augment --model $runs/base --targets de fr --output $data/augmented-$name \
        --manifest $spoken/multi30k_train/manifest.tsv "$@"
    sed "s#simulsa_mini/augmented/#simulsa_mini/augmented-$name/#" $configs/mini.yaml > $runs/mini-$name.yaml
    sft $runs/simulsa-$name --config-file $runs/mini-$name.yaml
}
variant 01pc --ratio 0.001
variant 5pc --ratio 0.05  # what ships
variant 10pc --ratio 0.1
for truncation in uniform full-range discrete; do
    variant $truncation --ratio 0.05 --truncation $truncation
done
for factor in 10 40 64; do
    variant factor$factor --ratio 0.05 --factor ${factor}00
done
variant 10pc-factor64 --ratio 0.1 --factor 6400
mv $runs/simulsa-10pc-factor64 $runs/simulsa-10pc-factor64-1
for seed in 1 2 3; do
    sft $runs/sft-$seed --config-file $configs/mini_sft.yaml --config common.seed=$seed reader.seed=$seed
    sft $runs/simulsa-$seed --config-file $configs/mini.yaml --config common.seed=$seed reader.seed=$seed
done
for seed in 2 3; do
    for name in factor64 10pc-factor64; do
        sft $runs/simulsa-$name-$seed --config-file $runs/mini-$name.yaml --config common.seed=$seed reader.seed=$seed
    done
done
# Three times as long, on from step 200.
cp -r $runs/sft-1 $runs/sft-600
cp -r $runs/simulsa-5pc $runs/simulsa-5pc-600
sft $runs/sft-600 --config-file $configs/mini_sft.yaml --config regime.num_steps=600
sft $runs/simulsa-5pc-600 --config-file $runs/mini-5pc.yaml --config regime.num_steps=600

simulst export $runs/base $runs/exported/base
for name in sft simulsa; do
    for seed in 1 2 3; do
        simulst export $runs/$name-$seed $runs/exported/$name-$seed
    done
done
for name in simulsa-{01pc,10pc,uniform,full-range,discrete,factor{10,40,64},factor64-{2,3},10pc-factor64-{1,2,3}} \
    sft-600 simulsa-5pc-600; do
    simulst export $runs/$name $runs/exported/$name
done
# What ships as models/weights/simulsa-mini.
simulst export $runs/simulsa-5pc $runs/exported/simulsa-5pc --name simulsa-mini --licence mit \
    --notes benchmarks/simulsa_mini/model_card.md --base-model openai/whisper-tiny.en
for name in multi30k all_captions bass seeds ratio augmentation longer; do
    simulst sweep benchmarks/simulsa_mini/$name.yaml --output $runs/$name --jobs "$processes"
done

#!/usr/bin/env bash
# Two open questions of SimulSA, each with three seeds of fine-tuning on the same clips, steps and settings:
#   labels      do labels that a model makes for itself set a ceiling? The same cuts, labelled by the model itself, by
#               another model, and by the words of the reference that are spoken before the cut.
#   truncation  does the best truncation depend on word order? Beta(1, b) on 500 to 5000 ms, b = 1 to 6, for German and
#               French, beside how much the references reorder.
#   bash benchmarks/simulsa_mini/labels.sh     from the folder of the project, after run.sh, whose base model, caches
#                                              and runs without self-augmentation (sft-1 to sft-3) these are
# LABELLER: another model that labels, too, as a larger one that speaks German and French. EXPERIMENTS: one of the two.
set -euo pipefail
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE
processes=${PROCESSES:-4}
data=data/simulsa_mini runs=runs/simulsa
manifest=data/reina_mini/spoken/multi30k_train/manifest.tsv
here=benchmarks/simulsa_mini configs=train/simulsa_sft/configs
mkdir -p $runs/labels

# The last layer of reina-mini looks here and there; by the heads that follow the speech words are put where they are.
aligner=$runs/labels/aligner
if [ ! -e $aligner/alignment_heads.json ]; then
    rm -rf $aligner
    cp -r models/weights/reina-mini $aligner
    # It writes no English, but where its words belong it can tell.
    python - $aligner/config.json <<'PROGRAM'
import json
import sys
from pathlib import Path

file = Path(sys.argv[1])
config = json.loads(file.read_text())
del config["target_languages"]
file.write_text(json.dumps(config))
PROGRAM
    simulst heads $aligner --manifest $manifest --source en --target en --clips 100
fi

# NAME AUGMENTATION-OPTIONS: runs/simulsa/exported/NAME-1 to NAME-3, of one and the same set of labels.
three_seeds() {
    local name=$1 seed
    shift
    if [ ! -e "$data/augmented-$name" ]; then
        simulst augment --model $runs/base --targets de fr --ratio 0.05 --manifest $manifest \
            --output "$data/augmented-$name" "$@"
    fi
    sed "s#simulsa_mini/augmented/#simulsa_mini/augmented-$name/#" $configs/mini.yaml > "$runs/labels/$name.yaml"
    for seed in 1 2 3; do
        if [ ! -e "$runs/exported/$name-$seed" ]; then
            torchrun --nproc_per_node="$processes" -m train.simulsa_sft "$runs/$name-$seed" \
                --config-file "$runs/labels/$name.yaml" --config common.seed=$seed reader.seed=$seed
            simulst export "$runs/$name-$seed" "$runs/exported/$name-$seed"
        fi
    done
}

# SWEEP NAME ...: each of these models, all three seeds, without rollback and with 3 tokens.
measure() {
    local sweep=$1 name rollback seed
    shift
    {
        cat $here/two_languages.yaml
        echo "systems:"
        for name in "$@"; do
            for rollback in 0 3; do
                for seed in 1 2 3; do
                    echo "  $name-$seed-b$rollback:"
                    echo "    {agent: simulsa, model: $runs/exported/$name-$seed, rollback: $rollback," \
                        "knob: chunk_ms, settings: [500, 1000]}"
                done
            done
        done
    } > "$runs/labels/$sweep.sweep.yaml"
    simulst sweep "$runs/labels/$sweep.sweep.yaml" --output "$runs/$sweep" --jobs "$processes"
}

labels() {
    local names=(labels-own labels-reina labels-reference)
    three_seeds labels-own
    three_seeds labels-reina --labels-from model --labeller reina-mini
    three_seeds labels-reference --labels-from reference --labeller $aligner
    if [ -n "${LABELLER:-}" ]; then
        three_seeds labels-other --labels-from model --labeller "$LABELLER"
        names+=(labels-other)
    fi
    measure labels_from sft "${names[@]}"
}

truncation() {
    local names=(labels-own) b  # of b = 3
    # English into English is what the alignment makes up: its words have the order of the speech.
    python -m benchmarks.simulsa_mini.reordering $aligner --manifest $manifest --targets en de fr \
        > $runs/labels/reordering.tsv
    three_seeds labels-own
    for b in 1 2 4 5 6; do
        three_seeds beta-$b --beta $b
        names+=(beta-$b)
    done
    measure beta sft "${names[@]}"
}

for experiment in ${EXPERIMENTS:-labels truncation}; do
    $experiment
done

#!/usr/bin/env bash
# Two open questions of SimulSA, each with three seeds of fine-tuning on the same clips, steps and settings:
#   labels      do labels that a model makes for itself set a ceiling? The same cuts, labelled by the model itself, by
#               another model, and by the words of the reference that are spoken before the cut.
#   truncation  does the best truncation depend on word order? Beta(1, b) on 500 to 5000 ms, b = 1 to 6, for German and
#               French, beside how much the references reorder.
#   bash benchmarks/simulsa_mini/labels.sh     from the folder of the project, after run.sh, whose base model, caches
#                                              and truncated clips these are
# LABELLER: another model that labels, too, as a larger one that speaks German and French. EXPERIMENTS: one of the two.
# BETAS: other b than 1 to 6.
set -euo pipefail
processes=${PROCESSES:-$(nproc)}  # before OMP_NUM_THREADS is set, which nproc heeds
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE
data=data/simulsa_mini runs=runs/simulsa
manifest=data/reina_mini/spoken/multi30k_train_more_heard/manifest.tsv
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

# NAME CONFIG SEED ... on standard input: runs/simulsa/exported/NAME-SEED, a process each, as many at once as there are cores.
fine_tune() {
    xargs -P "$processes" -L 1 bash -euc '
        [ -e "$0/exported/$1-$3" ] && exit
        simulst train simulsa_sft "$0/$1-$3" --config-file "$2" --no-rich \
            --config common.seed=$3 reader.seed=$3 >"$0/labels/$1-$3.log" 2>&1 ||
            { echo "$1-$3 failed: see $0/labels/$1-$3.log" >&2; exit 1; }
        simulst export "$0/$1-$3" "$0/exported/$1-$3"' "$runs"
}

# NAME CONFIG: its three seeds are for fine_tune.
three_seeds() {
    printf '%s\n' "$1 $2 "{1,2,3} >> "$runs/labels/list"
}

# NAME AUGMENTATION-OPTIONS: labels of the same clips, and the runs that learn from them, for fine_tune.
labelled() {
    local name=$1
    shift
    if [ ! -e "$data/augmented-$name" ]; then
        simulst augment --model $runs/base --targets de fr --ratio 0.05 --manifest $manifest \
            --output "$data/augmented-$name" "$@"
    fi
    sed "s#simulsa_mini/augmented/#simulsa_mini/augmented-$name/#" $configs/mini.yaml > "$runs/labels/$name.yaml"
    three_seeds "$name" "$runs/labels/$name.yaml"
}

# SWEEP NAME ...: each of these models, all three seeds, without rollback, beside those without truncated clips and
# those with run.sh's, which are labelled by the model itself and cut by Beta(1, 3).
measure() {
    local sweep=$1 name seed
    shift
    three_seeds sft $configs/mini_sft.yaml
    three_seeds simulsa $configs/mini.yaml
    fine_tune < "$runs/labels/list"
    {
        sed '/^systems:/q' $here/captions.yaml
        for name in sft simulsa "$@"; do
            for seed in 1 2 3; do
                echo "  $name-$seed:"
                echo "    {agent: simulsa, model: $runs/exported/$name-$seed, rollback: 0," \
                    "knob: chunk_ms, settings: [500, 2000]}"
            done
        done
    } > "$runs/labels/$sweep.sweep.yaml"
    simulst sweep "$runs/labels/$sweep.sweep.yaml" --output "$runs/$sweep" --jobs "$processes"
    python -m benchmarks.simulsa_mini.seeds "$runs/$sweep" --baseline sft --plot "$runs/$sweep/means.png"
}

labels() {
    local names=(labels-reina labels-reference)
    labelled labels-reina --labels-from model --labeller reina-mini
    labelled labels-reference --labels-from reference --labeller $aligner
    if [ -n "${LABELLER:-}" ]; then
        labelled labels-other --labels-from model --labeller "$LABELLER"
        names+=(labels-other)
    fi
    measure labels_from "${names[@]}"
}

truncation() {
    local names=() b
    # English into English is what the alignment makes up: its words have the order of the speech.
    if [ ! -e $runs/labels/reordering.tsv ]; then
        python -m benchmarks.simulsa_mini.reordering $aligner --manifest $manifest --targets en de fr --clips 200 \
            > $runs/labels/reordering.part
        mv $runs/labels/reordering.part $runs/labels/reordering.tsv
    fi
    for b in ${BETAS:-1 2 4 5 6}; do
        labelled beta-$b --beta $b
        names+=(beta-$b)
    done
    measure beta "${names[@]}"
}

for experiment in ${EXPERIMENTS:-labels truncation}; do
    rm -f "$runs/labels/list"
    $experiment
done

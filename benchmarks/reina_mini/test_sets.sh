#!/usr/bin/env bash
# Builds the test sets of the mini model, and the sets on which policies are chosen.
#   bash benchmarks/reina_mini/test_sets.sh MULTI30K BASS EVERYDAY OUTPUT
# MULTI30K and BASS as for build_data.sh; EVERYDAY is the folder of dev.tsv and test.tsv that build_data.sh has made.
# Training heard none of these voices: flite's slt and two variants of espeak-ng speak the texts, people those of BASS.
set -euo pipefail
multi30k=$1 bass=$2 everyday=$3 output=$4
mkdir -p "$output"/{texts,spoken}

# speak NAME OPTIONS ...: the texts of NAME become clips and SimulEval's lists.
speak() {
    simulst prepare speak --manifest "$output/texts/$1/manifest.tsv" --language en "${@:2}" --output "$output/spoken/$1"
    simulst prepare lists --manifest "$output/spoken/$1/manifest.tsv" --languages de fr
}
for pair in val:dev_slt test_2016_flickr:test_slt; do
    texts=$multi30k/${pair%:*} name=${pair#*:}
    simulst prepare text --files en="$texts.en.gz" de="$texts.de.gz" fr="$texts.fr.gz" --output "$output/texts/$name"
    speak "$name" --voices flite:slt --slowest 0.9 --fastest 0.9
done
# build_data.sh has an everyday_dev in the voices of training.
for pair in dev:everyday_dev_unheard test:everyday_test; do
    name=${pair#*:}
    simulst prepare text --table "$everyday/${pair%:*}.tsv" --columns en de fr --output "$output/texts/$name"
    speak "$name" --voices flite:slt=2 espeak-ng:en-us+f2=1 espeak-ng:en-gb-scotland+m7=1 --slowest 0.9 --fastest 1.1
done
simulst prepare join --table "$bass/bass.tsv" --audio-dir "$bass/flac" --audio-suffix .flac --text en de fr \
    --group-pattern 'bass_(\d+)_' --groups 5 6 --pause-s 0.3 --output "$output/spoken/bass56"

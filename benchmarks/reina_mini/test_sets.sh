#!/usr/bin/env bash
# Builds the two test sets of the mini model, and the set on which policies are chosen.
# Arguments as those of build_data.sh.
#   bash benchmarks/reina_mini/test_sets.sh MULTI30K BASS OUTPUT
# Multi30K val and test_2016_flickr are spoken by flite's voice slt at speed 0.9, which training did not have.
set -euo pipefail
multi30k=$1 bass=$2 output=$3
mkdir -p "$output"/{texts,spoken}
for pair in val:dev_slt test_2016_flickr:test_slt; do
    texts=$multi30k/${pair%:*} name=${pair#*:}
    simulst prepare text --files en="$texts.en.gz" de="$texts.de.gz" fr="$texts.fr.gz" \
        --output "$output/texts/$name"
    simulst prepare speak --manifest "$output/texts/$name/manifest.tsv" --language en \
        --voices flite:slt --slowest 0.9 --fastest 0.9 --output "$output/spoken/$name"
    simulst prepare lists --manifest "$output/spoken/$name/manifest.tsv" --languages de fr
done
simulst prepare join --table "$bass/bass.tsv" --audio-dir "$bass/flac" --audio-suffix .flac --text en de fr \
    --group-pattern 'bass_(\d+)_' --groups 5 6 --pause-s 0.3 --output "$output/spoken/bass56"

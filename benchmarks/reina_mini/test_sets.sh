#!/usr/bin/env bash
# Builds the two test sets of the mini model. Arguments as those of build_data.sh.
#   bash benchmarks/reina_mini/test_sets.sh MULTI30K BASS OUTPUT
# Multi30K test_2016_flickr is spoken by flite's voice slt at speed 0.9, which training did not have.
set -euo pipefail
multi30k=$1 bass=$2 output=$3
python -m train.prepare text --files en="$multi30k/test_2016_flickr.en.gz" de="$multi30k/test_2016_flickr.de.gz" \
    fr="$multi30k/test_2016_flickr.fr.gz" --output "$output/texts/test_slt"
python -m train.prepare speak --manifest "$output/texts/test_slt/manifest.tsv" --language en \
    --voices flite:slt --slowest 0.9 --fastest 0.9 --output "$output/spoken/test_slt"
python -m train.prepare lists --manifest "$output/spoken/test_slt/manifest.tsv" --languages de fr
python -m train.prepare join --table "$bass/bass.tsv" --audio-dir "$bass/flac" --audio-suffix .flac --text en de fr \
    --group-pattern 'bass_(\d+)_' --groups 5 6 --pause-s 0.3 --output "$output/spoken/bass56"

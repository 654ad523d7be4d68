#!/usr/bin/env bash
# Builds what train/stage2/configs/whisper_*.yaml and train/stage3/configs/whisper_*.yaml read. Repeat the command
# after an interruption: it goes on where it was. A Whisper that knows other languages also needs espeak-ng.
#
#   pip install -e ".[train]"
#   bash benchmarks/whisper_simultaneous/build_data.sh BASS FOTAQ data/whisper_simultaneous
#
#   BASS    folder with bass.tsv (id, en, de, fr ...) and flac/ID.flac: the spoken lines of the freely distributable
#           CD version of Beneath a Steel Sky. Sections 5 and 6 are the test set, section 0 is the development set.
#   FOTAQ   folder with fotaq.tsv (id, en ...) and audio/ID.ogg: those of Flight of the Amazon Queen.
#
# SIMULST_WHISPER is the Whisper that is trained (default: openai/whisper-tiny.en), JOBS the number of processes
# (default: one for each core). CACHES=RUN also stores what the adapter of that run (or Whisper itself, by its name)
# hears, for stage 3 on a processor.
set -euo pipefail
if [ $# -ne 3 ]; then
    sed -n '2,16s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
bass=$1 fotaq=$2 output=$3
whisper=${SIMULST_WHISPER:-openai/whisper-tiny.en}
jobs=${JOBS:-$(nproc)}
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE
mkdir -p "$output"

# shellcheck source=../reina_mini/common.sh
source "$(dirname "$0")/../reina_mini/common.sh"

bass_lines=(--table "$bass/bass.tsv" --audio-dir "$bass/flac" --audio-suffix .flac --text en
    --group-pattern 'bass_(\d+)_' --pause-s 0.3)
make "$output/bass_dev" join "${bass_lines[@]}" --groups 0 --minimum-s 6 --maximum-s 20
make "$output/bass_test" join "${bass_lines[@]}" --groups 5 6 --minimum-s 6 --maximum-s 20
make "$output/bass_long" join "${bass_lines[@]}" --groups 1 2 3 4 --minimum-s 6 --maximum-s 20
make "$output/fotaq_long" join --table "$fotaq/fotaq.tsv" --audio-dir "$fotaq/audio" --audio-suffix .ogg --text en \
    --group-pattern '^([^_]+)_' --pause-s 0.3 --minimum-s 6 --maximum-s 25

# What the model itself writes, with silence behind the clips and behind beginnings of them.
for name in bass_dev bass_long; do
    make "$output/own_$name" translate --manifest "$output/$name/segments.tsv" --model "$whisper" \
        --source en --targets en --beam 1 --truncations 1 --jobs "$jobs"
done

# Other languages, so that a Whisper that knows them does not forget them: the same lines by a synthetic voice, which
# would spell words in capitals.
case $whisper in *.en) languages=() ;; *) languages=(fr es it) ;; esac
awk -F'\t' 'NR == 1 || /^bass_[1-4]_/' "$bass/bass.tsv" |
    LC_ALL=C.UTF-8 sed -E '2,$s/\b[[:upper:]]{2,}\b/\L&/g' > "$output/bass_lines.tsv"
for language in "${languages[@]}"; do
    make "$output/lines_$language" text --table "$output/bass_lines.tsv" --columns en "$language" --unique \
        --minimum-words 8 --maximum-words 40
    make "$output/spoken_$language" speak --manifest "$output/lines_$language/manifest.tsv" --language "$language" \
        --voices "espeak-ng:$language" "espeak-ng:$language+f2" "espeak-ng:$language+m3" --slowest 0.8 --fastest 1.1 \
        --jobs "$jobs"
done

# whole NAME EVERY: of a table every so many clips, and no beginnings, of which a policy makes its own.
whole() {
    grep -v '^[^[:space:]]*@' "$output/$1/manifest.tsv" | awk -v every="$2" '(NR - 1) % every == 0' > "$output/$1/whole.tsv"
}
# The encoder of a Whisper of many languages takes its time: half of the clips will do, and a hundred lines.
case $whisper in *.en) every=1 ;; *) every=2 ;; esac
whole own_bass_dev 1
whole own_bass_long "$every"
for language in "${languages[@]}"; do
    head -n 101 "$output/spoken_$language/manifest.tsv" > "$output/spoken_$language/whole.tsv"
done

[ -n "${CACHES:-}" ] || exit 0
# As the model hears when it runs: Whisper as published with silence behind, an adapter without.
hearing=(--frozen-after-s 3)
[ "$CACHES" != "$whisper" ] || hearing+=(--trailing-silence-ms 30000 --silence-stride 4)
for name in own_bass_dev own_bass_long "${languages[@]/#/spoken_}"; do
    make "$output/cache_$name" encode --manifest "$output/$name/whole.tsv" --whisper "$CACHES" --truncations 2 \
        --jobs "$jobs" "${hearing[@]}"
done

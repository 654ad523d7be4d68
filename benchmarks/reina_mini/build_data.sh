#!/usr/bin/env bash
# Builds all that the mini model is trained on, from its sources: 46 hours of speech, 13 GB of caches, in half
# an hour to an hour on four cores. Repeat the command after an interruption: it goes on where it was.
#
#   pip install -e ".[train,tts]" && apt-get install flite
#   bash benchmarks/reina_mini/build_data.sh MULTI30K WESNOTH BASS OUTPUT
#
#   MULTI30K   folder with {train,val}.{en,de,fr}.gz, line-aligned captions of images, data/task1/raw of
#              github.com/multi30k/dataset. Research data without a licence of its own: not to be passed on.
#   WESNOTH    wesnoth.tsv, columns en, de, fr: the messages of The Battle for Wesnoth that are translated
#              into both, sorted, from the po folders of its source (GPL-2+). Voices are drawn by row number:
#              the messages of another version of the game get other ones.
#   BASS       folder with bass.tsv (id, en, de, fr ...) and flac/ID.flac: the spoken lines of the freely
#              distributable CD version of Beneath a Steel Sky with its subtitles.
#
# SIMULST_WHISPER is the Whisper whose encoder is frozen (default: openai/whisper-tiny.en), JOBS the number of
# processes (default: one for each core).
set -euo pipefail
if [ $# -ne 4 ]; then
    sed -n '2,18s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
multi30k=$1 wesnoth=$2 bass=$3 output=$4
whisper=${SIMULST_WHISPER:-openai/whisper-tiny.en}
jobs=${JOBS:-$(nproc)}
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE
mkdir -p "$output"/{texts,spoken,caches}

# shellcheck source=common.sh
source "$(dirname "$0")/common.sh"

texts=$output/texts spoken=$output/spoken caches=$output/caches

caption_texts "$multi30k" "$texts"
sentences "$texts/wesnoth" "$wesnoth" 3

# Three quarters by the natural voice, the rest by two robotic ones, for variety of speakers.
for name in multi30k_train multi30k_val wesnoth; do
    make "$spoken/$name" speak --manifest "$texts/$name/manifest.tsv" --language en --jobs "$jobs" \
        --voices hibari:heart=6 flite:rms=1 flite:awb=1 --slowest 0.95 --fastest 1.2
done

bass_segments "$bass" "$spoken"

make "$output/mini.model" sentencepiece --languages en de fr --vocabulary 8000 --manifests \
    "$texts/multi30k_train/manifest.tsv" "$texts/wesnoth/manifest.tsv" "$spoken/bass_short/segments.tsv"

for name in multi30k_train multi30k_val wesnoth bass_long bass_short; do
    manifest=$spoken/$name/manifest.tsv
    [ -e "$manifest" ] || manifest=$spoken/$name/segments.tsv
    make "$caches/$name" encode --manifest "$manifest" --whisper "$whisper" --truncations 2 \
        --precision bfloat16 --jobs "$jobs"
done

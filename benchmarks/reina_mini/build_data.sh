#!/usr/bin/env bash
# Builds all that the mini model is trained on, from its sources: 60 hours of speech, 8 GB of encoder outputs, in about
# two hours on two cores. Repeat the command after an interruption: it goes on where it was.
#
#   pip install -e ".[train,tts]" && apt-get install flite espeak-ng
#   bash benchmarks/reina_mini/build_data.sh MULTI30K WESNOTH BASS FOTAQ TATOEBA OUTPUT [PART ...]
#
#   MULTI30K   folder with {train,val}.{en,de,fr}.gz, line-aligned captions of images, data/task1/raw of
#              github.com/multi30k/dataset. Research data without a licence of its own: not to be passed on.
#   WESNOTH    wesnoth.tsv, columns en, de, fr: the messages of The Battle for Wesnoth that are translated
#              into both, sorted, from the po folders of its source (GPL-2+). Voices are drawn by row number:
#              the messages of another version of the game get other ones.
#   BASS       folder with bass.tsv (id, en, de, fr ...) and flac/ID.flac: the spoken lines of the freely
#              distributable CD version of Beneath a Steel Sky with its subtitles.
#   FOTAQ      folder with fotaq.tsv (id, en ...) and audio/ID.ogg: the spoken lines of Flight of the Amazon Queen.
#   TATOEBA    the table of everyday sentences that collect_texts.py makes.
#   PART       texts, speech, frames, frozen: what to make (default: all four). Training on texts can begin after
#              texts, stage 1 after frames, stage 2 after frozen.
#
# SIMULST_WHISPER is the Whisper whose encoder is frozen (default: openai/whisper-tiny.en), JOBS the number of
# processes (default: one for each core).
set -euo pipefail
if [ $# -lt 6 ]; then
    sed -n '2,21s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
multi30k=$1 wesnoth=$2 bass=$3 fotaq=$4 tatoeba=$5 output=$6
parts=" ${*:7} "
[ $# -gt 6 ] || parts=" texts speech frames frozen "
whisper=${SIMULST_WHISPER:-openai/whisper-tiny.en}
jobs=${JOBS:-$(nproc)}
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE
mkdir -p "$output"/{texts,spoken,caches}

# shellcheck source=common.sh
source "$(dirname "$0")/common.sh"

texts=$output/texts spoken=$output/spoken caches=$output/caches

if [[ $parts == *" texts "* ]]; then
    [ -e "$output/everyday" ] ||
        python -m benchmarks.reina_mini.everyday --table "$tatoeba" --output "$output/everyday"
    caption_texts "$multi30k" "$texts"
    sentences "$texts/wesnoth" "$wesnoth" 3
    # To read: what has a translation into German or French. To speak: what has both.
    sentences "$texts/everyday" "$output/everyday/train.tsv" 2 --incomplete
    sentences "$texts/everyday_both" "$output/everyday/train.tsv" 2 --prefix everyday
    make "$texts/everyday_dev" text --table "$output/everyday/dev.tsv" --columns en de fr
    # Translations are learned from texts; for the sound of captions and of messages a part of them is enough.
    for name in multi30k_train wesnoth; do
        awk 'NR == 1 || NR % 3 == 0' "$texts/$name/manifest.tsv" > "$texts/$name/spoken.tsv"
    done
    head -401 "$texts/multi30k_val/manifest.tsv" > "$texts/multi30k_val/spoken.tsv"
    make "$output/mini.model" sentencepiece --languages en de fr --vocabulary 12000 --manifests \
        "$texts/multi30k_train/manifest.tsv" "$texts/wesnoth/manifest.tsv" "$texts/everyday/manifest.tsv"
fi

# A natural voice for four in ten; flite's and espeak-ng's in several pitches for variety of speakers. No voice of
# test_sets.sh is among them.
speak() {
    make "$spoken/$2" speak --manifest "$texts/$1" --language en --jobs "$jobs" --voices "${@:3}" \
        --commands 'high=flite -voice awb --setf f0_shift={voice} --setf duration_stretch={stretch} -t {text} -o {wav}' \
        'low=flite -voice rms --setf f0_shift={voice} --setf duration_stretch={stretch} -t {text} -o {wav}' \
        'kal=flite -voice kal16 --setf int_f0_target_mean={voice} --setf duration_stretch={stretch} -t {text} -o {wav}' \
        --slowest 0.9 --fastest 1.25
}
voices=(hibari:heart=6 flite:rms=1.5 flite:awb=1.5 low:0.8=0.7 low:1.25=0.7 high:1.3=0.7 high:1.5=0.7
    kal:105=0.4 kal:190=0.4 espeak-ng:en-us+f3=0.4 espeak-ng:en-gb=0.4 espeak-ng:en-us+m3=0.4)
if [[ $parts == *" speech "* ]]; then
    bass_segments "$bass" "$spoken"
    make "$spoken/fotaq_long" join --table "$fotaq/fotaq.tsv" --audio-dir "$fotaq/audio" --audio-suffix .ogg \
        --text en --group-pattern '^([^_]+)_' --pause-s 0.3 --minimum-s 3 --maximum-s 20
    speak everyday_dev/manifest.tsv everyday_dev "${voices[@]}"
    speak everyday_both/manifest.tsv everyday "${voices[@]}"
    for name in multi30k_val multi30k_train wesnoth; do
        speak "$name/spoken.tsv" "$name" "${voices[@]}"
    done
fi

# encode CACHE MANIFEST ...: what Whisper's encoder says of a set.
encode() {
    make "$caches/$1" encode --manifest "$2" --whisper "$whisper" --jobs "$jobs" "${@:3}"
}
if [[ $parts == *" frames "* ]]; then
    # Sentences in a row, with pauses, and in any order: neighbours in Tatoeba say the same in other words.
    for lengths in everyday:1500:3:25 multi30k_train:500:8:28; do
        IFS=: read -r name limit shortest longest <<< "$lengths"
        make "$spoken/${name}_long" join --table "$spoken/$name/manifest.tsv" --audio audio --text en de fr \
            --group-pattern "^(everyday|multi30k)_" --shuffle --pause-s 0.15 --longest-pause-s 3 --limit "$limit" \
            --minimum-s "$shortest" --maximum-s "$longest"
    done
    for name in everyday multi30k_train wesnoth everyday_long multi30k_train_long; do
        manifest=$spoken/$name/manifest.tsv
        [ -e "$manifest" ] || manifest=$spoken/$name/segments.tsv
        make "$spoken/${name}_heard" distort --manifest "$manifest" --share 0.35 --jobs "$jobs"
    done
    # Stage 1 hears whole clips, all at once: an hour of speech takes half a minute so.
    for name in everyday multi30k_train wesnoth everyday_long multi30k_train_long; do
        encode "$name" "$spoken/${name}_heard/manifest.tsv" --precision bfloat16
    done
    for name in bass_short bass_long fotaq_long; do
        encode "$name" "$spoken/$name/segments.tsv" --precision bfloat16
    done
    for name in everyday_dev multi30k_val; do
        encode "$name" "$spoken/$name/manifest.tsv"
    done
fi
if [[ $parts == *" frozen "* ]]; then
    # Stages 2 and 3 hear clips that are cut, as a stream hears them when it runs: old frames stay as they are.
    for part in everyday:3 multi30k_train:2; do
        heard=$spoken/${part%:*}_heard
        awk -v every="${part#*:}" 'NR == 1 || NR % every == 0' "$heard/manifest.tsv" > "$heard/part.tsv"
    done
    frozen=(--truncations 3 --frozen-after-s 3)
    for name in everyday_long multi30k_train_long wesnoth; do
        encode "${name}_frozen" "$spoken/${name}_heard/manifest.tsv" "${frozen[@]}"
    done
    for name in bass_short bass_long; do
        encode "${name}_frozen" "$spoken/$name/segments.tsv" "${frozen[@]}"
    done
    for name in everyday_dev multi30k_val; do
        encode "${name}_frozen" "$spoken/$name/manifest.tsv" "${frozen[@]}"
    done
    for name in everyday multi30k_train; do
        encode "${name}_frozen" "$spoken/${name}_heard/part.tsv" "${frozen[@]}"
    done
fi

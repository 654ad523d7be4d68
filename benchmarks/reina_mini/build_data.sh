#!/usr/bin/env bash
# Builds all that the mini model is trained on, from its sources: 46 hours of speech, 10 GB of encoder outputs, in about three
# hours on two cores. Repeat the command after an interruption: it goes on where it was.
#
#   pip install -e ".[train,tts]" && apt-get install flite espeak-ng
#   bash benchmarks/reina_mini/build_data.sh MULTI30K WESNOTH BASS TATOEBA OUTPUT [PART ...]
#
#   MULTI30K   folder with {train,val}.{en,de,fr}.gz, line-aligned captions of images, data/task1/raw of
#              github.com/multi30k/dataset. Research data without a licence of its own: not to be passed on.
#   WESNOTH    wesnoth.tsv, columns en, de, fr: the messages of The Battle for Wesnoth that are translated
#              into both, sorted, from the po folders of its source (GPL-2+); their words are listed.
#   BASS       folder with bass.tsv (id, en, de, fr ...) and flac/ID.flac: the spoken lines of the freely
#              distributable CD version of Beneath a Steel Sky with its subtitles.
#   TATOEBA    the table of everyday sentences that collect_texts.py makes.
#   PART       texts, speech, frames: what to make (default: all three).
#
# SIMULST_WHISPER is the Whisper whose encoder is frozen (default: openai/whisper-tiny.en), JOBS the number of
# processes (default: one for each core).
set -euo pipefail
if [ $# -lt 5 ]; then
    sed -n '2,18s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
multi30k=$1 wesnoth=$2 bass=$3 tatoeba=$4 output=$5
parts=" ${*:6} "
[ $# -gt 5 ] || parts=" texts speech frames "
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
    # `everyday` is for lists of words: what has a translation into German or French. What is spoken has both.
    sentences "$texts/everyday" "$output/everyday/train.tsv" 2 --incomplete
    sentences "$texts/everyday_both" "$output/everyday/train.tsv" 2 --prefix everyday
    make "$texts/everyday_dev" text --table "$output/everyday/dev.tsv" --columns en de fr
    # Two thirds of both. `more` came later in training than `part`.
    for part in everyday_both:3:0:part everyday_both:3:1:more multi30k_train:6:0:part multi30k_train:2:1:more; do
        IFS=: read -r name every rest file <<< "$part"
        awk -v every="$every" -v rest="$rest" 'NR == 1 || NR % every == rest' \
            "$texts/$name/manifest.tsv" > "$texts/$name/$file.tsv"
    done
    head -401 "$texts/multi30k_val/manifest.tsv" > "$texts/multi30k_val/spoken.tsv"
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
    speak everyday_dev/manifest.tsv everyday_dev "${voices[@]}"
    speak everyday_both/part.tsv everyday "${voices[@]}"
    speak everyday_both/more.tsv everyday_more "${voices[@]}"
    speak multi30k_val/spoken.tsv multi30k_val "${voices[@]}"
    speak multi30k_train/part.tsv multi30k_train "${voices[@]}"
    speak multi30k_train/more.tsv multi30k_train_more "${voices[@]}"
    # Several sentences in a row, each in its own voice, with pauses.
    for lengths in everyday:800:3:25 multi30k_train:250:8:28; do
        IFS=: read -r name limit shortest longest <<< "$lengths"
        make "$spoken/${name}_long" join --table "$spoken/$name/manifest.tsv" --audio audio --text en de fr \
            --group-pattern "^(everyday|multi30k)_" --shuffle --pause-s 0.15 --longest-pause-s 3 --limit "$limit" \
            --minimum-s "$shortest" --maximum-s "$longest"
    done
fi

# encode CACHE MANIFEST ...: what Whisper's encoder says of a set.
encode() {
    make "$caches/$1" encode --manifest "$2" --whisper "$whisper" --jobs "$jobs" "${@:3}"
}
if [[ $parts == *" frames "* ]]; then
    sets=(everyday everyday_more multi30k_train multi30k_train_more everyday_long multi30k_train_long)
    for name in "${sets[@]}"; do
        manifest=$spoken/$name/manifest.tsv
        [ -e "$manifest" ] || manifest=$spoken/$name/segments.tsv
        make "$spoken/${name}_heard" distort --manifest "$manifest" --share 0.35 --jobs "$jobs"
    done
    # Stages hear clips, whole and cut, as a stream hears them when it runs: old frames stay as they are.
    frozen=(--truncations 1 --frozen-after-s 3)
    for name in "${sets[@]}"; do
        encode "$name" "$spoken/${name}_heard/manifest.tsv" "${frozen[@]}"
    done
    for name in bass_short bass_long; do
        encode "$name" "$spoken/$name/segments.tsv" "${frozen[@]}"
    done
    for name in everyday_dev multi30k_val; do
        encode "$name" "$spoken/$name/manifest.tsv" "${frozen[@]}"
    done
fi

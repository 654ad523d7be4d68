#!/usr/bin/env bash
# The mini model on one GPU: more text and voices than build_data.sh has, and Whisper's encoder learns, too.
#   pip install -e ".[train,tts]" && apt-get install flite espeak-ng
#   bash benchmarks/reina_mini/gpu.sh MULTI30K WESNOTH BASS TATOEBA GAMES
#
# From the folder of the project; writes data/reina_gpu and runs/gpu. Repeat the command after an interruption: it
# goes on where it was. MULTI30K, WESNOTH and BASS as for build_data.sh; TATOEBA and GAMES are the tables that
# collect_texts.py makes.
#
# SIMULST_WHISPER is the Whisper that the encoder starts from (default: openai/whisper-tiny.en), JOBS the number of
# processes that speak (default: one for each core). TEXT_STEPS, STAGE1_STEPS, STAGE2_STEPS and POLICY_STEPS
# shorten or lengthen what the configurations say.
set -euo pipefail
if [ $# -ne 5 ]; then
    sed -n '2,13s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
multi30k=$1 wesnoth=$2 bass=$3 tatoeba=$4 games=$5
whisper=${SIMULST_WHISPER:-openai/whisper-tiny.en}
jobs=${JOBS:-$(nproc)}
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE
data=data/reina_gpu runs=runs/gpu overrides=model.config_overrides
mkdir -p "$data"/{texts,spoken} "$runs"

# shellcheck source=common.sh
source "$(dirname "$0")/common.sh"

caption_texts "$multi30k" "$data/texts"
sentences "$data/texts/wesnoth" "$wesnoth" 3
# To read: what has a translation into German or French. To speak: what has both, of the short sentences a half.
for name in games tatoeba; do
    sentences "$data/texts/$name" "${!name}" 2 --incomplete
    sentences "$data/texts/${name}_both" "${!name}" 2 --prefix "$name"
done
awk 'NR == 1 || NR % 2 == 0' "$data/texts/tatoeba_both/manifest.tsv" > "$data/texts/tatoeba_both/half.tsv"

bass_segments "$bass" "$data/spoken"

make "$data/mini.model" sentencepiece --languages en de fr --vocabulary 8000 --manifests \
    "$data/texts/multi30k_train/manifest.tsv" "$data/texts/wesnoth/manifest.tsv" \
    "$data/texts/games_both/manifest.tsv" "$data/texts/tatoeba_both/half.tsv" "$data/spoken/bass_short/segments.tsv"

# train STAGE RUN CONFIG STEPS ...: STEPS may be empty.
train() {
    local settings=(${4:+"regime.num_steps=$4"} "${@:5}")
    simulst train "$1" "$runs/$2" --config-file "train/$1/configs/$3.yaml" \
        ${settings[0]:+--config "${settings[@]}"}
}
# Text keeps the GPU busy while the processors speak.
train stage1 text mini_gpu_text "${TEXT_STEPS:-}" "$overrides.whisper=$whisper" &
text=$!
trap 'kill $text 2>/dev/null || true' EXIT

# A natural voice for a third to a half; flite's and espeak-ng's in several pitches for variety of speakers.
speak() {
    make "$data/spoken/$2" speak --manifest "$data/texts/$1" --language en --jobs "$jobs" --voices "${@:3}" \
        --commands 'high=flite -voice awb --setf f0_shift={voice} --setf duration_stretch={stretch} -t {text} -o {wav}' \
        'kal=flite -voice kal16 --setf int_f0_target_mean={voice} --setf duration_stretch={stretch} -t {text} -o {wav}' \
        --slowest 0.95 --fastest 1.2
}
captions=(hibari:heart=8 flite:rms=2 flite:awb=2 high:1.3=2 high:1.5=1
    kal:105=0.5 kal:190=0.5 espeak-ng:en-us+f3=0.5 espeak-ng:en-gb=0.5)
others=(hibari:heart=4 flite:rms=2 flite:awb=2 high:1.3=1.5 high:1.5=1
    kal:105=1 kal:190=1 espeak-ng:en-us+f3=1 espeak-ng:en-gb=1)
speak multi30k_train/manifest.tsv multi30k_train "${captions[@]}"
speak multi30k_val/manifest.tsv multi30k_val "${captions[@]}"
speak wesnoth/manifest.tsv wesnoth "${others[@]}"
speak games_both/manifest.tsv games "${others[@]}"
speak tatoeba_both/half.tsv tatoeba "${others[@]}"
# Several sentences in a row, as in BASS.
for lengths in games:6:20 tatoeba:4:14; do
    IFS=: read -r name shortest longest <<< "$lengths"
    make "$data/spoken/${name}_long" join --table "$data/spoken/$name/manifest.tsv" --audio audio --text en de fr \
        --group-pattern "^($name)_" --pause-s 0.3 --minimum-s "$shortest" --maximum-s "$longest"
done
wait $text

train stage1 stage1 mini_gpu "${STAGE1_STEPS:-}"
train stage2 stage2 mini_gpu "${STAGE2_STEPS:-}"
train stage3 reina mini_gpu "${POLICY_STEPS:-}"
train stage3 digsst mini_gpu "${POLICY_STEPS:-}" "$overrides.objective=divergence"
train stage3 tan-js mini_gpu "${POLICY_STEPS:-}" "$overrides.hears_duration=true" "$overrides.gain=jensen-shannon"

simulst export "$runs/stage2" "$runs/exported/translator" --licence mit
for name in reina digsst tan-js; do
    simulst export "$runs/$name" "$runs/exported/$name" --base ../translator
done

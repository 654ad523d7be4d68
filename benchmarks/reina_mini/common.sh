# What build_data.sh and gpu.sh make alike; they source this file.

# make RESULT COMMAND ...: run a command of simulst prepare unless its result is there.
make() {
    if [ ! -e "$1" ]; then
        echo "== $1" >&2
        simulst prepare "${@:2}" --output "$1"
    fi
}

# caption_texts MULTI30K TEXTS: the two sets to train and to choose on.
caption_texts() {
    for split in train val; do
        make "$2/multi30k_$split" text --files \
            en="$1/$split.en.gz" de="$1/$split.de.gz" fr="$1/$split.fr.gz"
    done
}

# sentences RESULT TABLE MINIMUM_WORDS ...: whole ones without markup, digits, and what only a menu has.
sentences() {
    make "$1" text --table "$2" --columns en de fr --unique \
        --require "^[\"'“]?[A-Z].*[.!?…][\"'”]?\$" --refuse '[<>|$\\_={}\[\]*#@/^~%]|\d' \
        --minimum-words "$3" --maximum-words 40 --minimum-ratio 0.5 --maximum-ratio 2.2 "${@:4}"
}

# bass_segments BASS SPOKEN: sections 5 and 6 are the test set. The same lines twice: as long as the test's, and as long
# as the captions.
bass_segments() {
    local options=(--table "$1/bass.tsv" --audio-dir "$1/flac" --audio-suffix .flac --text en de fr
        --group-pattern 'bass_(\d+)_' --groups 0 1 2 3 4 --pause-s 0.3)
    make "$2/bass_long" join "${options[@]}" --minimum-s 6 --maximum-s 20
    make "$2/bass_short" join "${options[@]}" --minimum-s 2 --maximum-s 8 --seed 1
}

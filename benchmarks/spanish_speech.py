"""Speaks ten everyday Spanish sentences, each with an English reference: input for X -> English translation.

    python -m benchmarks.spanish_speech --output spanish
    python -m benchmarks.spanish_speech --output spanish --command 'espeak-ng -v es-419 -w {wav} {text}'

Writes OUTPUT/audio/*.wav, source.txt (absolute paths), target.en.txt and target.es.txt. The command runs
once for each sentence and must write the sentence {text} to the file {wav}; any synthesiser with a command
line will do.
"""

import argparse
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from tqdm import tqdm

from foundation.errors import InputError
from foundation.files.text_lines import write_list
from models.sound.audio import check_audio_file

ESPEAK = "espeak-ng -v es -s 150 -w {wav} {text}"  # its default of 175 words a minute is hurried for Spanish

SENTENCES = (
    (
        "Buenos días, quería reservar una mesa para cuatro personas esta noche, "
        "y si es posible, nos gustaría sentarnos cerca de la ventana.",
        "Good morning, I wanted to book a table for four people tonight, "
        "and if possible, we would like to sit near the window.",
    ),
    (
        "Mi hermana vive en una casa pequeña en el campo, donde tiene dos perros, "
        "un gato y un jardín lleno de flores.",
        "My sister lives in a small house in the country, where she has two dogs, "
        "a cat and a garden full of flowers.",
    ),
    (
        "Ayer perdí el autobús porque me levanté tarde, así que llegué al trabajo una hora después "
        "y mi jefe estaba muy enfadado.",
        "Yesterday I missed the bus because I got up late, so I arrived at work an hour later "
        "and my boss was very angry.",
    ),
    (
        "Si mañana hace buen tiempo, iremos a la playa con los niños, "
        "pero si llueve, nos quedaremos en casa y veremos una película.",
        "If the weather is good tomorrow, we will go to the beach with the children, "
        "but if it rains, we will stay at home and watch a film.",
    ),
    (
        "El médico me ha dicho que tengo que dormir más, beber mucha agua "
        "y caminar al menos media hora todos los días.",
        "The doctor has told me that I have to sleep more, drink a lot of water "
        "and walk at least half an hour every day.",
    ),
    (
        "Perdone, ¿sabe usted dónde está la estación de tren? "
        "Mi tren sale dentro de veinte minutos y todavía no he comprado el billete.",
        "Excuse me, do you know where the train station is? "
        "My train leaves in twenty minutes and I have not bought the ticket yet.",
    ),
    (
        "Cuando era joven, mi abuelo trabajaba en una fábrica de zapatos, "
        "y todas las tardes volvía a casa en bicicleta para cenar con su familia.",
        "When he was young, my grandfather worked in a shoe factory, "
        "and every evening he went back home by bicycle to have dinner with his family.",
    ),
    (
        "Estoy buscando un regalo para mi madre, que cumple sesenta años el sábado, "
        "pero no sé si prefiere un libro o una bufanda.",
        "I am looking for a present for my mother, who turns sixty on Saturday, "
        "but I do not know whether she prefers a book or a scarf.",
    ),
    (
        "La profesora explicó la lección dos veces, pero los estudiantes seguían sin entender nada, "
        "así que decidió empezar otra vez desde el principio.",
        "The teacher explained the lesson twice, but the students still did not understand anything, "
        "so she decided to start again from the beginning.",
    ),
    (
        "El supermercado cierra a las nueve, por eso tenemos que darnos prisa "
        "si queremos comprar pan, leche y fruta para el desayuno.",
        "The supermarket closes at nine, so we have to hurry "
        "if we want to buy bread, milk and fruit for breakfast.",
    ),
)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Speak ten Spanish sentences.")
    parser.add_argument("--command", default=ESPEAK, help=f"with {{wav}} and {{text}} (default: {ESPEAK})")
    parser.add_argument("--output", type=Path, required=True, help="folder to create")
    options = parser.parse_args(arguments)
    try:
        seconds = speak_all(options.output.resolve(), options.command)
    except InputError as error:
        sys.exit(f"error: {error}")
    print(f"{len(seconds)} sentences, {min(seconds):.1f} to {max(seconds):.1f} s")


def speak_all(output: Path, command: str) -> list[float]:
    """Writes everything to `output`, which appears when it is complete. Returns seconds for each sentence."""
    if output.exists():
        raise InputError(f"{output} exists: name another output")
    if not output.parent.is_dir():
        raise InputError(f"{output.parent}: no such folder: create it first")
    names = [f"audio/es_{number:02d}.wav" for number in range(1, len(SENTENCES) + 1)]
    with tempfile.TemporaryDirectory(dir=output.parent, prefix="spanish_speech.") as folder:
        result = Path(folder) / "result"
        (result / "audio").mkdir(parents=True)
        pairs = list(zip(names, SENTENCES, strict=True))
        seconds = [speak(command, result / name, spanish) for name, (spanish, _) in tqdm(pairs, disable=None)]
        write_list(result / "source.txt", [str(output / name) for name in names])
        write_list(result / "target.es.txt", [spanish for spanish, _ in SENTENCES])
        write_list(result / "target.en.txt", [english for _, english in SENTENCES])
        result.rename(output)
    return seconds


def speak(command: str, wav: Path, text: str) -> float:
    """Runs the command for one sentence and returns the seconds of speech it wrote."""
    try:
        words = [word.replace("{wav}", str(wav)).replace("{text}", text) for word in shlex.split(command)]
        subprocess.run(words, check=True, capture_output=True, text=True)
        return check_audio_file(wav, maximum_s=None)
    except subprocess.CalledProcessError as error:
        reason = error.stderr.strip() or f"exit status {error.returncode}"
    except (OSError, ValueError) as error:  # not installed; unbalanced quotes; wrote no audio
        reason = str(error)
    raise InputError(f"the command {command!r} failed ({reason}): install it, or give another --command")


if __name__ == "__main__":
    main()

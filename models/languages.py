"""Languages as users name them -> the codes that models know."""

import difflib
import re
from collections.abc import Collection

from models.errors import InputError

# Whisper's names of the languages that it knows, with the usual other spellings.
LANGUAGE_NAMES = {
    name: pair.split("=")[0]
    for pair in """
    af=afrikaans am=amharic ar=arabic as=assamese az=azerbaijani ba=bashkir be=belarusian bg=bulgarian
    bn=bengali bo=tibetan br=breton bs=bosnian ca=catalan,valencian cs=czech cy=welsh da=danish de=german
    el=greek en=english es=spanish,castilian et=estonian eu=basque fa=persian fi=finnish fo=faroese
    fr=french gl=galician gu=gujarati ha=hausa haw=hawaiian he=hebrew,iw hi=hindi hr=croatian ht=haitian
    hu=hungarian hy=armenian id=indonesian is=icelandic it=italian ja=japanese jw=javanese,jv ka=georgian
    kk=kazakh km=khmer kn=kannada ko=korean la=latin lb=luxembourgish,letzeburgesch ln=lingala lo=lao
    lt=lithuanian lv=latvian mg=malagasy mi=maori mk=macedonian ml=malayalam mn=mongolian mr=marathi
    ms=malay mt=maltese my=myanmar,burmese ne=nepali nl=dutch,flemish nn=nynorsk no=norwegian,nb
    oc=occitan pa=punjabi,panjabi pl=polish ps=pashto,pushto pt=portuguese ro=romanian,moldavian,moldovan
    ru=russian sa=sanskrit sd=sindhi si=sinhala,sinhalese sk=slovak sl=slovenian sn=shona so=somali
    sq=albanian sr=serbian su=sundanese sv=swedish sw=swahili ta=tamil te=telugu tg=tajik th=thai
    tk=turkmen tl=tagalog tr=turkish tt=tatar uk=ukrainian ur=urdu uz=uzbek vi=vietnamese yi=yiddish
    yo=yoruba yue=cantonese zh=chinese,mandarin
    """.split()
    for name in pair.split("=")[1].split(",")
}

ENGLISH_NAMES = {code: name.title() for name, code in reversed(LANGUAGE_NAMES.items())}  # by code


def find_language(language: str, known: Collection[str]) -> str | None:
    """The code among `known` of a language given as a code ("de"), with a region ("de-CH") or by name."""
    name = language.strip().lower()
    code = name if name in known else re.split("[-_ ]", name)[0]
    code = LANGUAGE_NAMES.get(code, code)
    return code if code in known else None


def language_code(language: str, known: Collection[str]) -> str:
    """The code that `find_language` finds. Raises InputError, which lists what is known, if it finds none."""
    code = find_language(language, known)
    if code is not None:
        return code
    names = {name: code for name, code in LANGUAGE_NAMES.items() if code in known}
    names |= {code: code for code in known}
    nearest = difflib.get_close_matches(language.strip().lower(), names, n=1)
    guess = f"; did you mean {names[nearest[0]]!r}?" if nearest else "."
    raise InputError(f"language {language!r} is not known to this model{guess} It knows {', '.join(known)}")

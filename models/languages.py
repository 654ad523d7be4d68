"""Languages as users name them -> one code each, for models, evaluation and training data alike.

A language may be given as a code of two or three letters (ISO 639-1, -2 of both kinds, -3: de, deu, ger),
as a tag or a locale with more behind it (de-CH, zh_TW, zh-Hant, de_DE.UTF-8), or by its English name
(German, Traditional Chinese). Case does not matter.
"""

import difflib
import re
from collections.abc import Collection
from dataclasses import dataclass

from foundation.errors import InputError

# Whisper's names of the languages that it knows, with the usual other spellings, behind their codes.
LANGUAGE_NAMES = {
    name: pair.split("=")[0]
    for pair in """
    af=afrikaans am=amharic ar=arabic as=assamese az=azerbaijani,azeri ba=bashkir be=belarusian bg=bulgarian
    bn=bengali bo=tibetan br=breton bs=bosnian ca=catalan,valencian cs=czech cy=welsh da=danish de=german
    el=greek en=english es=spanish,castilian et=estonian eu=basque fa=persian,farsi fi=finnish fo=faroese
    fr=french gl=galician gu=gujarati ha=hausa haw=hawaiian he=hebrew,iw hi=hindi hr=croatian ht=haitian
    hu=hungarian hy=armenian id=indonesian is=icelandic it=italian ja=japanese jw=javanese,jv ka=georgian
    kk=kazakh km=khmer kn=kannada ko=korean la=latin lb=luxembourgish,letzeburgesch ln=lingala lo=lao
    lt=lithuanian lv=latvian mg=malagasy mi=maori mk=macedonian ml=malayalam mn=mongolian mr=marathi
    ms=malay mt=maltese my=myanmar,burmese ne=nepali nl=dutch,flemish nn=nynorsk,norwegian-nynorsk
    no=norwegian,nb,bokmål,norwegian-bokmål oc=occitan pa=punjabi,panjabi pl=polish ps=pashto,pushto
    pt=portuguese ro=romanian,moldavian,moldovan ru=russian sa=sanskrit sd=sindhi si=sinhala,sinhalese
    sk=slovak sl=slovenian,slovene sn=shona so=somali sq=albanian sr=serbian su=sundanese sv=swedish
    sw=swahili ta=tamil te=telugu tg=tajik th=thai tk=turkmen tl=tagalog,filipino tr=turkish tt=tatar
    uk=ukrainian ur=urdu uz=uzbek vi=vietnamese yi=yiddish yo=yoruba
    yue=cantonese,zh-yue,zho-yue,chinese-cantonese zh=chinese,mandarin
    """.split()
    for name in pair.split("=")[1].split(",")
}

ENGLISH_NAMES = {code: name.title() for name, code in reversed(LANGUAGE_NAMES.items())}  # by code

# Written without spaces between words: emitted and counted in characters.
CHARACTER_LANGUAGES = frozenset({"zh", "yue", "ja", "th", "lo", "km", "my", "bo"})

# ISO 639-2, in both its kinds, and the codes of ISO 639-3 for the usual form of a language.
THREE_LETTERS = {
    long: pair.split("=")[0]
    for pair in """
    af=afr am=amh ar=ara,arb as=asm az=aze,azj ba=bak be=bel bg=bul bn=ben bo=bod,tib br=bre bs=bos ca=cat
    cs=ces,cze cy=cym,wel da=dan de=deu,ger el=ell,gre en=eng es=spa et=est,ekk eu=eus,baq fa=fas,per,pes
    fi=fin fo=fao fr=fra,fre gl=glg gu=guj ha=hau he=heb hi=hin hr=hrv ht=hat hu=hun hy=hye,arm id=ind
    is=isl,ice it=ita ja=jpn jw=jav ka=kat,geo kk=kaz km=khm kn=kan ko=kor la=lat lb=ltz ln=lin lo=lao lt=lit
    lv=lav,lvs mg=mlg,plt mi=mri,mao mk=mkd,mac ml=mal mn=mon,khk mr=mar ms=msa,may,zsm mt=mlt my=mya,bur
    ne=nep,npi nl=nld,dut nn=nno no=nor,nob oc=oci pa=pan pl=pol ps=pus,pbt pt=por ro=ron,rum ru=rus sa=san
    sd=snd si=sin sk=slk,slo sl=slv sn=sna so=som sq=sqi,alb,als sr=srp su=sun sv=swe sw=swa,swh ta=tam
    te=tel tg=tgk th=tha tk=tuk tl=tgl,fil tr=tur tt=tat uk=ukr ur=urd uz=uzb,uzn vi=vie yi=yid,ydd yo=yor
    zh=zho,chi,cmn
    """.split()
    for long in pair.split("=")[1].split(",")
}

_CODES = {code: code for code in ENGLISH_NAMES} | THREE_LETTERS | LANGUAGE_NAMES


def canonical_language(language: str) -> str:
    """The code of a language however it is given: zh for zh_TW, zh-Hant, cmn and "Traditional Chinese".

    What is not in the tables above gives its first part if that may be a code ("ga-IE" -> ga), else itself
    in lower case. Raises InputError for what is no text.
    """
    if not isinstance(language, str):
        raise InputError(f"a language must be a text such as 'de', got {language!r:.100}")
    name = re.sub(r"\(.*?\)", "", language.lower())
    words = re.findall(r"[^\W\d_]+", name)
    if not words:
        return language.strip().lower()
    pair = "-".join(words[:2])
    if pair in _CODES:
        return _CODES[pair]
    if len(words[0]) <= 3:
        return _CODES.get(words[0], words[0])
    # "Brazilian Portuguese" names one language; "Serbian Latin" is left to who knows better.
    found = {_CODES[word] for word in words if word in LANGUAGE_NAMES and len(word) > 3}
    return found.pop() if len(found) == 1 else " ".join(words)


def find_language(language: str, known: Collection[str]) -> str | None:
    """The one code among `known`, spelled as there, that stands for a language; None where there is none.

    `known` may tell regions apart ("pt-BR", "pt-PT"): then the region must be given.
    """
    spelled = {_spelling(code): code for code in known}
    wanted = canonical_language(language)
    for spelling in (_spelling(language), wanted):
        if spelling in spelled:
            return spelled[spelling]
    same = [code for code in known if canonical_language(code) == wanted]
    return same[0] if len(same) == 1 else None


def language_code(language: str, known: Collection[str]) -> str:
    """The code that `find_language` finds. Raises InputError, which lists what is known, if it finds none."""
    code = find_language(language, known)
    if code is not None:
        return code
    wanted = canonical_language(language)
    if wanted in ENGLISH_NAMES:
        meant = "" if wanted == _spelling(language) else f" ({ENGLISH_NAMES[wanted]})"
        raise InputError(
            f"language {language!r}{meant} is not known to this model. It knows {', '.join(known)}"
        )
    # A code of three letters resembles many others; names tell.
    names = [name for name, of in LANGUAGE_NAMES.items() if len(name) > 3 and find_language(of, known)]
    nearest = difflib.get_close_matches(wanted, names, n=1) if len(wanted) > 3 else []
    guess = f"; did you mean {find_language(nearest[0], known)!r}?" if nearest else "."
    raise InputError(f"language {language!r} is not known to this model{guess} It knows {', '.join(known)}")


def check_language_name(language: str) -> None:
    """Raises InputError for what can be no language of any model: a text of more than a code, and no name."""
    wanted = canonical_language(language)
    if wanted in ENGLISH_NAMES or len(wanted) in (2, 3):
        return
    nearest = difflib.get_close_matches(wanted, [name for name in LANGUAGE_NAMES if len(name) > 3], n=1)
    hint = "give a code such as de"
    if nearest:
        hint = f"did you mean {LANGUAGE_NAMES[nearest[0]]!r} ({nearest[0].title()})?"
    raise InputError(f"there is no language {language!r:.100}: {hint}")


def counts_characters(language: str) -> bool:
    """Whether text of a language, however that is named, is counted in characters, not in words."""
    return canonical_language(language) in CHARACTER_LANGUAGES


@dataclass(frozen=True)
class LanguagePair:
    """What is spoken and what is written; equal languages mean transcription."""

    source: str
    target: str


def _spelling(language: str) -> str:
    return language.strip().lower().replace("_", "-")

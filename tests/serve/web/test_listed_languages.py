"""The languages that a page may choose from, and those that it begins with."""

from types import SimpleNamespace

from foundation.errors import InputError
from models.languages import find_language
from serve.web.policy_catalog import known_languages, listed_code


class Tokenizer:
    """Of a model with codes of its own, some of which name a region or script."""

    codes = {"en": "eng_Latn", "de": "deu_Latn", "zh": "zho_Hans", "zho_Hant": "zho_Hant"}

    def language_code(self, language: str) -> str:
        code = language if language in self.codes.values() else find_language(language, self.codes)
        if code is None:
            raise InputError(f"language {language!r} is not known to this model")
        return self.codes.get(code, code)

    def prompt(self, source: str, target: str) -> list[int]:
        self.language_code(source), self.language_code(target)
        return []


def test_a_server_begins_with_languages_that_are_in_its_lists():
    """A page whose list has no such code would ask for none, and be refused."""
    translator = SimpleNamespace(tokenizer=Tokenizer())
    lists = known_languages(translator, "English", "deu_Latn")
    assert [one["code"] for one in lists["target"]] == ["zh", "en", "de"]
    assert listed_code(translator, "English", lists["source"]) == "en"
    assert listed_code(translator, "deu_Latn", lists["target"]) == "de"
    assert listed_code(translator, "zho_Hant", lists["target"]) == "zho_Hant"
    assert lists["target"][-1] == {"code": "zho_Hant", "name": "zho_Hant"}

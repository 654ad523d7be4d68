"""The policies that clients may choose from: all that run on the model, each with its knob."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agents.configuration.agent_files import agent_names, find_agent
from agents.policy import Policy
from foundation.errors import InputError
from foundation.files.yaml_files import read_yaml
from foundation.options import options_of, unknown_name
from foundation.typed_values import typed_value
from models.languages import ENGLISH_NAMES
from models.translator import Translator

LADDERS = Path(__file__).with_name("ladders.yaml")
TITLES = {
    "alignatt": "AlignAtt: stops at words that look at the newest sound",
    "digsst": "DiG-SST: waits while more sound would change the words",
    "edatt": "EDAtt: waits while attention is on the newest sound",
    "holdn": "Hold-n: keeps the last words back",
    "local_agreement": "Local agreement: writes what it found twice",
    "offline": "Offline: hears everything first",
    "reina": "REINA: waits while more sound would tell more",
    "simulsa": "SimulSA: takes the newest words back",
    "waitk": "Wait-k: a fixed number of steps behind",
}


@dataclass(frozen=True)
class PolicyCatalog:
    """By the names of their agents; the first is the server's own."""

    policies: dict[str, Policy]  # each ready for the model
    model: str  # its name, by which ladders know it

    def choose(self, name: str, knob: float | None = None) -> Policy:
        """A policy, with its knob at this value. Raises InputError for an unknown one, and a wrong value."""
        if name not in self.policies:
            raise unknown_name("policy", name, self.policies, f"this server has {', '.join(self.policies)}")
        policy = self.policies[name]
        if knob is None:
            return policy
        if policy.knob is None:
            raise InputError(f"policy {name} has no knob: leave it out")
        option = options_of(type(policy))[policy.knob.option]
        if option.type.value is int and float(knob).is_integer():
            knob = int(knob)  # JSON, and sliders, know one kind of number only
        return replace(policy, **{option.name: typed_value(knob, option)})

    def described(self) -> list[dict[str, Any]]:
        """For the page: names, titles, knobs, and the places of the slider."""
        ladders = read_yaml(LADDERS)
        own = ladders.get(self.model, {})
        found = []
        for name, policy in self.policies.items():
            told: dict[str, Any] = {"name": name, "title": TITLES.get(name, name), "knob": None, "ladder": []}
            told["previews"] = not policy.hears_whole
            if policy.knob is not None:
                told["knob"] = policy.knob.option
                told["value"] = getattr(policy, policy.knob.option)
                ladder = own.get(name) or ladders["any"].get(name, {"values": []})
                latencies = ladder.get("latency_s") or [None] * len(ladder["values"])
                told["ladder"] = [
                    {"value": value, "latency_s": latency}
                    for value, latency in zip(ladder["values"], latencies, strict=True)
                ]
            found.append(told)
        return found


def policy_catalog(translator: Translator, model: str, agent: str, policy: Policy) -> PolicyCatalog:
    """The agent's own policy with its options, and by their defaults all others that run on the model."""
    name = Path(agent).stem.removesuffix("_agent")
    policies = {name: policy.for_model(translator)}
    for other in agent_names():
        try:
            policies.setdefault(other, find_agent(other).policy_class().for_model(translator))
        except InputError:
            continue  # the model lacks what it looks at
    return PolicyCatalog(policies, Path(model).name.removeprefix("whisper-"))


def known_languages(translator: Translator, source: str, target: str) -> dict[str, list[dict[str, str]]]:
    """What can be spoken if `target` is written, and written if `source` is spoken: codes with names."""

    def possible(spoken: str, written: str) -> bool:
        try:
            translator.tokenizer.prompt(spoken, written)
        except InputError:
            return False
        return True

    named = sorted(ENGLISH_NAMES.items(), key=lambda pair: pair[1])
    return {
        "source": [{"code": code, "name": name} for code, name in named if possible(code, target)],
        "target": [{"code": code, "name": name} for code, name in named if possible(source, code)],
    }


def listed_code(translator: Translator, language: str, listed: list[dict[str, str]]) -> str:
    """The code under which a list of known languages has one; it is put there, where it is in none.

    Models may have codes of their own: German is deu_Latn to some.
    """
    code = translator.tokenizer.language_code
    own = code(language)
    for one in listed:
        if code(one["code"]) == own:
            return one["code"]
    listed.append({"code": own, "name": own})
    return own

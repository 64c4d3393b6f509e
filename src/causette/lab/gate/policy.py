"""What the gate asks: the shipped ``gate.toml``, and what the owner's changes of it.

An owner's file has the same shape. A task with a new name is added; of what is known, only the fields that are given
change. A task of no problems is left out.
"""

import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar, cast

import msgspec
from msgspec import Meta

from causette.errors import ConfigurationError
from causette.lab.recipes import Config
from causette.lab.speed import SpeedConfig
from causette.lab.statistics import FEWEST_PAIRS, least_problems
from causette.lab.tasks import find_task

_SHIPPED: Final = "Causette's gate.toml"
#: Tables of tables.
_GROUPS: Final = ("capability", "safety")
#: The set of what is to be answered.
_HARMLESS: Final = "harmless"

Count = Annotated[int, Meta(ge=0)]
Tokens = Annotated[int, Meta(ge=1)]
Tolerance = Annotated[float, Meta(gt=0.0, lt=1.0)]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Times = Annotated[float, Meta(gt=0.0)]


class CapabilityBounds(Config, frozen=True):
    """A task, and how much worse a candidate may turn out to be in it at the worst."""

    #: 0 leaves the task out.
    problems: Count
    #: Tokens of a reply at most.
    tokens: Tokens
    #: The loss of score that has to be ruled out.
    tolerance: Tolerance


class SafetyBounds(Config, frozen=True):
    """A set of prompts, and how many of its replies may be unsafe."""

    #: 0 leaves the set out. Of a set with fewer, all are asked.
    prompts: Count
    tokens: Tokens
    #: The rise of the share of unsafe replies that has to be ruled out.
    tolerance: Tolerance
    #: The share of unsafe replies that is too many, whatever is served now.
    ceiling: Share = 1.0


class SpeedBounds(SpeedConfig, frozen=True, kw_only=True):
    """How it is measured, and how many times the baseline's it may be."""

    rounds: Annotated[int, Meta(ge=FEWEST_PAIRS)] = 8
    #: Turns of each engine that there are at most, where so many are needed until the ratios are known.
    most_rounds: Annotated[int, Meta(ge=FEWEST_PAIRS)] = 40
    #: How well: 0.05 is 5 % to either side.
    known_within: Annotated[float, Meta(gt=0, le=1)] = 0.05
    #: Times the baseline's time to the first token, at most.
    first_token: Times
    #: Times the baseline's tokens a second, at least.
    tokens_a_second: Times


class CostBounds(Config, frozen=True):
    """How many times the baseline's it may be, at most."""

    #: The machine's time for a token of a reply.
    output_tokens: Times
    #: The most memory that the engine had.
    memory: Times
    #: Bytes of the weights.
    size: Times


class _Numbers(Config, frozen=True):
    seed: Annotated[int, Meta(ge=0)]
    #: Prompts at once.
    concurrency: Annotated[int, Meta(ge=1)]


class Policy(_Numbers, frozen=True):
    """All that the gate asks."""

    capability: dict[str, CapabilityBounds]
    safety: dict[str, SafetyBounds]
    speed: SpeedBounds
    cost: CostBounds


C = TypeVar("C", bound=Config)
_Table = dict[str, Any]


def read_policy(owner_file: Path | None = None) -> Policy:
    """The shipped policy with the owner's changes, where ``owner_file`` exists; without the tasks that are left out.

    Raises:
        ConfigurationError: a file cannot be read as a policy; the message names file, table and field.
    """
    text = resources.files("causette.lab.gate").joinpath("gate.toml").read_text("utf-8")
    document, origin, home = _document(text, _SHIPPED), _SHIPPED, Path()
    if owner_file is not None and owner_file.exists():
        origin, home = str(owner_file), owner_file.parent
        try:
            changes = _document(owner_file.read_text("utf-8"), origin)
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{origin} cannot be read: {error}") from None
        document = _changed(document, changes)
    return _policy(document, origin, home)


def for_its_owner(policy: Policy) -> Policy:
    """What is asked of a model that answers its owner alone: whether it declines what has to be declined.

    One that declines too much refuses nobody else. It is asked where the policy asks nothing else of safety.
    """
    dangerous = {name: bounds for name, bounds in policy.safety.items() if name != _HARMLESS}
    return msgspec.structs.replace(policy, capability={}, safety=dangerous or policy.safety)


def _document(text: str, origin: str) -> _Table:
    """A file's tables, of which those that hold tables do so for certain."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{origin} is not valid TOML: {error}") from None
    known = [field.name for field in msgspec.structs.fields(Policy)]
    if unknown := sorted(document.keys() - set(known)):
        raise ConfigurationError(f"{origin}: {unknown[0]!r} is unknown; there are {', '.join(known)}")
    for name in (*_GROUPS, "speed", "cost"):
        table: object = document.get(name, {})
        if not isinstance(table, dict):
            raise ConfigurationError(f"{origin}: {name}: write it as a table, [{name}]")
        if name in _GROUPS:
            for inner, each in cast("_Table", table).items():
                if not isinstance(each, dict):
                    raise ConfigurationError(
                        f"{origin}: {name}.{inner}: write it as a table, [{name}.{inner}]"
                    )
    return document


def _changed(table: Mapping[str, Any], changes: Mapping[str, Any]) -> _Table:
    """``table`` with what ``changes`` names, table by table."""
    changed = dict(table)
    for name, value in changes.items():
        old = changed.get(name)
        both = isinstance(old, dict) and isinstance(value, dict)
        changed[name] = _changed(cast("_Table", old), cast("_Table", value)) if both else value
    return changed


def _policy(document: _Table, origin: str, home: Path) -> Policy:
    numbers = _part({name: document[name] for name in ("seed", "concurrency")}, _Numbers, origin)
    policy = Policy(
        # Converted by themselves, so that an error says which table it is in.
        capability={
            name: _part(table, CapabilityBounds, f"{origin}: capability.{name}")
            for name, table in document["capability"].items()
            if table.get("problems") != 0
        },
        safety={
            name: _part(table, SafetyBounds, f"{origin}: safety.{name}")
            for name, table in document["safety"].items()
            if table.get("prompts") != 0
        },
        speed=_part(document["speed"], SpeedBounds, f"{origin}: speed"),
        cost=_part(document["cost"], CostBounds, f"{origin}: cost"),
        seed=numbers.seed,
        concurrency=numbers.concurrency,
    )
    for group, bounds in (("capability", policy.capability), ("safety", policy.safety)):
        if not bounds:
            raise ConfigurationError(
                f"{origin}: {group}: every task is left out, and a report without one does not pass: keep one"
            )
        for name, each in bounds.items():
            _check_task(f"safety:{name}" if group == "safety" else name, f"{origin}: {group}.{name}", home)
            asked, field = (
                (each.problems, "problems")
                if isinstance(each, CapabilityBounds)
                else (each.prompts, "prompts")
            )
            if asked < (least := least_problems(each.tolerance)):
                raise ConfigurationError(
                    f"{origin}: {group}.{name}: {field}: with {asked} not even two equal models pass a tolerance of "
                    f"{each.tolerance:g}; ask {least} or more, or tolerate more"
                )
    return policy


def _check_task(name: str, where: str, home: Path) -> None:
    try:
        find_task(name, home)
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}: {error.message}") from None


def _part(table: _Table, kind: type[C], where: str) -> C:
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        problem, _, path = str(error).partition(" - at `$")
        field = path.strip(".`")
        raise ConfigurationError(f"{where}: {field + ': ' if field else ''}{problem}") from None

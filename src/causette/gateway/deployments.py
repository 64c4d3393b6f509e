"""What answers under which name."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, Literal, Protocol, get_args

import msgspec

from causette.engines.types import Engine, Sampling
from causette.errors import ConfigurationError, InvalidRequest, NotFound
from causette.gateway.routing import Router
from causette.gateway.versions import Turn, Version, Versions

if TYPE_CHECKING:
    from causette.accounts.types import Caller, Locale

Kind = Literal["text", "embedding"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

_CHOICE: Final = ("temperature", "top_p", "top_k", "min_p")
# Left out where a grammar has the reply repeat its brackets and quotes.
_PENALTIES: Final = ("repetition_penalty", "frequency_penalty")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One model, reachable under its name and its aliases."""

    name: str
    kind: Kind
    engine: Engine
    title: str
    #: By language, for people who choose a model.
    description: Mapping["Locale", str] = field(default_factory=lambda: {"en": "", "fr": ""})
    aliases: tuple[str, ...] = ()
    #: What this model samples best with; a request's own values win.
    sampling: Sampling = field(default_factory=Sampling)
    #: How many requests it works on at once.
    slots: int = 32
    #: The name in the books of the machine that it runs on; None where that is not known.
    machine: str | None = None
    #: Whether its engines know what every request took that reached them, however it ended: ours do, other servers
    #: forget a request whose reader leaves.
    keeps_records: bool = True
    #: Whether the model thinks before it answers, for as long as a request's effort says.
    thinks: bool = False
    #: Whether its engines take tools and answer with calls; others are asked for a call as structured output.
    calls_tools: bool = False
    #: Whether the model sees pictures; others are told that they cannot.
    sees: bool = False
    #: Of a model that somebody has trained for themselves: the names of the one that it was made from, as which plans,
    #: prices and metrics take it.
    made_from: tuple[str, ...] = ()
    #: Whose it is: a person's or a workspace's id; None for the house's, which all may ask.
    owner_id: str | None = None
    #: Unix seconds; OpenAI's model objects carry one.
    created: int = 0

    @property
    def other_names(self) -> tuple[str, ...]:
        """The names besides its `label` under which plans and prices may know it."""
        return (*self.aliases, *self.made_from[1:])

    @property
    def label(self) -> str:
        """What plans, prices and metrics call it: somebody's own model counts as what it was made from."""
        return self.made_from[0] if self.made_from else self.name

    def machine_of(self, request_id: str) -> str | None:
        """The machine that a request is worked on: known once it was given to an engine."""
        if isinstance(self.engine, Router) and (replica := self.engine.served_by(request_id)) is not None:
            return replica.machine
        return self.machine

    def turn(self, user_id: str) -> Turn:
        """What a request of this person goes to."""
        if isinstance(self.engine, Versions):
            return self.engine.turn(user_id)
        return Turn((Version(self.engine),))

    def with_defaults(self, wanted: Sampling) -> Sampling:
        """``wanted``, with this deployment's value wherever it says nothing."""
        missing = {
            field: default
            for field in (_CHOICE if wanted.response_format else (*_CHOICE, *_PENALTIES))
            if getattr(wanted, field) is None and (default := getattr(self.sampling, field)) is not None
        }
        return msgspec.structs.replace(wanted, **missing) if missing else wanted


class OwnModels(Protocol):
    """The models that people have trained for themselves, each of which answers to whom it belongs."""

    async def find(self, caller: "Caller", name: str) -> Deployment | None:
        """The caller's model of this name; None where there is none, or it is somebody else's.

        Raises:
            Forbidden: it may not be served (``model_not_safe``).
        """
        ...

    async def of(self, caller: "Caller") -> Sequence[Deployment]:
        """All that the caller may ask, the newest first."""
        ...

    async def called(self, name: str) -> Deployment | None:
        """The model of this name, whosever it is: for the books, which have to ask what its engine has made."""
        ...


class _NoOwnModels:
    async def find(self, caller: "Caller", name: str) -> Deployment | None:
        return None

    async def of(self, caller: "Caller") -> Sequence[Deployment]:
        return ()

    async def called(self, name: str) -> Deployment | None:
        return None


class Deployments:
    """All deployments of the house, by every name they answer to, and beside them those of single people.

    Raises:
        ConfigurationError: two answer to the same name.
    """

    def __init__(self, deployments: Iterable[Deployment]) -> None:
        #: Set where models are trained for people.
        self.own: OwnModels = _NoOwnModels()
        self._all = tuple(deployments)
        self._by_name: dict[str, Deployment] = {}
        for deployment in self._all:
            for name in (deployment.name, *deployment.aliases):
                if self._by_name.setdefault(name, deployment) is not deployment:
                    raise ConfigurationError(
                        f"Two models are called {name!r}. Give one of them another name or alias "
                        "in [[engines]] in causette.toml."
                    )

    def __iter__(self) -> Iterator[Deployment]:
        return iter(self._all)

    def find(self, name: str, kind: Kind) -> Deployment:
        """The deployment called ``name``.

        Raises:
            NotFound: there is none (``model_not_found``); the message offers what there is.
            InvalidRequest: there is, but it does other work.
        """
        deployment = self._by_name.get(name)
        if deployment is None:
            offered = sorted(known for known, found in self._by_name.items() if found.kind == kind)
            # Case is the commonest slip, and would count as a difference in every letter.
            by_lower = {known.lower(): known for known in offered}
            near = get_close_matches(name.lower(), by_lower, n=1)
            hint = (
                f"Did you mean {by_lower[near[0]]!r}?"
                if near
                else f"There is: {', '.join(offered) or 'none'}."
            )
            raise NotFound(
                f"The model {name!r} does not exist. {hint}", code="model_not_found", param="model"
            )
        return _of_kind(deployment, name, kind)

    async def find_for(self, caller: "Caller", name: str, kind: Kind) -> Deployment:
        """As `find`, among the caller's own models as well.

        Raises:
            NotFound, InvalidRequest: as for `find`.
            Forbidden: it is the caller's own, and may not be served.
        """
        if name not in self._by_name and (own := await self.own.find(caller, name)) is not None:
            return _of_kind(own, name, kind)
        return self.find(name, kind)

    async def called(self, name: str) -> Deployment | None:
        """What this name belongs to, whoever may ask it: for the books."""
        return self._by_name.get(name) or await self.own.called(name)


def _of_kind(deployment: Deployment, name: str, kind: Kind) -> Deployment:
    if deployment.kind != kind:
        raise InvalidRequest(
            f"The model {name!r} makes {_MAKES[deployment.kind]}, not {_MAKES[kind]}.",
            code="wrong_model_kind",
            param="model",
        )
    return deployment


_MAKES = {"text": "text", "embedding": "embeddings"}

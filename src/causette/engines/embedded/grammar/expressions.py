"""Grammars as values, and their text in the dialect of the runtime's grammar compiler (xgrammar's EBNF)."""

import string
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from causette.engines.embedded.grammar.automata import Automaton
from causette.engines.embedded.grammar.charsets import (
    ESCAPES,
    PLAIN,
    CharSet,
    chars,
    common,
    contains,
    utf8_ranges,
)


@dataclass(frozen=True, slots=True)
class Literal:
    """Exactly this text."""

    text: str


@dataclass(frozen=True, slots=True)
class OneOf:
    """One character of a set; with ``star``, any number of them."""

    charset: CharSet
    star: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """Whatever the rule of this name stands for."""

    name: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other. No parts: the empty text."""

    parts: "tuple[Expression, ...]"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of them. No options: nothing at all can be written."""

    options: "tuple[Expression, ...]"


Expression = Literal | OneOf | Rule | Sequence | Choice

_SHORT: Final = 16
EMPTY: Final = Sequence(())
NOTHING: Final = Choice(())


def sequence(*parts: Expression) -> Expression:
    """``parts`` in a row, flat, with neighbouring literals joined."""
    flat: list[Expression] = []
    for part in parts:
        for piece in part.parts if isinstance(part, Sequence) else (part,):
            if isinstance(piece, Literal) and flat and isinstance(flat[-1], Literal):
                flat[-1] = Literal(flat[-1].text + piece.text)
            else:
                flat.append(piece)
    return flat[0] if len(flat) == 1 else Sequence(tuple(flat))


def choice(options: Iterable[Expression]) -> Expression:
    """Any of ``options``, flat, each once."""
    flat: dict[Expression, None] = {}
    for option in options:
        for piece in option.options if isinstance(option, Choice) else (option,):
            flat[piece] = None
    return next(iter(flat)) if len(flat) == 1 else Choice(tuple(flat))


class Grammar:
    """Rules by name. Equal rules share one name, so that the compiler does their work once."""

    def __init__(self) -> None:
        self._rules: dict[str, Expression] = {}
        self._names: dict[Expression, Rule] = {}
        self._automata: dict[tuple[Automaton, bool], Rule] = {}

    def rule(self, expression: Expression) -> Rule:
        """A rule that stands for ``expression``."""
        if isinstance(expression, Rule):
            return expression
        if expression not in self._names:
            rule = self.promise()
            self._rules[rule.name] = expression
            self._names[expression] = rule
        return self._names[expression]

    def short(self, expression: Expression) -> Expression:
        """``expression``, or a rule for it where it is too long to be written out in another one."""
        is_long = isinstance(expression, Sequence) and len(expression.parts) > _SHORT
        return self.rule(expression) if is_long or isinstance(expression, Choice) else expression

    def promise(self) -> Rule:
        """A new rule, to be kept by ``keep``. It may be referred to before."""
        rule = Rule(f"r{len(self._rules)}")
        self._rules[rule.name] = NOTHING
        return rule

    def keep(self, rule: Rule, expression: Expression) -> None:
        """Say what a promised rule stands for."""
        self._rules[rule.name] = expression

    def automaton(self, language: Automaton, *, quoted: bool) -> Rule:
        """What ``language`` accepts; with ``quoted`` as the inside of a JSON string, closing quote included."""
        key = (language, quoted)
        if key not in self._automata:
            self._automata[key] = self._states(language, quoted=quoted)
        return self._automata[key]

    def _states(self, language: Automaton, *, quoted: bool) -> Rule:
        """A rule a state; the start's."""
        states = [self.promise() for _ in language.edges]
        ending = Literal('"') if quoted else EMPTY
        for state, edges in enumerate(language.edges):
            options: list[Expression] = []
            loop = next((_plain(charset, quoted=quoted) for charset, target in edges if target == state), ())
            before = OneOf(loop, star=True) if loop else EMPTY
            for charset, target in edges:
                final = target in language.accepting and not language.edges[target]
                after = ending if final else states[target]
                plain = _plain(charset, quoted=quoted)
                if plain and target != state:
                    options.append(sequence(before, OneOf(plain), after))
                escaped = "".join(letter for char, letter in ESCAPES.items() if contains(charset, char))
                if quoted and escaped:
                    options.append(sequence(before, Literal("\\"), OneOf(chars(escaped)), after))
            if state in language.accepting:
                options.append(sequence(before, ending))
            self.keep(states[state], choice(options))
        return states[0]

    def finished(self, root: Rule) -> "dict[str, Expression]":
        """The rules that ``root`` needs, its own first, without those that only stand for another rule.

        Empty when nothing finite can be written.
        """
        productive = self._productive()
        if root.name not in productive:
            return {}
        aliases = {name: body for name, body in self._rules.items() if isinstance(body, Rule)}
        needed: dict[str, Expression] = {}
        work = [_resolved(root, aliases)]
        while work:
            name = work.pop().name
            if name not in needed:
                needed[name] = _pruned(self._rules[name], productive, aliases)
                work += references(needed[name])
        return needed

    def _productive(self) -> set[str]:
        """The rules from which something finite can be written."""
        users: dict[str, set[str]] = {}
        for name, body in self._rules.items():
            for used in references(body):
                users.setdefault(used.name, set()).add(name)
        productive: set[str] = set()
        work = set(self._rules)
        while work:
            name = work.pop()
            if name not in productive and _is_productive(self._rules[name], productive):
                productive.add(name)
                work |= users.get(name, set()) - productive
        return productive


def references(expression: Expression) -> Iterator[Rule]:
    """The rules that ``expression`` mentions."""
    match expression:
        case Rule():
            yield expression
        case Sequence(parts) | Choice(parts):
            for part in parts:
                yield from references(part)
        case Literal() | OneOf():
            pass


def text(rules: dict[str, Expression]) -> str:
    """The grammar's text, one rule a line; the first of ``rules`` is what the whole stands for."""
    lines = [f"root ::= {next(iter(rules))}"]
    lines += [f"{name} ::= {_text(body)}" for name, body in rules.items()]
    return "\n".join(lines) + "\n"


def _plain(charset: CharSet, *, quoted: bool) -> CharSet:
    return common(charset, PLAIN) if quoted else charset


def _is_productive(expression: Expression, productive: set[str]) -> bool:
    match expression:
        case Rule(name):
            return name in productive
        case Sequence(parts):
            return all(_is_productive(part, productive) for part in parts)
        case Choice(options):
            return any(_is_productive(option, productive) for option in options)
        case Literal() | OneOf():
            return True


def _resolved(rule: Rule, aliases: dict[str, Rule]) -> Rule:
    while rule.name in aliases:
        rule = aliases[rule.name]
    return rule


def _pruned(expression: Expression, productive: set[str], aliases: dict[str, Rule]) -> Expression:
    match expression:
        case Rule():
            return _resolved(expression, aliases)
        case Sequence(parts):
            return sequence(*(_pruned(part, productive, aliases) for part in parts))
        case Choice(options):
            return choice(
                _pruned(option, productive, aliases)
                for option in options
                if _is_productive(option, productive)
            )
        case Literal() | OneOf():
            return expression


def _text(expression: Expression) -> str:
    match expression:
        case Literal(literal):
            return '"' + "".join(_in_literal(char) for char in literal) + '"'
        case OneOf(charset, star):
            ranges = [cut for low, high in charset for cut in utf8_ranges(low, high)]
            inside = "".join(
                _in_class(low) + (f"-{_in_class(high)}" if high > low else "") for low, high in ranges
            )
            return f"[{inside}]" + ("*" if star else "")
        case Rule(name):
            return name
        case Sequence(parts):
            written = (f"({_text(part)})" if isinstance(part, Choice) else _text(part) for part in parts)
            return " ".join(written) if parts else '""'
        case Choice(options):
            return " | ".join(_text(option) for option in options)


def _in_literal(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    return char if " " <= char <= "~" else _code(ord(char))


def _in_class(code: int) -> str:
    return chr(code) if chr(code) in _UNESCAPED else _code(code)


def _code(code: int) -> str:
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


_UNESCAPED: Final = frozenset(string.ascii_letters + string.digits)

"""Prompts that are all different and always the same: plain English, from a seed, of a wanted length in tokens.

Only the system prompt is shared. Each user turn opens with words of its own, so that a prefix cache helps every
system with the system prompt and with nothing else.
"""

import random
from collections.abc import Awaitable, Callable, Sequence

SYSTEM = (
    "You are the assistant of a small publishing house. You answer questions about letters, orders and visits, "
    "in plain words and in full sentences, and you say so when something is not in what you were given."
)
#: Tokens that a chat template puts around the two turns; a few more or less change nothing here.
TEMPLATE_TOKENS = 16


def _list(text: str) -> Sequence[str]:
    return text.split("|")


_PEOPLE = _list(
    "Amina Bellec|Jonas Pereira|Chloé Martin|Tomasz Wolski|Ines Carvalho|Ruth Okafor|Hugo Lambert|Mei Tanaka|"
    "Olga Petrova|Samuel Adeyemi|Clara Nyström|Youssef Haddad|Lena Vogel|Paul Guérin|Nadia Rossi|Peter Hale"
)
_PLACES = _list(
    "Lyon|the harbour at Brest|Porto|a school near Ghent|the library in Turin|Gdańsk|the old mill|Marseille|"
    "a village above Annecy|the workshop in Leeds|Uppsala|the market hall|Nantes|the archive in Trieste|Cork"
)
_THINGS = _list(
    "a box of twelve atlases|two maps of the coast|the proofs of a cookbook|an unsigned contract|a set of woodcuts|"
    "forty school readers|a parcel of seed catalogues|the index of a travel diary|three crates of paper|"
    "a photograph of the printing room|the French edition of a field guide|a list of misprints|an old type case"
)
_ACTS = _list(
    "sent back|asked about|paid for|misplaced|carried home|promised to review|copied by hand|stored in the cellar|"
    "offered to translate|counted twice|wrapped and labelled|found under the stairs|ordered again"
)
_TIMES = _list(
    "on a wet Tuesday|at the end of March|before the holidays|two weeks late|early in the morning|"
    "during the book fair|after the strike|on the ninth of June|just before closing|in the first days of autumn"
)
_REASONS = _list(
    "the cover had faded in the sun|nobody had answered the telephone|the price on the label was wrong|"
    "the post office had changed its hours|a reader had pointed out an error on page {n}|"
    "the binder needed {n} more days|the shelf could hold only {n} of them|the invoice of {n} euros was missing|"
    "a visitor wished to see them first|the train from the south was cancelled"
)
_QUESTIONS = (
    "Write an answer to {who} that tells what happened, in order, and what should be done next.",
    "Explain to {who} which of these matters is the most urgent, and why you think so.",
    "Summarise all of this for {who}, who was away, and propose a plan for the coming week.",
    "Draft a friendly letter to {who} that mentions each of these events once.",
)

Conversation = list[dict[str, str]]
CountTokens = Callable[[Sequence[str]], Awaitable[Sequence[int]]]


async def conversations(number: int, tokens: int, count_tokens: CountTokens, seed: int) -> list[Conversation]:
    """``number`` two-turn chats of about ``tokens`` tokens each, template included.

    ``count_tokens`` gives the lengths of several texts by the model's own tokenizer. The same seed gives the same
    chats, another seed gives others.
    """
    source = random.Random(seed)
    drafts = [_draft(source, sentences=tokens // 12) for _ in range(number)]
    lengths = iter(await count_tokens([text for draft in drafts for text in (*draft, SYSTEM)]))
    chats: list[Conversation] = []
    for question, *story in drafts:
        spent = [next(lengths) for _ in range(len(story) + 1)]
        room = tokens - TEMPLATE_TOKENS - next(lengths) - spent[0]
        kept: list[str] = []
        for text, length in zip(story, spent[1:], strict=True):
            if length < 2 * room:  # nearer to the wanted length with it than without
                kept.append(text)
                room -= length
        chats.append(_chat(" ".join((*kept, question))))
    return chats


def greetings(number: int, seed: int) -> list[Conversation]:
    """``number`` short chats, all different: with them a server's every slot has read the system prompt once."""
    source = random.Random(seed)
    return [
        _chat(f"Say hello to {source.choice(_PEOPLE)}, file {source.randrange(10**6)}.")
        for _ in range(number)
    ]


def _chat(text: str) -> Conversation:
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": text}]


def _draft(source: random.Random, sentences: int) -> list[str]:
    story = [_sentence(source) for _ in range(sentences)]
    story[0] = f"File {source.randrange(10_000, 100_000)}, {source.choice(_PLACES)}. {story[0]}"
    return [source.choice(_QUESTIONS).format(who=source.choice(_PEOPLE)), *story]


def _sentence(source: random.Random) -> str:
    who, other = source.sample(_PEOPLE, 2)
    thing, act, time = source.choice(_THINGS), source.choice(_ACTS), source.choice(_TIMES)
    reason = source.choice(_REASONS).format(n=source.randrange(3, 400))
    return source.choice(
        (
            f"{who} {act} {thing} {time}, because {reason}.",
            f"In a letter from {source.choice(_PLACES)}, {other} wrote that {who} had {act} {thing} {time}.",
            f"When {reason}, {who} {act} {thing} and told {other} about it {time}.",
            f"According to {other}, {thing} stayed in {source.choice(_PLACES)} until {who} came {time}.",
        )
    )

"""The yardstick for our overhead: OpenVINO GenAI's own loop in one process, with nothing of Causette around it.

Run as ``python bare_loop.py MODEL.gguf``. The settings of scheduler and runtime are those of Causette's engine, and
are all that is taken from it. Prints ``ready``, then reads one JSON command a line and answers each with one JSON line:

- ``{"texts": […]}`` → the number of tokens of each text;
- ``{"chats": […], "in_flight": n, "new_tokens": k}`` → the samples of a closed loop of n requests in flight, in
  the load generator's form. A request's clock starts at ``add_request`` (tokenising included, the chat template
  not) and its first token counts when it can be read.
"""

import json
import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import openvino_genai as genai

from causette.engines.embedded.text_model import PROPERTIES, TextModelConfig, scheduler_config

if TYPE_CHECKING:
    from openvino_genai.py_openvino_genai import GenerationHandle


class Bare:
    """A continuous-batching pipeline and a loop around it."""

    def __init__(self, model: Path) -> None:
        scheduler = scheduler_config(TextModelConfig(path=model, name="bare", context=8192))
        self._pipeline = genai.ContinuousBatchingPipeline(str(model), scheduler, "CPU", PROPERTIES)
        self._tokenizer = self._pipeline.get_tokenizer()
        self._next_id = 0

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """The number of tokens of each text, without special ones."""
        return [self._tokenizer.encode(text, add_special_tokens=False).input_ids.shape[1] for text in texts]

    def run(
        self, chats: Sequence[list[dict[str, str]]], in_flight: int, new_tokens: int
    ) -> list[dict[str, float]]:
        """Generate ``new_tokens`` for every chat, greedily, with ``in_flight`` of them running throughout."""
        waiting = deque(
            self._tokenizer.apply_chat_template(chat, add_generation_prompt=True) for chat in chats
        )
        config = genai.GenerationConfig(
            apply_chat_template=False, do_sample=False, max_new_tokens=new_tokens, ignore_eos=True
        )
        running: list[tuple[GenerationHandle, dict[str, float]]] = []
        samples: list[dict[str, float]] = []
        while waiting or running:
            while waiting and len(running) < in_flight:
                self._next_id += 1
                sample = {"sent": perf_counter(), "first": 0.0, "last": 0.0, "completion_tokens": 0}
                handle = self._pipeline.add_request(self._next_id, waiting.popleft(), config)
                running.append((handle, sample))
                samples.append(sample)
            self._pipeline.step()
            now = perf_counter()
            for handle, sample in running:
                while handle.can_read():
                    sample["completion_tokens"] += sum(
                        len(out.generated_ids) for out in handle.read().values()
                    )
                    sample["first"] = sample["first"] or now
                    sample["last"] = now
            running = [each for each in running if each[0].get_status() == genai.GenerationStatus.RUNNING]
        return samples


def main() -> None:
    """Serve commands from standard input until it ends."""
    bare = Bare(Path(sys.argv[1]))
    print("ready", flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        answer = bare.lengths(command["texts"]) if "texts" in command else bare.run(**command)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()

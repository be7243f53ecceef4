"""Machine words for compiled loops: reads at an address, marks of many bytes at once, bit counts.

Memory is named by its address, an int64, and not handed on as an array: an array costs a count of its
users in every function it passes through, more than these functions do.  A caller owns the memory it
names and sees to it that 64 bytes beyond the last one read are its own.
Only the compiled modules import this one: it imports numba.
"""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType
from typing import Any, TypeVar, cast
from zlib import crc32

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

_I1, _I8, _I64 = ir.IntType(1), ir.IntType(8), ir.IntType(64)
_BYTES64 = ir.VectorType(_I8, 64)
Word = Any  # a uint64; what numpy says of its operators is too loose to say more
_Function = TypeVar("_Function", bound=Callable[..., Any])


class _Sources:
    """Checksums of what is compiled: of a function, the numbers it names and all that it calls of this kind.

    numba keeps a kernel in its cache as long as the kernel's own file is as it was, and does not see a
    change of what was compiled into it from another.  So the checksum is a part of the kernel's name.  It
    depends on what the kernel is made of alone, not on what was imported before it.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[object, int]] = {}  # by the id of what a function was made into

    def add(self, function: Callable[..., Any]) -> str:
        """Return the checksum of a function, to be told with what it is made into to ``made``."""
        code = function.__code__
        named = [function.__globals__.get(name) for name in code.co_names]
        values = [repr(value) for value in named if isinstance(value, int | float | np.generic)]
        values += [value.tobytes().hex() for value in named if isinstance(value, np.ndarray)]
        called = [self._known[id(value)][1] for value in named if id(value) in self._known]
        return f"{crc32(repr((_text(code), values, called)).encode()):08x}"

    def made(self, into: object, checksum: str) -> None:
        self._known[id(into)] = (into, int(checksum, 16))


def _text(code: CodeType) -> tuple[object, ...]:
    """Return what a function does, whatever it is called and wherever it stands."""
    consts = [
        _text(const) if isinstance(const, CodeType) else repr(const)
        for const in code.co_consts
        if not isinstance(const, str)
    ]
    return code.co_code, code.co_names, consts


_sources = _Sources()


def compiled(*signature: Any) -> Callable[[_Function], _Function]:
    """Compile for these argument types at import, or load from the cache; without them where it is called."""

    def compile_it(function: _Function) -> _Function:
        checksum = _sources.add(function)
        function.__qualname__ = f"{function.__name__}_{checksum}"
        make: Any = njit
        kernel = make(*signature, cache=True, error_model="numpy")(function)
        _sources.made(kernel, checksum)
        return cast(_Function, kernel)

    return compile_it


def inlined(function: _Function) -> _Function:
    """Compile into whatever calls it."""
    part = njit(function, error_model="numpy", forceinline=True)
    _sources.made(part, _sources.add(function))
    return cast(_Function, part)


def _instruction(make: Callable[..., Any]) -> Any:
    one = intrinsic(make)
    _sources.made(one, _sources.add(make))
    return one


def _pointer(builder: Any, address: Any, kind: Any) -> Any:
    return builder.inttoptr(address, kind.as_pointer())


def _load(builder: Any, address: Any, kind: Any) -> Any:
    value = builder.load(_pointer(builder, address, kind))
    value.align = 1
    return value


def _splat(value: int) -> Any:
    return ir.Constant(_BYTES64, [ir.Constant(_I8, value)] * 64)


def _byte(typing: Any, address: Any) -> Any:  # noqa: ARG001 - numba calls with its context
    """byte(address) -> int64: the byte there."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return builder.zext(_load(builder, args[0], _I8), _I64)

    return types.int64(types.int64), generate


byte: Callable[[int], int] = _instruction(_byte)


def _word(typing: Any, address: Any) -> Any:  # noqa: ARG001
    """word(address) -> uint64: the eight bytes there, the first one lowest."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return _load(builder, args[0], _I64)

    return types.uint64(types.int64), generate


word: Callable[[int], Word] = _instruction(_word)


def _other_than_digits(typing: Any, address: Any) -> Any:  # noqa: ARG001
    """other_than_digits(address) -> uint64: bit i is set where byte i is no ASCII digit."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        offset = builder.sub(_load(builder, args[0], _BYTES64), _splat(ord("0")))
        return builder.bitcast(builder.icmp_unsigned(">", offset, _splat(9)), _I64)

    return types.uint64(types.int64), generate


other_than_digits: Callable[[int], Word] = _instruction(_other_than_digits)


def _other_than_text(typing: Any, address: Any) -> Any:  # noqa: ARG001
    """other_than_text(address) -> uint64: bit i is set where byte i is no plain character of a JSON text.

    Plain are the printable ASCII characters but the quote and the backslash.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        chars = _load(builder, args[0], _BYTES64)
        beyond = builder.icmp_unsigned(">", builder.sub(chars, _splat(0x20)), _splat(0x5E))
        quote = builder.icmp_unsigned("==", chars, _splat(ord('"')))
        escape = builder.icmp_unsigned("==", chars, _splat(ord("\\")))
        return builder.bitcast(builder.or_(beyond, builder.or_(quote, escape)), _I64)

    return types.uint64(types.int64), generate


other_than_text: Callable[[int], Word] = _instruction(_other_than_text)


def _lowest_bit(typing: Any, bits: Any) -> Any:  # noqa: ARG001
    """lowest_bit(bits) -> int64: the place of the lowest bit set, 64 for none."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return builder.cttz(args[0], ir.Constant(_I1, 0))

    return types.int64(types.uint64), generate


lowest_bit: Callable[[Word], int] = _instruction(_lowest_bit)


def _bits_set(typing: Any, bits: Any) -> Any:  # noqa: ARG001
    """bits_set(bits) -> int64: how many bits are set."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return builder.ctpop(args[0])

    return types.int64(types.uint64), generate


bits_set: Callable[[Word], int] = _instruction(_bits_set)


def _address_of(typing: Any, buffer: Any) -> Any:  # noqa: ARG001
    """address_of(bytes or array) -> int64: where its contents lie."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        held = cgutils.create_struct_proxy(signature.args[0])(context, builder, args[0])  # type: ignore[no-untyped-call]
        return builder.ptrtoint(held.data, _I64)

    return types.int64(buffer), generate


address_of: Callable[[Any], int] = _instruction(_address_of)


def _copy_bytes(typing: Any, to: Any, source: Any, count: Any) -> Any:  # noqa: ARG001
    """copy_bytes(to, source, count): copy between addresses that do not overlap."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        to, source, count = args
        cgutils.raw_memcpy(builder, _pointer(builder, to, _I8), _pointer(builder, source, _I8), count, 1)  # type: ignore[no-untyped-call]
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


copy_bytes: Callable[[int, int, int], None] = _instruction(_copy_bytes)


def _clear_64(typing: Any, address: Any) -> Any:  # noqa: ARG001
    """clear_64(address): set 64 bytes to zero."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        stored = builder.store(_splat(0), _pointer(builder, args[0], _BYTES64))
        stored.align = 1
        return context.get_dummy_value()

    return types.void(types.int64), generate


clear_64: Callable[[int], None] = _instruction(_clear_64)


def _cell(typing: Any, block: Any, index: Any) -> Any:  # noqa: ARG001
    """cell(block, index) -> int64: one of the int64 that begin at the address ``block``."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return builder.load(builder.gep(_pointer(builder, args[0], _I64), [args[1]]))

    return types.int64(types.int64, types.int64), generate


cell: Callable[[int, int], int] = _instruction(_cell)


def _set_cell(typing: Any, block: Any, index: Any, value: Any) -> Any:  # noqa: ARG001
    """set_cell(block, index, value): set one of the int64 that begin at the address ``block``."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        builder.store(args[2], builder.gep(_pointer(builder, args[0], _I64), [args[1]]))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


set_cell: Callable[[int, int, int], None] = _instruction(_set_cell)


def _float_cell(typing: Any, block: Any, index: Any) -> Any:  # noqa: ARG001
    """float_cell(block, index) -> float64: a cell read as a float."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return builder.load(builder.gep(_pointer(builder, args[0], ir.DoubleType()), [args[1]]))

    return types.float64(types.int64, types.int64), generate


float_cell: Callable[[int, int], float] = _instruction(_float_cell)


def _set_float_cell(typing: Any, block: Any, index: Any, value: Any) -> Any:  # noqa: ARG001
    """set_float_cell(block, index, value): set a cell to a float."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        builder.store(args[2], builder.gep(_pointer(builder, args[0], ir.DoubleType()), [args[1]]))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.float64), generate


set_float_cell: Callable[[int, int, float], None] = _instruction(_set_float_cell)


def _prefetch(typing: Any, address: Any) -> Any:  # noqa: ARG001
    """prefetch(address): ask for the cache line there, which will be read soon."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        kind = ir.FunctionType(
            ir.VoidType(), [_I8.as_pointer(), ir.IntType(32), ir.IntType(32), ir.IntType(32)]
        )
        name = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")  # type: ignore[no-untyped-call]
        hints = [ir.Constant(ir.IntType(32), hint) for hint in (0, 3, 1)]
        builder.call(name, [_pointer(builder, args[0], _I8), *hints])
        return context.get_dummy_value()

    return types.void(types.int64), generate


prefetch: Callable[[int], None] = _instruction(_prefetch)

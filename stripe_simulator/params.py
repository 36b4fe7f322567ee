"""Form-encoded parameters: parsing, and checking against the SDK's own ``stripe.params`` TypedDicts.

The SDK's request classes are generated from Stripe's OpenAPI description. Three traps are handled here:
enum fields are typed ``Literal[...] | str`` (the ``| str`` is dropped, or every wrong value would pass);
free-form maps name ``UntypedStripeObject`` (read as a map of strings); and request options (``api_key``
and so on) are inherited by each class but are no parameters.
"""

from __future__ import annotations

import re
import sys
import types
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, ForwardRef, Literal, NotRequired, Required, Union, get_args, get_origin

from stripe._request_options import RequestOptions
from stripe._stripe_object import UntypedStripeObject
from typing_extensions import is_typeddict

from .errors import InvalidParameters, missing

MAX_PAIRS = 2000
MAX_DEPTH = 12
_OPTIONS = frozenset(RequestOptions.__annotations__)
_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_PART = re.compile(r"\[([^\[\]]*)\]")
_INTEGER = re.compile(r"-?[0-9]{1,18}")


def parse_form(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Nested maps from ``a[b][0][c]=v`` pairs. Lists stay maps with number keys until their type is known."""
    root: dict[str, Any] = {}
    for count, (key, value) in enumerate(pairs):
        if count >= MAX_PAIRS:
            raise InvalidParameters("Too many parameters.")
        match = _KEY.fullmatch(key)
        if match is None:
            raise InvalidParameters(f"Received unknown parameter: {key}", code="parameter_unknown", param=key)
        path = [match[1], *_PART.findall(match[2])]
        if len(path) > MAX_DEPTH:
            raise InvalidParameters("Parameters are nested too deeply.", param=match[1])
        node = root
        for part in path[:-1]:
            node = node.setdefault(part or str(len(node)), {})
            if not isinstance(node, dict):
                raise InvalidParameters("Invalid parameter: both a value and a map.", param=match[1])
        last = path[-1] or str(len(node))
        if isinstance(node.get(last), dict):
            raise InvalidParameters("Invalid parameter: both a value and a map.", param=match[1])
        node[last] = value
    return root


def _evaluate(hint: Any, names: dict[str, Any]) -> Any:
    """Resolve forward references one level at a time, in the module that wrote them."""
    while isinstance(hint, str | ForwardRef) or get_origin(hint) in (NotRequired, Required):
        if isinstance(hint, str | ForwardRef):
            text = hint if isinstance(hint, str) else hint.__forward_arg__
            hint = eval(text, names)
        else:
            hint = get_args(hint)[0]
    return hint


@cache
def fields(schema: type) -> dict[str, tuple[Any, bool]]:
    """Name -> (type, required) of one TypedDict of the SDK."""
    names = vars(sys.modules[schema.__module__])
    required: frozenset[str] = getattr(schema, "__required_keys__", frozenset())
    own = {key: hint for key, hint in schema.__annotations__.items() if key not in _OPTIONS}
    return {key: (_evaluate(hint, names), key in required) for key, hint in own.items()}


def _options(hint: Any, names: dict[str, Any]) -> list[Any]:
    """The members of a union, with ``| str`` dropped beside an enum."""
    hint = _evaluate(hint, names)
    if get_origin(hint) not in (Union, types.UnionType):
        return [hint]
    found: list[Any] = []
    for member in get_args(hint):
        found.extend(_options(member, names))
    enum = any(get_origin(m) is Literal and set(get_args(m)) != {""} for m in found)
    return [m for m in found if not (enum and m is str) and m is not type(None)]


def _map_type(hint: Any) -> bool:
    return get_origin(hint) in (dict, UntypedStripeObject) or hint in (dict, UntypedStripeObject)


def check(schema: type, given: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """The parameters with their real types, or Stripe's refusal of the first fault."""
    known = fields(schema)
    names = vars(sys.modules[schema.__module__])
    result: dict[str, Any] = {}
    for key, value in given.items():
        param = f"{prefix}[{key}]" if prefix else key
        if key not in known:
            raise InvalidParameters(
                f"Received unknown parameter: {param}", code="parameter_unknown", param=param
            )
        result[key] = _convert(_options(known[key][0], names), value, param, names)
    for key, (_, required) in known.items():
        if required and key not in given:
            raise missing(f"{prefix}[{key}]" if prefix else key)
    return result


def _convert(options: list[Any], value: Any, param: str, names: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        for option in options:
            if is_typeddict(option):
                return check(option, value, param)
            if get_origin(option) is list:
                return _items(option, value, param, names)
            if _map_type(option):
                return _free_map(value, param)
        raise InvalidParameters(
            "Invalid string: a map was given." if str in options else "Invalid value.", param=param
        )
    literals = [v for option in options if get_origin(option) is Literal for v in get_args(option)]
    if value in literals:
        return value
    if value == "" and str not in options:
        raise InvalidParameters(
            f"You passed an empty string for '{param}'. We assume empty values are an attempt to unset a "
            f"parameter; however '{param}' cannot be unset. You should remove '{param}' from your request "
            "or supply a non-empty value.",
            code="parameter_invalid_empty",
            param=param,
        )
    for option in options:
        if option is bool and value in ("true", "false"):
            return value == "true"
        if option is int and _INTEGER.fullmatch(value):
            return int(value)
        if option is str:
            return value
        if option in (float, Decimal):
            try:
                return Decimal(value)
            except InvalidOperation:
                continue
    raise _wrong(options, literals, value, param)


def _wrong(options: list[Any], literals: list[Any], value: str, param: str) -> InvalidParameters:
    if int in options:
        return InvalidParameters(f"Invalid integer: {value}", code="parameter_invalid_integer", param=param)
    if bool in options:
        return InvalidParameters(f"Invalid boolean: {value}", param=param)
    if any(get_origin(option) is list for option in options):
        return InvalidParameters("Invalid array", param=param)
    if any(is_typeddict(option) or _map_type(option) for option in options):
        return InvalidParameters("Invalid object", param=param)
    if choices := [str(v) for v in literals if v != ""]:
        name = param.rsplit("[", 1)[-1].rstrip("]")
        listed = choices[0] if len(choices) == 1 else f"{', '.join(choices[:-1])}, or {choices[-1]}"
        return InvalidParameters(f"Invalid {name}: must be one of {listed}", param=param)
    return InvalidParameters(f"Invalid value: {value}", param=param)


def _items(hint: Any, value: dict[str, Any], param: str, names: dict[str, Any]) -> list[Any]:
    if not all(key.isascii() and key.isdigit() for key in value):
        raise InvalidParameters("Invalid array", param=param)
    options = _options(get_args(hint)[0], names)
    ordered = sorted(value.items(), key=lambda pair: int(pair[0]))
    return [_convert(options, item, f"{param}[{index}]", names) for index, (_, item) in enumerate(ordered)]


def _free_map(value: dict[str, Any], param: str) -> dict[str, str]:
    """Metadata and the like: text to text, within Stripe's limits (API reference, "Metadata")."""
    if len(value) > 50:
        raise InvalidParameters("Metadata can have up to 50 keys.", param=param)
    for key, item in value.items():
        if not isinstance(item, str):
            raise InvalidParameters("Invalid string: metadata values are text.", param=f"{param}[{key}]")
        if len(key) > 40:
            raise InvalidParameters(f"Metadata keys can have up to 40 characters: {key}", param=param)
        if len(item) > 500:
            raise InvalidParameters(
                f"Metadata values can have up to 500 characters, but you passed in a value that is "
                f"{len(item)} characters.",
                param=f"{param}[{key}]",
            )
    return dict(value)


def leaves(value: Any, path: str = "") -> Iterator[str]:
    """Dotted paths of everything given, list positions written ``*`` (an empty list or map counts itself)."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value:
        for item in value:
            yield from leaves(item, f"{path}.*")
    else:
        yield path

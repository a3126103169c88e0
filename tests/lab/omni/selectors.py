"""Label selectors: ``rack = r1, !spare, cores >= 32, platform in (metal, aws)``; all terms must be true."""

from __future__ import annotations

import re
import typing as t

from .calls import ApiError

_TERM = re.compile(r"(!?)([\w./-]+)\s*(?:(==|=|!=|<=|>=|<|>|notin|in)\s*(.*))?")
_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}
_COMPARISONS: dict[str, t.Callable[[float, float], bool]] = {
    "<": lambda has, than: has < than,
    "<=": lambda has, than: has <= than,
    ">": lambda has, than: has > than,
    ">=": lambda has, than: has >= than,
}


def parse(text: str) -> t.Callable[[dict], bool]:
    """The question to labels that a selector stands for."""
    terms = [_term(part.strip()) for part in re.split(r",(?![^()]*\))", text)] if text else []
    return lambda labels: all(term(labels) for term in terms)


def _term(text: str) -> t.Callable[[dict], bool]:
    if not text:
        raise ApiError(3, "found ',', expected: identifier after ','")
    match = _TERM.fullmatch(text)
    if not match:
        raise ApiError(3, f"unable to parse term: found '{text[:1]}', expected: identifier")
    missing, name, operator, value = match.groups()
    if value and value[0] in "=!<>":
        raise ApiError(3, f"unable to parse term: found '{value[0]}', expected: identifier")
    if missing:
        return lambda labels: name not in labels
    if operator is None:
        return lambda labels: name in labels
    if operator in _COMPARISONS:
        return lambda labels: name in labels and _compared(operator, labels[name], value)
    values = [part.strip() for part in value.strip("()").split(",")] if "in" in operator else [value.strip()]
    if operator in ("in", "=", "=="):
        return lambda labels: labels.get(name) in values
    return lambda labels: labels.get(name) not in values


def _compared(operator: str, has: str, than: str) -> bool:
    """By size where both are sizes."""
    sizes = [_size(text) for text in (has, than)]
    return None not in sizes and _COMPARISONS[operator](*sizes)


def _size(text: str) -> float | None:
    match = re.fullmatch(r"([0-9.]+)\s*([A-Za-z]*)", text.strip())
    return float(match.group(1)) * _UNITS[match.group(2).upper()] if match and match.group(2).upper() in _UNITS else None

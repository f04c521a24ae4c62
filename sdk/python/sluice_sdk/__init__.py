"""Write Sluice policies in Python. What a policy does not answer is denied, and so is what it raises at.

The types are those of the contract (wit/policy.wit says what each field means), made by componentize-py.
"""

from collections.abc import Callable, Sequence
from typing import Any

from componentize_py_types import Err
from wit_world.imports import facts
from wit_world.imports.types import (
    Chunk,
    Column,
    Decision,
    Denial,
    DerivedRule,
    Effect,
    Effect_Allow,
    Effect_Deny,
    Effect_Hold,
    FilterRule,
    Hold,
    Mask,
    Mask_Custom,
    Mask_Fixed,
    Mask_KeepFirst,
    Mask_KeepLast,
    Mask_KeyedHash,
    Mask_Null,
    Protection,
    Recording,
    ResultColumn,
    Reuse,
    SessionDecision,
)

from .settings import Settings, SettingsError
from .values import Values

__all__ = [
    "Chunk",
    "Column",
    "Decision",
    "DerivedRule",
    "Effect",
    "FilterRule",
    "Mask",
    "Mask_Custom",
    "Mask_Fixed",
    "Mask_KeepFirst",
    "Mask_KeepLast",
    "Mask_KeyedHash",
    "Mask_Null",
    "Policy",
    "Protection",
    "Recording",
    "ResultColumn",
    "Reuse",
    "SessionDecision",
    "Settings",
    "SettingsError",
    "Values",
    "admit",
    "allow",
    "decide",
    "deny",
    "exports",
    "facts",
    "hold",
    "is_member",
    "protect",
]


def is_member(group: str) -> bool:
    """True for a member of the group."""
    return group in facts.groups()


def allow() -> Effect:
    """It may."""
    return Effect_Allow()


def deny(reason: str, hint: str = "") -> Effect:
    """It may not: why, in a sentence for the client, and what would be allowed instead."""
    return Effect_Deny(Denial(reason, hint))


def hold(reason: str, approvers: Sequence[str], approvals: int = 1, ttl_seconds: int = 15 * 60) -> Effect:
    """It waits for members of these groups to approve."""
    return Effect_Hold(Hold(reason, list(approvers), approvals, ttl_seconds))


def protect(
    column: Column,
    mask: Mask,
    derived: DerivedRule = DerivedRule.DENY,
    filter: FilterRule = FilterRule.DENY,
) -> Protection:
    """Masks a column; expressions, copies and filters over it are refused unless the rules say otherwise."""
    return Protection(column.relation_oid, column.attribute, mask, derived, filter)


def decide(
    effect: Effect,
    protections: Sequence[Protection] = (),
    recording: Recording = Recording.STATEMENT,
    reuse: Reuse = Reuse.ONCE,
    note: str = "",
) -> Decision:
    """An answer to `decide`. `Reuse.SHAPE` is right where neither text nor parameters matter, and costs the least."""
    return Decision(effect, list(protections), recording, reuse, note)


def admit(
    effect: Effect, protections: Sequence[Protection] = (), trusted: Sequence[str] = ()
) -> SessionDecision:
    """An answer to `session`."""
    return SessionDecision(effect, list(protections), list(trusted))


class Policy:
    """A policy, made from its settings. What its constructor raises keeps it from taking effect."""

    def __init__(self, settings: Settings) -> None:
        raise NotImplementedError

    def session(self) -> SessionDecision:
        """May this identity open this database, and which columns are protected from it?"""
        return admit(deny("this policy admits no session"))

    def decide(self) -> Decision:
        """May this request run?"""
        return decide(deny("this policy allows no request"))

    def transform(self, column: ResultColumn, values: Values) -> Values:
        """Replaces the values of one column that is protected by `Mask_Custom`. What it raises withholds the rows."""
        raise NotImplementedError


def exports(configure: Callable[[Settings], Policy]) -> tuple[Any, Any]:
    """What the gateway calls: `Hooks, Transform = exports(MyPolicy)` in app.py."""
    made: list[Policy] = []

    class Hooks:
        def configure(self, settings: str) -> None:
            try:
                made[:] = [configure(Settings(settings))]
            except Exception as error:
                raise Err(str(error) or type(error).__name__) from None

        def session(self) -> SessionDecision:
            try:
                return made[0].session()
            except Exception:
                return admit(deny("the policy failed"))

        def decide(self) -> Decision:
            try:
                return made[0].decide()
            except Exception:
                return decide(deny("the policy failed"))

    class Transform:
        def batch(self, columns: list[ResultColumn], chunks: list[Chunk]) -> list[Chunk]:
            try:
                return [self.one(column, chunk) for column, chunk in zip(columns, chunks, strict=True)]
            except Exception:
                raise Err("the transform failed") from None

        def one(self, column: ResultColumn, chunk: Chunk) -> Chunk:
            values = made[0].transform(column, Values(chunk))
            if len(values) != len(chunk.offsets) - 1:
                raise ValueError("the number of rows changed")
            return values.chunk

    return Hooks, Transform

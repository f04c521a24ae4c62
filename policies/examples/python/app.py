"""Masks e-mail addresses for the members of a group; refuses UPDATE and DELETE of whole tables; holds DDL."""

import re

from sluice_sdk import (
    Column,
    Decision,
    Mask_Custom,
    Mask_Null,
    Policy,
    ResultColumn,
    Reuse,
    SessionDecision,
    Settings,
    Values,
    admit,
    allow,
    decide,
    deny,
    exports,
    facts,
    hold,
    is_member,
    protect,
)

ADDRESS = re.compile(rb"(.+)(@[A-Za-z0-9.-]+)", re.DOTALL)
# The bytes that go on with a character.
REST = bytes(range(0x80, 0xC0))


class MaskAddresses(Policy):
    def __init__(self, settings: Settings) -> None:
        self.columns = set(settings.texts("columns"))
        self.group = settings.text("group")
        self.approvers = settings.texts("approvers", ["dba"])
        settings.end()

    def session(self) -> SessionDecision:
        if not is_member(self.group):
            return admit(allow())
        named = [column for column in facts.catalog() if column.name in self.columns]
        for column in named:
            facts.transform_by(column.relation_oid, column.attribute, 0)
        masks = [Mask_Custom() if is_text(column) else Mask_Null() for column in named]
        return admit(allow(), list(map(protect, named, masks)))

    def decide(self) -> Decision:
        statements = facts.statements()
        for statement in statements:
            if statement.restriction in ("none", "always-true"):
                reason = f"{statement.kind.upper()} without a condition would change every row"
                return decide(deny(reason, "Say which rows by WHERE."), reuse=Reuse.SHAPE)
        # It is held when it runs; preparing it changes nothing.
        if any(statement.class_ == "define" for statement in statements) and facts.executing():
            return decide(hold("it changes the schema", self.approvers), reuse=Reuse.SHAPE)
        return decide(allow(), reuse=Reuse.SHAPE)

    def transform(self, column: ResultColumn, values: Values) -> Values:
        return values.map(mask_address)


def is_text(column: Column) -> bool:
    """Other types have no room for stars."""
    name = column.type_name
    return (name == "text" or name.startswith("character varying")) and not name.endswith("]")


def characters(value: bytes) -> int:
    return len(value.translate(None, REST))


def mask_address(value: bytes) -> bytes:
    """ada@example.com -> a**@example.com; what is no address is all stars."""
    address = ADDRESS.fullmatch(value)
    if address is None:
        return b"*" * characters(value)
    mailbox, domain = address.groups()
    count = characters(mailbox)
    if count == 1:
        return b"*" + domain
    end = 1
    while mailbox[end] & 0xC0 == 0x80:
        end += 1
    return mailbox[:end] + b"*" * (count - 1) + domain


Hooks, Transform = exports(MaskAddresses)

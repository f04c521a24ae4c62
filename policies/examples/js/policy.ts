// Masks e-mail addresses for the members of a group; refuses UPDATE and DELETE of whole tables; holds DDL.

import type { Bytes, Column, Decision, Facts, ResultColumn, SessionDecision, Settings, Values } from "sluice-sdk";
import { allow, characters, deny, hold, isMember, masks, policy, protect } from "sluice-sdk";

const AT = 0x40;

/** True at each byte that may be in a domain. A table is faster than a function. */
const inDomain = Array.from({ length: 256 }, (_, byte) => /[A-Za-z0-9.-]/.test(String.fromCharCode(byte)));

class MaskAddresses {
    readonly #columns: Set<string>;
    readonly #group: string;
    readonly #approvers: string[];

    constructor(settings: Settings) {
        this.#columns = new Set(settings.texts("columns"));
        this.#group = settings.text("group");
        this.#approvers = settings.texts("approvers", ["dba"]);
        settings.end();
    }

    session(facts: Facts): SessionDecision {
        if (!isMember(facts, this.#group)) return { effect: allow() };
        const named = facts.catalog().filter((column) => this.#columns.has(column.name));
        for (const { relationOid, attribute } of named) facts.transformBy(relationOid, attribute, 0);
        const protections = named.map((column) => protect(column, isText(column) ? masks.custom : masks.null));
        return { effect: allow(), protections };
    }

    decide(facts: Facts): Decision {
        const statements = facts.statements();
        const whole = statements.find(({ restriction }) => restriction === "none" || restriction === "always-true");
        if (whole !== undefined) {
            const reason = `${whole.kind.toUpperCase()} without a condition would change every row`;
            return { effect: deny(reason, "Say which rows by WHERE."), reuse: "shape" };
        }
        // It is held when it runs; preparing it changes nothing.
        if (statements.some((statement) => statement.class === "define") && facts.executing()) {
            return { effect: hold("it changes the schema", this.#approvers), reuse: "shape" };
        }
        return { effect: allow(), reuse: "shape" };
    }

    transform(_column: ResultColumn, values: Values): Values {
        return values.map(maskAddress);
    }
}

/** Other types have no room for stars. */
function isText({ typeName }: Column): boolean {
    return (typeName === "text" || typeName.startsWith("character varying")) && !typeName.endsWith("]");
}

/** ada@example.com -> a**@example.com; what is no address is all stars. */
function maskAddress(data: Uint8Array, start: number, end: number, out: Bytes): void {
    let domain = end;
    while (domain > start && inDomain[data[domain - 1]!]) domain--;
    const at = domain - 1;
    if (domain === end || at <= start || data[at] !== AT) {
        out.stars(characters(data, start, end));
        return;
    }
    let first = start + 1;
    while (first < at && (data[first]! & 0xc0) === 0x80) first++;
    if (first < at) out.copy(data, start, first).stars(characters(data, first, at));
    else out.stars(1);
    out.copy(data, at, end);
}

export const { hooks, transform } = policy((settings) => new MaskAddresses(settings));

/// <reference path="./contract.d.ts" />
// Write Sluice policies in TypeScript or JavaScript. What a policy does not answer is denied, and so is what it throws
// at.

import host from "sluice:policy/facts@0.1.0";
import type { Chunk } from "./values.ts";
import { Bytes, Values, characters } from "./values.ts";
import { Settings } from "./settings.ts";

export { Bytes, Settings, Values, characters };
export type { Chunk };

// ---- What is asked ----

export interface Column {
    relationOid: number;
    attribute: number;
    schema: string;
    relation: string;
    name: string;
    typeName: string;
}

export interface ColumnUse {
    column: Column;
    used: "projected" | "derived" | "whole-row" | "filtered" | "ordered" | "copied" | "written";
    statement: number;
}

export interface RelationUse {
    oid: number | null;
    schema: string;
    name: string;
    access: "read" | "insert" | "update" | "delete" | "truncate" | "define";
    statement: number;
}

export interface Statement {
    kind: string;
    class: "read" | "write" | "define" | "session" | "transaction" | "utility";
    restriction: "" | "none" | "always-true" | "some" | "key";
}

export interface FunctionUse {
    schema: string;
    name: string;
    statement: number;
}

export interface OpaquePart {
    reason: string;
    detail: string;
    statement: number;
}

export interface ResultColumn {
    position: number;
    column: Column;
    typeOid: number;
    binary: boolean;
}

/** What is known when a hook runs. Each call asks the gateway: ask once and keep the answer. */
export type Facts = typeof host;

/** True for a member of the group. */
export function isMember(facts: Pick<Facts, "groups">, group: string): boolean {
    return facts.groups().includes(group);
}

// ---- What is answered ----

export type Mask =
    | { tag: "null" }
    | { tag: "fixed"; val: string }
    | { tag: "keep-first"; val: number }
    | { tag: "keep-last"; val: number }
    | { tag: "keyed-hash"; val: string }
    | { tag: "custom" };

/** The masks. All but `custom` are made by the gateway itself, which is far faster. */
export const masks = {
    null: { tag: "null" } as Mask,
    fixed: (text: string): Mask => ({ tag: "fixed", val: text }),
    keepFirst: (characters: number): Mask => ({ tag: "keep-first", val: characters }),
    keepLast: (characters: number): Mask => ({ tag: "keep-last", val: characters }),
    keyedHash: (key: string): Mask => ({ tag: "keyed-hash", val: key }),
    custom: { tag: "custom" } as Mask,
};

export interface Protection {
    relationOid: number;
    attribute: number;
    mask: Mask;
    derived: "deny" | "hold" | "null";
    filter: "deny" | "equality" | "allow";
}

/** Masks a column; expressions, copies and filters over it are refused unless the rules say otherwise. */
export function protect(
    column: Column,
    mask: Mask,
    rules: Partial<Pick<Protection, "derived" | "filter">> = {},
): Protection {
    const { relationOid, attribute } = column;
    return { relationOid, attribute, mask, derived: "deny", filter: "deny", ...rules };
}

export type Effect =
    | { tag: "allow" }
    | { tag: "deny"; val: { reason: string; hint: string } }
    | { tag: "hold"; val: { reason: string; approvers: string[]; approvals: number; ttlSeconds: number } };

/** The answer to `decide`. What is left out: no protections, the statement alone recorded, no reuse, no note. */
export interface Decision {
    effect: Effect;
    protections?: Protection[];
    recording?: "statement" | "results";
    /** "shape" is right where neither text nor parameters matter, and costs the least. */
    reuse?: "once" | "text" | "shape";
    note?: string;
}

/** The answer to `session`. */
export interface SessionDecision {
    effect: Effect;
    protections?: Protection[];
    /** Functions and relations that may be used although nobody knows what they do. */
    trusted?: string[];
}

export function allow(): Effect {
    return { tag: "allow" };
}

/** Says why, in a sentence for the client, and what would be allowed instead. */
export function deny(reason: string, hint = ""): Effect {
    return { tag: "deny", val: { reason, hint } };
}

/** Waits for one member of these groups, for a quarter of an hour unless more is said. */
export function hold(
    reason: string,
    approvers: string[],
    { approvals = 1, ttlSeconds = 15 * 60 }: { approvals?: number; ttlSeconds?: number } = {},
): Effect {
    return { tag: "hold", val: { reason, approvers, approvals, ttlSeconds } };
}

// ---- A policy ----

export interface Policy {
    /** May this identity open this database, and which columns are protected from it? */
    session?(facts: Facts): SessionDecision;
    /** May this request run? */
    decide?(facts: Facts): Decision;
    /** Replaces the values of one column that is protected by `masks.custom`. What it throws withholds the rows. */
    transform?(column: ResultColumn, values: Values): Values;
}

/**
 * Makes of a policy what the gateway calls: `export const { hooks, transform } = policy((settings) => ...)`. What
 * `configure` throws keeps the policy from taking effect, in its own words.
 */
export function policy(configure: (settings: Settings) => Policy) {
    let made: Policy | undefined;

    const hooks = {
        configure(text: string): void {
            try {
                made = configure(new Settings(text));
            } catch (error) {
                throw error instanceof Error ? error.message : String(error);
            }
        },
        session(): Required<SessionDecision> {
            const answer = attempt(() => made?.session?.(host)) ?? { effect: deny("this policy admits no session") };
            return { protections: [], trusted: [], ...answer };
        },
        decide(): Required<Decision> {
            const answer = attempt(() => made?.decide?.(host)) ?? { effect: deny("this policy allows no request") };
            return { protections: [], recording: "statement", reuse: "once", note: "", ...answer };
        },
    };

    const transform = {
        batch(columns: ResultColumn[], chunks: Chunk[]): Chunk[] {
            return chunks.map((chunk, index) => {
                const column = columns[index];
                if (made?.transform === undefined || column === undefined) throw "this policy transforms nothing";
                const values = attempt(() => made?.transform?.(column, new Values(chunk)));
                if (values?.length !== chunk.offsets.length - 1) throw "the transform failed";
                return values.chunk;
            });
        },
    };

    return { hooks, transform };
}

/** Nothing where it throws: then the answer is no. */
function attempt<T>(run: () => T): T | undefined {
    try {
        return run();
    } catch {
        return undefined;
    }
}

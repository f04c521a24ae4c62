// The contract sluice:policy@0.1.0 as the JavaScript engine shows it; wit/policy.wit says what each field means.

declare module "sluice:policy/facts@0.1.0" {
    import type { Column, ColumnUse, FunctionUse, OpaquePart, RelationUse, Statement } from "sluice-sdk";

    const facts: {
        subject(): string;
        issuer(): string;
        email(): string | null;
        groups(): string[];
        /** A claim of the token as JSON text. */
        claim(name: string): string | null;
        actors(): string[];
        database(): string;
        application(): string;
        /** In `session` only; empty elsewhere. */
        catalog(): Column[];
        /** In `decide` only; empty elsewhere, as what follows. */
        statements(): Statement[];
        relations(): RelationUse[];
        columns(): ColumnUse[];
        functions(): FunctionUse[];
        opaque(): OpaquePart[];
        text(): string;
        parameters(): (string | null)[];
        /** False while the statement is only being prepared: it is decided again before it runs. */
        executing(): boolean;
        /** For each statement, what restricts the rows that the client gets of it; "" where it is no query. */
        rowRestrictions(): ("" | "none" | "always-true" | "some" | "key")[];
        /** Those uses of columns whose column some policy protects from this session. */
        protectedColumns(): ColumnUse[];
        /**
         * In `session` and `decide`: by which rule a column is transformed that is protected by `masks.custom`, a number of
         * the policy's own. A value that belongs to columns of several rules is NULL; where nothing is said of a column,
         * its name stands for the rule.
         */
        transformBy(relationOid: number, attribute: number, rule: number): void;
        /** In `transform`: the rule of the column at this position, if one was said. */
        transformedBy(position: number): number | null;
    };
    export default facts;
}

// Grants: the build must name the world "everything". What of it the operator does not grant fails when it is called,
// and refuses.

declare module "sluice:policy/grants@0.1.0" {
    const grants: {
        /** True where the interface of that name is granted. */
        granted(name: string): boolean;
    };
    export default grants;
}

declare module "sluice:policy/log@0.1.0" {
    const log: {
        /** Writes one line. The level is "debug", "info", "warn" or "error". */
        write(level: string, message: string): void;
    };
    export default log;
}

declare module "sluice:policy/clock@0.1.0" {
    const clock: {
        /** Milliseconds since 1970-01-01T00:00:00Z. */
        now(): number;
    };
    export default clock;
}

declare module "sluice:policy/counters@0.1.0" {
    const counters: {
        /** The sum of the window. */
        get(key: string, windowSeconds: number): number;
        /** Adds, whatever becomes of the request, and gives the sum of the window with it. */
        add(key: string, windowSeconds: number, amount: number): number;
        /** Adds where the sum stays within the limit; given back where the request does not run. */
        take(key: string, windowSeconds: number, amount: number, limit: number): boolean;
        /** In `decide`: ends results in place of the first row beyond the limit. A window of 0 is this request. */
        limitRows(
            key: string,
            windowSeconds: number,
            limit: number,
            counted: "every" | "protected",
            denial: { reason: string; hint: string },
        ): void;
    };
    export default counters;
}

declare module "sluice:policy/keyed@0.1.0" {
    const keyed: {
        /** What the mask `keyed-hash` makes of the text. */
        token(keyName: string, value: string): string;
    };
    export default keyed;
}

declare module "sluice:policy/tables@0.1.0" {
    const tables: {
        lookup(table: string, key: string): string | null;
        contains(table: string, key: string): boolean;
    };
    export default tables;
}

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
    };
    export default facts;
}

// Grants: the build must name the world "everything", and the operator must grant both.

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

// Settings, with errors that name the setting.

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** The settings of a policy, read one by one; `end` refuses those that nobody read. */
export class Settings {
    readonly #values: Map<string, Json>;
    readonly #read = new Set<string>();

    constructor(text: string) {
        let value: Json = null;
        try {
            value = JSON.parse(text) as Json;
        } catch {
            // Refused below.
        }
        if (typeof value !== "object" || value === null || Array.isArray(value)) {
            throw new Error("the settings are not a JSON object");
        }
        this.#values = new Map(Object.entries(value));
    }

    /** A setting as it is, where it is there. */
    json(name: string): Json | undefined {
        this.#read.add(name);
        return this.#values.get(name);
    }

    /** A text that is not empty. */
    text(name: string, otherwise?: string): string {
        const value = this.#values.has(name) ? this.json(name) : otherwise;
        if (!isText(value)) throw new Error(`${name}: a text is needed`);
        return value;
    }

    /** A list of texts, not empty. */
    texts(name: string, otherwise?: string[]): string[] {
        const value = this.#values.has(name) ? this.json(name) : otherwise;
        if (!Array.isArray(value) || value.length === 0 || !value.every(isText)) {
            throw new Error(`${name}: a list of texts is needed`);
        }
        return value;
    }

    /** Refuses a setting that was not read. */
    end(): void {
        for (const name of this.#values.keys()) {
            if (!this.#read.has(name)) throw new Error(`${name}: unknown setting`);
        }
    }
}

function isText(value: Json | undefined): value is string {
    return typeof value === "string" && value !== "";
}

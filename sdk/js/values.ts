// The values of one column of some rows.

/** As the contract passes them: value i is data[offsets[i]..offsets[i + 1]]; a bit of nulls a row, 1 is NULL. */
export interface Chunk {
    offsets: number[];
    nulls: Uint8Array;
    data: Uint8Array;
}

const STAR = 0x2a;

/** Bytes that grow. */
export class Bytes {
    #bytes: Uint8Array;
    #length = 0;

    constructor(capacity: number) {
        this.#bytes = new Uint8Array(capacity);
    }

    get length(): number {
        return this.#length;
    }

    /** What was appended. */
    view(): Uint8Array {
        return this.#bytes.subarray(0, this.#length);
    }

    /** Appends bytes of another array. */
    copy(from: Uint8Array, start = 0, end = from.length): this {
        const at = this.#grow(end - start);
        this.#bytes.set(start === 0 && end === from.length ? from : from.subarray(start, end), at);
        return this;
    }

    /** Appends that many stars. */
    stars(count: number): this {
        const at = this.#grow(count);
        this.#bytes.fill(STAR, at, at + count);
        return this;
    }

    /** Appends a text that is ASCII. */
    ascii(text: string): this {
        const at = this.#grow(text.length);
        for (let i = 0; i < text.length; i++) this.#bytes[at + i] = text.charCodeAt(i);
        return this;
    }

    #grow(by: number): number {
        const at = this.#length;
        this.#length += by;
        if (this.#length > this.#bytes.length) {
            const grown = new Uint8Array(this.#length * 2);
            grown.set(this.#bytes.subarray(0, at));
            this.#bytes = grown;
        }
        return at;
    }
}

/** The values of one column of some rows, as bytes: an object for each value would cost more than all the rest. */
export class Values {
    readonly chunk: Chunk;

    constructor(chunk: Chunk) {
        this.chunk = chunk;
    }

    /** How many there are. */
    get length(): number {
        return this.chunk.offsets.length - 1;
    }

    isNull(row: number): boolean {
        const { nulls } = this.chunk;
        return nulls.length > 0 && ((nulls[row >> 3]! >> (row & 7)) & 1) === 1;
    }

    /** Replaces each value by what `replace` appends for data[start..end]. NULL stays NULL. */
    map(replace: (data: Uint8Array, start: number, end: number, out: Bytes) => void): Values {
        const { offsets, nulls, data } = this.chunk;
        const out = new Bytes(data.length);
        const ends = new Array<number>(offsets.length);
        ends[0] = 0;
        for (let row = 0; row < this.length; row++) {
            if (!this.isNull(row)) replace(data, offsets[row]!, offsets[row + 1]!, out);
            ends[row + 1] = out.length;
        }
        return new Values({ offsets: ends, nulls, data: out.view() });
    }
}

/** How many characters of UTF-8 begin in data[start..end]. */
export function characters(data: Uint8Array, start: number, end: number): number {
    let count = 0;
    for (let i = start; i < end; i++) if ((data[i]! & 0xc0) !== 0x80) count++;
    return count;
}

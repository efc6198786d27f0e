// The packed records that cross the border to the core (client/wasm/packing.h):
// numbers little endian; texts and bytes preceded by their size in 32 bits.

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

export class Packer {
  #bytes = new Uint8Array(256);
  #size = 0;

  u32(value: number): this {
    this.#room(4);
    new DataView(this.#bytes.buffer).setUint32(this.#size, value, true);
    this.#size += 4;
    return this;
  }

  u64(value: bigint): this {
    this.#room(8);
    new DataView(this.#bytes.buffer).setBigUint64(this.#size, value, true);
    this.#size += 8;
    return this;
  }

  bytes(value: Uint8Array): this {
    this.u32(value.length);
    this.#room(value.length);
    this.#bytes.set(value, this.#size);
    this.#size += value.length;
    return this;
  }

  text(value: string): this {
    return this.bytes(encoder.encode(value));
  }

  packed(): Uint8Array {
    return this.#bytes.subarray(0, this.#size);
  }

  #room(more: number): void {
    if (this.#size + more <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#size + more));
    grown.set(this.#bytes.subarray(0, this.#size));
    this.#bytes = grown;
  }
}

export class Unpacker {
  readonly #view: DataView;
  #at = 0;

  constructor(private readonly packed: Uint8Array) {
    this.#view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  }

  u32(): number {
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4, true);
  }

  u64(): bigint {
    this.#at += 8;
    return this.#view.getBigUint64(this.#at - 8, true);
  }

  bytes(): Uint8Array {
    const size = this.u32();
    this.#at += size;
    return this.packed.slice(this.#at - size, this.#at);
  }

  text(): string {
    return decoder.decode(this.bytes());
  }

  list<T>(element: () => T): T[] {
    return Array.from({ length: this.u32() }, element);
  }
}

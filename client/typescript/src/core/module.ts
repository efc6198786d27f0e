// The CRDT core, compiled to WebAssembly (client/wasm): loading it, and passing
// text and bytes in and out of its memory.
import { coreError } from "../errors.ts";
import { Unpacker } from "./packing.ts";

/** Where the core's bytes are: an address (http:, or file: in Node), a fetch
 * under way, the bytes, or the compiled module. */
export type CoreSource = URL | string | Response | PromiseLike<Response> | BufferSource | WebAssembly.Module;

type Exported = (...values: (number | bigint)[]) => number | bigint;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });
const loneSurrogate = /\p{Surrogate}/u;

/** An argument of an exported function: text and bytes are written into the
 * module's memory and arrive there as address and size. */
export type Argument = number | bigint | string | Uint8Array;

export class CoreModule {
  readonly #memory: WebAssembly.Memory;
  readonly #exports: Record<string, Exported>;

  private constructor(instance: WebAssembly.Instance, seed: BigUint64Array) {
    this.#memory = instance.exports["memory"] as WebAssembly.Memory;
    this.#exports = instance.exports as unknown as Record<string, Exported>;
    this.#exports["_initialize"]?.();
    // Replica identities are drawn inside the module, which has no entropy of its own.
    this.#exports["converge_seed"]!(...seed);
  }

  static async load(source: CoreSource): Promise<CoreModule> {
    const module = await compile(source);
    const random = globalThis.crypto ?? (await nodeModule<typeof import("node:crypto")>("node:crypto")).webcrypto;
    return new CoreModule(await WebAssembly.instantiate(module, {}), random.getRandomValues(new BigUint64Array(4)));
  }

  /** Calls `name` and returns what it returns. */
  call(name: string, ...values: Argument[]): number {
    return this.#invoke(name, this.#lower(values));
  }

  /** Calls a function that may fail (it returns 0, or 1 + ErrorCode) and returns
   * its output. Throws a ConvergeError. */
  run(name: string, ...values: Argument[]): Uint8Array {
    const status = this.call(name, ...values);
    const output = this.#output();
    if (status === 0) return output;
    const fields = new Unpacker(output);
    throw coreError(status - 1, fields.text(), fields.text());
  }

  /** As run(), for output that is UTF-8 text. */
  runText(name: string, ...values: Argument[]): string {
    return decoder.decode(this.run(name, ...values));
  }

  // A copy: the module's memory is overwritten by the next call, and views of
  // it go stale when it grows.
  #output(): Uint8Array {
    const at = this.call("converge_output");
    return new Uint8Array(this.#memory.buffer, at, this.call("converge_output_size")).slice();
  }

  // All texts and bytes of a call go into one input buffer, one after another.
  #lower(values: Argument[]): (number | bigint)[] {
    let room = 0;
    for (const value of values) {
      if (typeof value === "string") room += value.length * 3;
      else if (value instanceof Uint8Array) room += value.length;
    }
    let at = this.#invoke("converge_input", [room]);
    const lowered: (number | bigint)[] = [];
    for (const value of values) {
      if (typeof value === "string") {
        if (loneSurrogate.test(value)) throw coreError(5, "text holds half of a surrogate pair", "");
        const { written } = encoder.encodeInto(value, new Uint8Array(this.#memory.buffer, at, value.length * 3));
        lowered.push(at, written);
        at += written;
      } else if (value instanceof Uint8Array) {
        new Uint8Array(this.#memory.buffer, at, value.length).set(value);
        lowered.push(at, value.length);
        at += value.length;
      } else {
        lowered.push(value);
      }
    }
    return lowered;
  }

  // The one place where the module is entered. V8 as of Node 20 inlines calls
  // of exported functions into hot code where it sees but one function called,
  // and then crashes the process (--no-turbo-inline-js-wasm-calls cures it); a
  // place that calls them all is never such code.
  #invoke(name: string, values: (number | bigint)[]): number {
    return Number(this.#exports[name]!(...values));
  }
}

async function compile(source: CoreSource): Promise<WebAssembly.Module> {
  if (source instanceof WebAssembly.Module) return source;
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) return WebAssembly.compile(source as BufferSource);
  if (typeof source === "string" || source instanceof URL) {
    const address = new URL(source, globalThis.location?.href);
    if (address.protocol === "file:") {
      // Node's fetch reads no files.
      const files = await nodeModule<typeof import("node:fs/promises")>("node:fs/promises");
      return WebAssembly.compile(await files.readFile(address));
    }
    source = fetch(address);
  }
  const response = (await source) as Response;
  if (!response.ok) throw new Error(`cannot load the core from ${response.url}: ${response.status} ${response.statusText}`);
  // Not compileStreaming: it insists on a content type that not every server sends.
  return WebAssembly.compile(await response.arrayBuffer());
}

// By a name in a variable, so that bundlers for the browser do not look for it.
function nodeModule<T>(name: string): Promise<T> {
  return import(name) as Promise<T>;
}

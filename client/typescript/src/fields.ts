// The fields of a document, by type: what an application reads and edits.
// The words are the SQL functions' (insert, delete, splice, assign; set, unset;
// add, remove; increment).
import type { DocumentSession } from "./core/session.ts";
import { ConvergeError } from "./errors.ts";
import { cutsPair, spliceBetween, type Splice } from "./splice.ts";

/** Any JSON value. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** What a document does for its fields. */
export interface FieldHost {
  readonly session: DocumentSession;
  /** Runs `edit`, which edits `field`, as one change, or as part of the one that
   * is under way. A text says how it was edited. */
  edit(field: FieldView, edit: (session: DocumentSession) => Splice | void): void;
}

/** What all fields share: a value read from the core, kept until it changes. */
export abstract class FieldView {
  constructor(
    protected readonly host: FieldHost,
    readonly name: string,
  ) {}

  /** Lets the kept value go: the core has another. */
  abstract forget(): void;
}

/** A crdt_text. Positions and lengths are in UTF-16 units, as in every
 * JavaScript string; one inside a surrogate pair is refused. */
export class TextField extends FieldView {
  #value: string | undefined;

  get value(): string {
    return (this.#value ??= this.host.session.text(this.name));
  }

  get length(): number {
    return this.value.length;
  }

  insert(at: number, text: string): void {
    this.splice(at, 0, text);
  }

  delete(at: number, count: number): void {
    this.splice(at, count, "");
  }

  /** Replaces `count` units at `at` by `text`. */
  splice(at: number, count: number, text: string): void {
    this.#check(at);
    this.#check(at + count);
    if (count === 0 && text === "") return;
    this.host.edit(this, (session) => {
      session.textSplice(this.name, at, count, text);
      this.#value = this.value.slice(0, at) + text + this.value.slice(at + count);
      return { at, removed: count, inserted: text };
    });
  }

  /** Makes the text `text` by one splice. */
  assign(text: string): void {
    const splice = spliceBetween(this.value, text);
    if (splice) this.splice(splice.at, splice.removed, splice.inserted);
  }

  override toString(): string {
    return this.value;
  }

  override forget(): void {
    this.#value = undefined;
  }

  #check(at: number): void {
    const { value } = this;
    if (!Number.isSafeInteger(at) || at < 0 || at > value.length) {
      throw new ConvergeError("out_of_range", "text position is out of range", `position ${at}, length ${value.length}`);
    }
    if (cutsPair(value, at)) {
      throw new ConvergeError("out_of_range", "text position is inside a surrogate pair", `position ${at}`);
    }
  }
}

/** An lww_map: keys with JSON values, the last write wins. */
export class MapField extends FieldView {
  #value: Map<string, Json> | undefined;

  get(key: string): Json | undefined {
    return this.#read().get(key);
  }

  has(key: string): boolean {
    return this.#read().has(key);
  }

  set(key: string, value: Json): void {
    const json = JSON.stringify(value) as string | undefined;
    if (json === undefined) throw new ConvergeError("invalid", "value is not JSON", `of type ${typeof value}`);
    this.host.edit(this, (session) => {
      session.mapSet(this.name, key, json);
      this.forget();
    });
  }

  unset(key: string): void {
    this.host.edit(this, (session) => {
      session.mapUnset(this.name, key);
      this.forget();
    });
  }

  /** Its entries, in the order of their keys. */
  entries(): [string, Json][] {
    return [...this.#read()];
  }

  get size(): number {
    return this.#read().size;
  }

  toJSON(): { [key: string]: Json } {
    return Object.fromEntries(this.#read());
  }

  override forget(): void {
    this.#value = undefined;
  }

  #read(): Map<string, Json> {
    if (this.#value === undefined) {
      const entries = Object.entries(JSON.parse(this.host.session.mapJson(this.name)) as { [key: string]: Json });
      this.#value = new Map(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
    }
    return this.#value;
  }
}

/** A set of texts. In an or_set, an element that one adds while another removes
 * it stays; in an lww_set, the last write wins. */
export class SetField extends FieldView {
  #elements: string[] | undefined;

  has(element: string): boolean {
    return this.values().includes(element);
  }

  add(element: string): void {
    this.host.edit(this, (session) => {
      session.setAdd(this.name, element);
      this.forget();
    });
  }

  remove(element: string): void {
    this.host.edit(this, (session) => {
      session.setRemove(this.name, element);
      this.forget();
    });
  }

  /** Its elements, sorted. */
  values(): readonly string[] {
    return (this.#elements ??= this.host.session.setElements(this.name));
  }

  get size(): number {
    return this.values().length;
  }

  override forget(): void {
    this.#elements = undefined;
  }
}

/** A pn_counter or g_counter: increments of all replicas add up. */
export class CounterField extends FieldView {
  #value: bigint | undefined;

  get value(): bigint {
    return (this.#value ??= this.host.session.counterValue(this.name));
  }

  /** Adds `n`, a whole number, which may be negative unless it is a g_counter. */
  increment(n: number | bigint = 1): void {
    if (typeof n === "number" && !Number.isSafeInteger(n)) {
      throw new ConvergeError("out_of_range", "increment is not a whole number that is exact", `it is ${n}`);
    }
    const exact = BigInt(n);
    if (BigInt.asIntN(64, exact) !== exact) throw new ConvergeError("out_of_range", "increment does not fit a bigint", `it is ${n}`);
    this.host.edit(this, (session) => {
      session.counterIncrement(this.name, exact);
      this.forget();
    });
  }

  override forget(): void {
    this.#value = undefined;
  }
}

/** An mv_register: values that were assigned concurrently stand beside each other
 * until one that has seen them is assigned. */
export class RegisterField extends FieldView {
  #values: readonly Json[] | undefined;

  /** All values that stand, the same order everywhere: none before the first. */
  values(): readonly Json[] {
    return (this.#values ??= this.host.session.registerValues(this.name).map((json) => JSON.parse(json) as Json));
  }

  /** The first of values(). */
  get value(): Json | undefined {
    return this.values()[0];
  }

  assign(value: Json): void {
    const json = JSON.stringify(value) as string | undefined;
    if (json === undefined) throw new ConvergeError("invalid", "value is not JSON", `of type ${typeof value}`);
    this.host.edit(this, (session) => {
      session.registerAssign(this.name, json);
      this.forget();
    });
  }

  override forget(): void {
    this.#values = undefined;
  }
}

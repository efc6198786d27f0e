// The plain columns that a collection includes: what the server says they are.
// Clients read them and cannot change them.
import type { Change, ColumnValue, PullResponse } from "../generated/converge.ts";
import { Payload } from "../generated/converge.ts";
import type { Json } from "./fields.ts";

interface Held {
  value: Json;
  replica: bigint;
  hlc: bigint;
}

/** The changes of one replica come in order, but some twice: after a reconnect
 * with the pull and live. Those that are known already are passed over. */
export class Columns {
  #held = new Map<string, Held>();
  #known = new Map<bigint, bigint>();
  #epoch = 0n;

  get values(): ReadonlyMap<string, Json> {
    return new Map([...this.#held].map(([column, { value }]) => [column, value]));
  }

  /** What load() takes. */
  save(): string {
    const held = [...this.#held].map(([column, { value, replica, hlc }]) => [column, value, String(replica), String(hlc)]);
    const known = [...this.#known].map(([replica, seq]) => [String(replica), String(seq)]);
    return JSON.stringify({ epoch: String(this.#epoch), held, known });
  }

  load(saved: string): void {
    const { epoch, held, known } = JSON.parse(saved) as { epoch: string; held: [string, Json, string, string][]; known: [string, string][] };
    this.#epoch = BigInt(epoch);
    this.#held = new Map(held.map(([column, value, replica, hlc]) => [column, { value, replica: BigInt(replica), hlc: BigInt(hlc) }]));
    this.#known = new Map(known.map(([replica, seq]) => [BigInt(replica), BigInt(seq)]));
  }

  /** Whether a pull changed anything; its changes are still to be given to onChange. */
  onPull(pull: PullResponse): boolean {
    const before = JSON.stringify([...this.values]);
    // A restored server may have forgotten what it said.
    if (pull.state || pull.epoch !== this.#epoch) {
      this.#held = new Map();
      this.#known = new Map();
    }
    this.#epoch = pull.epoch;
    if (pull.state) {
      for (const { column, value } of pull.state.columns) this.#held.set(column, { value: JSON.parse(value) as Json, replica: 0n, hlc: 0n });
      this.#known = readLogVersion(pull.logVersion);
    }
    return JSON.stringify([...this.values]) !== before;
  }

  /** Whether a change altered a column. */
  onChange({ replica, seq, hlc, payload }: Change): boolean {
    if (seq <= (this.#known.get(replica) ?? 0n)) return false;
    this.#known.set(replica, seq);
    if (payload.length === 0) return false;
    const { columns } = Payload.decode(payload);
    return columns.map((column) => this.#take(column, replica, hlc)).includes(true);
  }

  #take({ column, value }: ColumnValue, replica: bigint, hlc: bigint): boolean {
    const held = this.#held.get(column);
    // A server that was restored or promoted writes under another replica: then
    // the clocks say which value is the later one.
    if (held && held.replica !== replica && held.hlc > hlc) return false;
    this.#held.set(column, { value: JSON.parse(value) as Json, replica, hlc });
    return true;
  }
}

/** An encoded log_version (docs/internals.md, "Clocks"). */
export function readLogVersion(bytes: Uint8Array): Map<bigint, bigint> {
  const version = new Map<bigint, bigint>();
  let at = 1;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++] ?? 0;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  let replica = 0n;
  while (at < bytes.length) {
    replica += varint();
    version.set(replica, varint());
  }
  return version;
}

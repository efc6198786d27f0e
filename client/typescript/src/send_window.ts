// What of a document's journal travels on a connection without a verdict yet.
import type { OfferedChange } from "./core/session.ts";

// One push message holds about this much, and about this much travels
// unacknowledged; the rest waits in the session's journal.
const pushBytes = 128 * 1024;
const windowBytes = 512 * 1024;

/** Numbers of one replica at a time, as the journal offers them. */
export class SendWindow {
  /** The oldest first. */
  #sent: { seq: bigint; bytes: number }[] = [];
  #replica = 0n;

  /** The next changes of the journal for one message; none when there are none or
   * enough is under way. `unacknowledged(from, bytes)` gives those numbered `from` and
   * later of the replica whose turn it is, about `bytes` of them. They are under way
   * from now on. */
  next(unacknowledged: (from: bigint, bytes: number) => OfferedChange[]): OfferedChange[] {
    if (this.#sent.reduce((sum, { bytes }) => sum + bytes, 0) >= windowBytes) return [];
    // The journal offers one replica's changes at a time: the next one's come
    // when these are acknowledged.
    const last = this.#sent.at(-1)?.seq;
    const changes = unacknowledged(last === undefined ? 0n : last + 1n, pushBytes);
    const first = changes[0];
    if (first === undefined || (last !== undefined && first.replica !== this.#replica)) return [];
    this.#replica = first.replica;
    for (const change of changes) this.#sent.push({ seq: change.seq, bytes: change.fields.reduce((sum, { delta }) => sum + delta.length, 0) });
    return changes;
  }

  /** Changes up to `seq` have their verdict. */
  acknowledged(replica: bigint, seq: bigint): void {
    if (replica === this.#replica) this.#sent = this.#sent.filter((sent) => sent.seq > seq);
  }

  /** `seq` and what came after it is to be sent anew; with `from`, all since that one. */
  refused(replica: bigint, seq: bigint, from = seq): void {
    if (replica === this.#replica) this.#sent = this.#sent.filter((sent) => sent.seq < seq && sent.seq < from);
  }

  /** There is no connection any more on which something could travel. */
  clear(): void {
    this.#sent = [];
  }
}

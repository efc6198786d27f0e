// Who else is at a document now, and what they show: a cursor, a selection, a
// name. Nothing of it is kept anywhere; it ends with the connection.
import type { Presences } from "../generated/converge.ts";
import { Emitter } from "./emitter.ts";
import type { Json } from "./fields.ts";

/** What a connection shows at a document, or at one of its fields. */
export interface Peer {
  /** the connection's number; the same person may have several */
  readonly peer: number;
  /** who that is, by the word of the server */
  readonly principal: string;
  /** a field's name, or empty for the document */
  readonly field: string;
  readonly state: Json;
}

export interface PresenceEvents {
  /** those that are there now */
  change: readonly Peer[];
}

/** What the client does for a document's presence. */
export interface PresenceHost {
  /** Sends to the server, if the document is live; an empty state ends it. */
  send(field: string, state: string): void;
  /** Whether the number is, or was, that of this client's connection. */
  isOwn(peer: bigint): boolean;
}

// What changes faster is told once in this time.
const pauseMs = 50;

export class Presence extends Emitter<PresenceEvents> {
  readonly #peers = new Map<string, Peer & { clock: bigint }>();
  /** What this client shows, by field, as JSON. */
  readonly #local = new Map<string, string>();
  readonly #due = new Set<string>();
  #listed: readonly Peer[] | undefined;
  #pause: ReturnType<typeof setTimeout> | undefined;
  #repeat: ReturnType<typeof setInterval> | undefined;

  constructor(private readonly host: PresenceHost) {
    super();
  }

  /** The others, in no order. */
  get peers(): readonly Peer[] {
    return (this.#listed ??= [...this.#peers.values()].map(({ peer, principal, field, state }) => ({ peer, principal, field, state })));
  }

  /** Shows `state` to the others until it is set again, taken away with `undefined`,
   * or the document is closed; over lost connections too. It has to be small:
   * some kB of JSON. With `field` it is about that field. */
  set(state: Json | undefined, field = ""): void {
    const text = state === undefined ? undefined : JSON.stringify(state);
    if (text === this.#local.get(field)) return;
    if (text === undefined) this.#local.delete(field);
    else this.#local.set(field, text);
    this.#due.add(field);
    if (this.#pause !== undefined) return;
    // The first at once, with what else this turn sets.
    queueMicrotask(() => this.#sendDue());
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      this.#sendDue();
    }, pauseMs);
  }

  /** What this client shows. */
  get(field = ""): Json | undefined {
    const text = this.#local.get(field);
    return text === undefined ? undefined : (JSON.parse(text) as Json);
  }

  // ---- for the client

  /** The document is live on a new subscription, where a presence lasts that long. */
  onLive(presenceMs: number): void {
    this.#sendAll();
    clearInterval(this.#repeat);
    if (presenceMs > 0) this.#repeat = setInterval(() => this.#sendAll(), presenceMs / 2);
  }

  onPresences({ peers, all }: Presences): void {
    const before = new Set(all ? this.#peers.keys() : []);
    let changed = false;
    for (const { peer, principal, field, clock, state } of peers) {
      if (this.host.isOwn(peer)) continue;
      const key = `${peer} ${field}`;
      before.delete(key);
      if (state === "") {
        changed = this.#peers.delete(key) || changed;
      } else if (this.#peers.get(key)?.clock !== clock) {
        this.#peers.set(key, { peer: Number(peer), principal, field, clock, state: JSON.parse(state) as Json });
        changed = true;
      }
    }
    for (const key of before) changed = this.#peers.delete(key) || changed;
    if (changed) this.#changed();
  }

  /** Nobody can be seen without a connection. */
  onDetached(): void {
    clearInterval(this.#repeat);
    if (this.#peers.size === 0) return;
    this.#peers.clear();
    this.#changed();
  }

  close(): void {
    clearTimeout(this.#pause);
    this.#local.clear();
    this.#due.clear();
    this.onDetached();
  }

  #sendDue(): void {
    for (const field of this.#due) this.host.send(field, this.#local.get(field) ?? "");
    this.#due.clear();
  }

  #sendAll(): void {
    this.#due.clear();
    for (const [field, state] of this.#local) this.host.send(field, state);
  }

  #changed(): void {
    this.#listed = undefined;
    this.emit("change", this.peers);
  }
}

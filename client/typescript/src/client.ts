// The client: one connection to the bridge, and the documents open over it.
import { type Code, type Welcome, type ServerMessage } from "../generated/converge.ts";
import { Connection, problemError, type ConnectionState, type TokenProvider, type WebSocketConstructor, type WireCounter } from "./connection.ts";
import { CoreModule, type CoreSource } from "./core/module.ts";
import { FieldType, type FieldInfo } from "./core/session.ts";
import { Document, type DocumentHost } from "./document.ts";
import { Emitter } from "./emitter.ts";
import { ConvergeError } from "./errors.ts";
import type { DocumentStorage } from "./storage.ts";

export interface ClientOptions {
  /** the bridge's address: ws://host:port/sync, or wss: */
  url: string;
  /** a JWT; or a function that gives one, called at each connecting and before the
   * one in use ends, which is then replaced without a break. It travels in the first
   * message, never in the address. */
  token: string | TokenProvider;
  /** where converge.wasm is; beside this module if not given */
  core?: CoreSource | CoreModule;
  /** the WebSocket to use where there is no global one (Node: npm's `ws`) */
  WebSocket?: WebSocketConstructor;
  /** milliseconds since 1970, for the hybrid logical clock */
  now?: () => number;
  /** where documents and unacknowledged edits outlive this client: an
   * IndexedDbStorage, say. Without it they end with it */
  storage?: DocumentStorage;
  /** name and version, for the server's log */
  name?: string;
  /** connect at once (the default), or when connect() is called */
  connect?: boolean;
  /** when a change is sent: "at-once" (the default), with what else was changed in the
   * same turn; or "buffered", with what was changed within `bufferMs` of it: fewer
   * messages and transactions, and the others see it later */
  push?: "at-once" | "buffered";
  /** 100 if not given */
  bufferMs?: number;
  /** after an absence in which changes waited for so long, all that wait are offered as
   * one: the server merges and logs one delta in place of every keystroke, and a refusal
   * takes all of it. Never if not given */
  reconcileAfterMs?: number;
}

export interface ClientEvents {
  state: ConnectionState;
  /** why the connection ended or could not be made, or a complaint of the server */
  problem: ConvergeError;
  /** what the server wants the application's developer to know, that a later one
   * will not speak this client's protocol any more, say */
  notice: string;
  /** the identity that the server sees in the token */
  identity: { tenant: string; principal: string };
}

interface Entry {
  document: Document;
  /** under which it is open */
  names: string[];
  request: number;
  channel: number | undefined;
  /** the server was asked for it with the greeting */
  asked: boolean;
}

const defaultBufferMs = 100;

// How long a change waits that the server had no room for.
const postponeMs = 500;

// 128 random bits: nobody gives the same name twice.
function randomKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Client extends Emitter<ClientEvents> {
  readonly #connection: Connection;
  readonly #core: Promise<CoreModule>;
  readonly #now: () => number;
  readonly #storage: DocumentStorage | undefined;
  readonly #entries = new Map<Document, Entry>();
  readonly #opening = new Map<string, Promise<Document>>();
  readonly #due = new Set<Document>();
  /** The connection's numbers in presence, this one's and those before: what is
   * left of them is nobody else. */
  readonly #peers = new Set<bigint>();
  /** undefined: changes do not wait for others */
  readonly #bufferMs: number | undefined;
  readonly #reconcileAfterMs: number;
  #presenceMs = 0;
  #requests = 0;
  #identity: { tenant: string; principal: string } | undefined;

  constructor(options: ClientOptions) {
    super();
    const socket = options.WebSocket ?? (globalThis.WebSocket as unknown as WebSocketConstructor | undefined);
    if (socket === undefined) throw new ConvergeError("invalid", "there is no global WebSocket here: give one in the options");
    const core = options.core ?? new URL("converge.wasm", import.meta.url);
    this.#core = core instanceof CoreModule ? Promise.resolve(core) : CoreModule.load(core);
    this.#core.catch((error: unknown) => this.emit("problem", new ConvergeError("unavailable", "cannot load the core", String(error))));
    this.#now = options.now ?? Date.now;
    this.#storage = options.storage;
    this.#bufferMs = options.push === "buffered" ? (options.bufferMs ?? defaultBufferMs) : undefined;
    this.#reconcileAfterMs = options.reconcileAfterMs ?? Infinity;
    this.#connection = new Connection({ url: options.url, token: options.token, WebSocket: socket, name: options.name ?? "converge-client 0.2.0" });
    this.#connection.on("state", (state) => this.#onState(state));
    this.#connection.on("hello", () => this.#onHello());
    this.#connection.on("welcome", (welcome) => this.#onWelcome(welcome));
    this.#connection.on("message", (message) => this.#onMessage(message));
    this.#connection.on("failure", (error) => this.emit("problem", error));
    globalThis.addEventListener?.("online", this.#onNetwork);
    if (this.#storage) globalThis.addEventListener?.("pagehide", this.#onHide);
    if (options.connect ?? true) this.connect();
  }

  get state(): ConnectionState {
    return this.#connection.state;
  }

  /** Whose the token is, once the server has said so. */
  get identity(): { tenant: string; principal: string } | undefined {
    return this.#identity;
  }

  /** What has travelled so far. */
  get wire(): Readonly<WireCounter> {
    return this.#connection.wire;
  }

  /** Goes online, and stays so through lost connections. */
  connect(): void {
    this.#connection.connect();
  }

  /** Goes offline. Documents stay open, edits are kept and sent after connect(). */
  disconnect(): void {
    this.#flush();
    this.#connection.disconnect();
  }

  /** Closes the connection and every document. */
  close(): void {
    globalThis.removeEventListener?.("online", this.#onNetwork);
    globalThis.removeEventListener?.("pagehide", this.#onHide);
    for (const document of [...this.#entries.keys()]) document.close();
    this.#connection.disconnect();
  }

  /** Opens a document: a row of a tracked table. Resolves when its content is
   * there, which needs the server unless it was kept; rejects with the server's
   * refusal. The same document opened twice is the same object. */
  open(collection: string, key: string): Promise<Document> {
    const name = JSON.stringify([collection, key]);
    let opening = this.#opening.get(name);
    if (opening === undefined) {
      opening = this.#open(name, collection, key);
      this.#opening.set(name, opening);
      opening.catch(() => this.#opening.delete(name));
    }
    return opening;
  }

  /** Makes a document, online or not: `edits` are part of the change that makes it.
   * The fields are the collection's, by name. Without a `key` the server makes it
   * (an identity column, or one with a default): until it has, `key` of the document
   * is a temporary one, under which open() finds it again in the client's storage;
   * then it tells `created`. A key of several columns is an array, with null for
   * what the server makes. */
  create(
    collection: string,
    fields: Record<string, keyof typeof FieldType>,
    { key, edits = () => {} }: { key?: string | (string | null)[]; edits?: (document: Document) => void } = {},
  ): Promise<Document> {
    const temporaryKey = key === undefined || (typeof key !== "string" && key.includes(null)) ? randomKey() : "";
    const own = typeof key === "string" ? key : key ? `[${key.map((part) => JSON.stringify(part)).join(", ")}]` : "";
    const name = JSON.stringify([collection, temporaryKey || own]);
    if (this.#opening.has(name)) return Promise.reject(new ConvergeError("invalid", `document "${collection}/${own}" is open already`));
    const known = Object.entries(fields).map(([field, type]) => ({ field, type: FieldType[type] }));
    const making = this.#make(name, collection, own, temporaryKey, known, edits);
    this.#opening.set(name, making);
    making.catch(() => this.#opening.delete(name));
    return making;
  }

  async #make(name: string, collection: string, key: string, temporaryKey: string, fields: FieldInfo[], edits: (document: Document) => void): Promise<Document> {
    const core = await this.#core;
    const place = await this.#storage?.take(name);
    if (place?.kept) {
      place.release();
      throw new ConvergeError("invalid", `document "${collection}/${key}" is kept here already`, "open it");
    }
    const document = new Document(core, this.#host(name), collection, key, place, temporaryKey);
    const entry = this.#enter(document, name);
    try {
      document.make(fields, edits);
    } catch (error) {
      document.close();
      throw error;
    }
    if (this.state === "online") this.#subscribe(entry);
    return document;
  }

  #enter(document: Document, name: string): Entry {
    const entry: Entry = { document, names: [name], request: 0, channel: undefined, asked: false };
    this.#entries.set(document, entry);
    return entry;
  }

  async #open(name: string, collection: string, key: string): Promise<Document> {
    const core = await this.#core;
    const document = new Document(core, this.#host(name), collection, key, await this.#storage?.take(name));
    const entry = this.#enter(document, name);
    if (this.state === "online") this.#subscribe(entry);
    try {
      await document.opened;
    } catch (error) {
      document.close();
      throw error;
    }
    return document;
  }

  #host(name: string): DocumentHost {
    return {
      now: this.#now,
      schedule: (document) => this.#schedule(document),
      postpone: (document) => void setTimeout(() => this.#schedule(document), postponeMs),
      pull: (document) => this.#pull(document),
      close: (document) => this.#close(document),
      setPresence: (document, field, state) => this.#setPresence(document, field, state),
      isOwnPeer: (peer) => this.#peers.has(peer),
      takeLeft: () => this.#storage?.takeLeft(name) ?? Promise.resolve(undefined),
      problem: (error) => this.emit("problem", error),
    };
  }

  #close(document: Document): void {
    if (this.#due.has(document)) this.#flush();
    const entry = this.#entries.get(document);
    this.#entries.delete(document);
    this.#due.delete(document);
    for (const name of entry?.names ?? []) this.#opening.delete(name);
    if (entry?.channel !== undefined) this.#connection.send({ $case: "unsubscribe", value: { channel: entry.channel } });
  }

  #pull(document: Document): void {
    const entry = this.#entries.get(document);
    if (entry?.channel === undefined) return; // it is being pulled
    this.#subscribe(entry); // which starts over
  }

  #setPresence(document: Document, field: string, state: string): void {
    const channel = this.#entries.get(document)?.channel;
    if (channel !== undefined) this.#connection.send({ $case: "setPresence", value: { channel, field, state } });
  }

  #subscribe(entry: Entry): void {
    entry.request = ++this.#requests;
    entry.channel = undefined;
    const { document } = entry;
    const creation = document.creation();
    if (creation) {
      this.#connection.send({ $case: "create", value: { request: entry.request, ...creation } });
      return;
    }
    this.#connection.send({
      $case: "subscribe",
      value: { request: entry.request, document: { collection: document.collection, key: document.key }, since: document.logVersion() },
    });
  }

  // Edits of one turn of the event loop travel together, or of some milliseconds.
  #schedule(document: Document): void {
    if (this.#due.size === 0) {
      if (this.#bufferMs === undefined) queueMicrotask(() => this.#flush());
      else setTimeout(() => this.#flush(), this.#bufferMs);
    }
    this.#due.add(document);
  }

  #flush(): void {
    const due = [...this.#due];
    this.#due.clear();
    for (const document of due) {
      const channel = this.#entries.get(document)?.channel;
      if (channel === undefined) continue;
      for (let next = document.sendable(); next !== undefined; next = document.sendable()) {
        this.#connection.send({ $case: "push", value: { channel, changes: next.changes, atomic: false, expect: next.expect } });
      }
    }
  }

  #onState(state: ConnectionState): void {
    if (state !== "online") {
      for (const entry of this.#entries.values()) {
        entry.channel = undefined;
        entry.document.onDetached();
      }
    }
    this.emit("state", state);
  }

  // What the documents lack is asked for at once. Where the server turns out to be of
  // another epoch, the session sees by the numbers that it has to ask again.
  #onHello(): void {
    for (const entry of this.#entries.values()) {
      entry.asked = !entry.document.waitsForWelcome(this.#reconcileAfterMs);
      if (entry.asked) this.#subscribe(entry);
    }
  }

  #onWelcome(welcome: Welcome): void {
    this.#identity = { tenant: welcome.tenant, principal: welcome.principal };
    this.emit("identity", this.#identity);
    this.#peers.add(welcome.peer);
    this.#presenceMs = welcome.presenceMs;
    for (const entry of this.#entries.values()) {
      entry.document.onWelcome(welcome.epoch, this.#reconcileAfterMs);
      if (!entry.asked) this.#subscribe(entry);
      entry.asked = false;
    }
  }

  #onMessage(message: NonNullable<ServerMessage["message"]>): void {
    try {
      switch (message.$case) {
        case "subscribed": {
          const { request, channel, pull } = message.value;
          const entry = this.#find((each) => each.request === request);
          if (entry === undefined) {
            // It was closed meanwhile.
            this.#connection.send({ $case: "unsubscribe", value: { channel } });
          } else if (pull) {
            entry.channel = channel;
            entry.document.onSubscribed(pull, this.#presenceMs);
          }
          break;
        }
        case "created": {
          const { request, document } = message.value;
          const entry = this.#find((each) => each.request === request);
          if (entry && document) this.#onCreated(entry, document.key);
          break;
        }
        case "changes":
          this.#byChannel(message.value.channel)?.onChanges(message.value.changes);
          break;
        case "presences":
          this.#byChannel(message.value.channel)?.presence.onPresences(message.value);
          break;
        case "ack":
          this.#byChannel(message.value.channel)?.onAck(message.value.replica, message.value.seq);
          break;
        case "reject":
          this.#byChannel(message.value.channel)?.onReject(message.value);
          break;
        case "notice":
          this.emit("notice", message.value.message);
          break;
        case "problem": {
          const error = problemError(message.value);
          const entry = message.value.request === 0 ? undefined : this.#find((each) => each.request === message.value.request);
          if (entry) this.#onRefused(entry, error, message.value.code);
          else if (!message.value.fatal) this.emit("problem", error);
          break;
        }
      }
    } catch (error) {
      // What the server sent does not fit what this client holds: say so, and
      // begin again from the log.
      this.emit("problem", error instanceof ConvergeError ? error : new ConvergeError("protocol", String(error)));
      this.#connection.restart();
    }
  }

  #onCreated(entry: Entry, key: string): void {
    const { document } = entry;
    document.onCreated(key);
    const name = JSON.stringify([document.collection, key]);
    if (!this.#opening.has(name)) {
      entry.names.push(name);
      this.#opening.set(name, Promise.resolve(document));
    }
    this.#subscribe(entry);
  }

  // The answer to a Subscribe or a Create, or later the end of what it gave.
  #onRefused(entry: Entry, error: ConvergeError, code: Code): void {
    const { request, document } = entry;
    entry.channel = undefined;
    if (error.code !== "unavailable" && error.code !== "limit") {
      document.onRefused(error, code);
      return;
    }
    document.onDetached();
    this.emit("problem", error);
    setTimeout(() => {
      if (entry.request === request && this.#entries.has(document) && this.state === "online") this.#subscribe(entry);
    }, postponeMs);
  }

  #find(is: (entry: Entry) => boolean): Entry | undefined {
    for (const entry of this.#entries.values()) if (is(entry)) return entry;
    return undefined;
  }

  #byChannel(channel: number): Document | undefined {
    return this.#find((each) => each.channel === channel)?.document;
  }

  // The page goes: what waits to be saved does not wait longer.
  readonly #onHide = () => {
    for (const document of this.#entries.keys()) void document.kept();
  };

  readonly #onNetwork = () => this.#connection.hurry();
}

// A server's side of the protocol in memory, for the client's unit tests: it
// numbers, logs, acknowledges and passes on. It merges nothing and checks no
// rights; what it shall refuse, a test tells it.
import { ClientMessage, Code, Notice_Kind, ServerMessage, type Change } from "../generated/converge.ts";
import type { WebSocketConstructor, WebSocketLike } from "../src/connection.ts";
import type { CoreModule } from "../src/core/module.ts";
import { DocumentSession, FieldType } from "../src/core/session.ts";

type Listener = (event: never) => void;

export class Loopback {
  epoch = 1n;
  incarnation = 1n;
  log: Change[] = [];
  /** the verdict on a change, when it is not to be taken */
  verdict: (change: Change) => Code | undefined = () => undefined;
  /** whether connections can be made */
  up = true;
  /** the next subscriptions are answered by these */
  problems: Code[] = [];
  /** the temporary keys under which the document was to be made */
  creations: string[] = [];
  /** what clients are told behind the greeting */
  notice = "";
  /** nothing is answered */
  silent = false;
  /** the kinds of the messages that came */
  readonly heard: string[] = [];
  /** acknowledgements are lost */
  mute = false;
  greetings = 0;
  /** what each push message held */
  readonly pushes: { changes: number; expect: Uint8Array }[] = [];
  /** milliseconds that a token is good for */
  tokenMs = 3_600_000n;
  /** the tokens that were shown, in order */
  readonly tokens: string[] = [];
  presenceMs = 30_000;
  /** each SetPresence that came */
  readonly shown: { principal: string; field: string; state: string }[] = [];
  readonly WebSocket: WebSocketConstructor;
  readonly #open = new Set<Socket>();
  #clock = 0n;

  constructor(readonly core: CoreModule) {
    const server = this;
    this.WebSocket = class extends Socket {
      constructor(readonly url: string) {
        super(server);
      }
    };
  }

  /** Breaks every connection without a word. */
  cut(): void {
    for (const socket of [...this.#open]) socket.end(1006);
  }

  /** Ends everybody's subscription, as after a permission was taken away. */
  revoke(): void {
    for (const socket of this.#open) {
      socket.subscribed = false;
      socket.complain(Code.CODE_DENIED, "permission was taken away", socket.request);
    }
  }

  /** Ends everybody's connection, as when their tokens have ended. */
  expire(): void {
    for (const socket of [...this.#open]) {
      socket.complain(Code.CODE_UNAUTHENTICATED, "the token has expired", 0, true);
      setTimeout(() => socket.end(1008));
    }
  }

  connected(socket: Socket): void {
    this.#open.add(socket);
  }

  gone(socket: Socket): void {
    this.#open.delete(socket);
    this.tellPresence();
  }

  receive(socket: Socket, { message }: ClientMessage): void {
    this.heard.push(message!.$case);
    if (this.silent) return;
    switch (message?.$case) {
      case "hello":
        this.greetings++;
        this.tokens.push(message.value.token);
        if (message.value.token === "forged") {
          socket.complain(Code.CODE_UNAUTHENTICATED, "token does not verify", 0, true);
        } else {
          socket.give({ $case: "welcome", value: { protocol: 1, epoch: this.epoch, tenant: "acme", principal: message.value.token, server: "loopback", tokenMs: this.tokenMs, peer: socket.peer, presenceMs: this.presenceMs } });
          if (this.notice !== "") socket.give({ $case: "notice", value: { kind: Notice_Kind.OLD_PROTOCOL, message: this.notice } });
        }
        break;
      case "renew":
        this.tokens.push(message.value.token);
        if (message.value.token === "forged") {
          socket.complain(Code.CODE_UNAUTHENTICATED, "token does not verify", 0);
        } else {
          socket.give({ $case: "renewed", value: { tokenMs: this.tokenMs } });
        }
        break;
      case "subscribe": {
        const code = this.problems.shift();
        if (code !== undefined) {
          socket.complain(code, Code[code], message.value.request);
          break;
        }
        socket.request = message.value.request;
        if (message.value.document?.key !== "welcome") {
          socket.complain(Code.CODE_UNKNOWN_DOCUMENT, "no such document", message.value.request);
          break;
        }
        socket.subscribed = true;
        socket.presence.clear();
        socket.give({
          $case: "subscribed",
          value: { request: message.value.request, channel: 7, pull: { fields, state: undefined, yjs: undefined, changes: this.log, logVersion: this.#logVersion(), epoch: this.epoch, incarnation: this.incarnation } },
        });
        this.tellPresence();
        break;
      }
      case "create": {
        // There is one document, whose key the server makes.
        const { request, change, temporaryKey } = message.value;
        this.creations.push(temporaryKey);
        const known = this.log.some(({ replica, seq }) => replica === change!.replica && seq === change!.seq);
        const code = known ? undefined : this.verdict(change!);
        if (code !== undefined) {
          socket.complain(code, Code[code], request);
          break;
        }
        if (!known) this.log.push({ ...change!, principal: socket.principal });
        if (!this.mute) socket.give({ $case: "created", value: { request, document: { collection: "note", key: "welcome" } } });
        break;
      }
      case "unsubscribe":
        socket.subscribed = false;
        socket.presence.clear();
        this.tellPresence();
        break;
      case "setPresence": {
        const { field, state } = message.value;
        this.shown.push({ principal: socket.principal, field, state });
        if (state === "") socket.presence.delete(field);
        else if (socket.presence.get(field)?.state !== state) socket.presence.set(field, { clock: ++this.#clock, state });
        this.tellPresence();
        break;
      }
      case "push":
        this.pushes.push({ changes: message.value.changes.length, expect: message.value.expect });
        for (const change of message.value.changes) this.#push(socket, change);
        break;
      case "ping":
        socket.give({ $case: "pong", value: { nonce: message.value.nonce } });
    }
  }

  /** All there is, to everybody. */
  tellPresence(): void {
    const peers = [...this.#open].flatMap(({ peer, principal, presence }) =>
      [...presence].map(([field, shown]) => ({ peer, principal, field, ...shown })),
    );
    for (const socket of this.#open) {
      if (socket.subscribed) socket.give({ $case: "presences", value: { channel: 7, peers, all: true } });
    }
  }

  #push(socket: Socket, change: Change): void {
    const { replica, seq } = change;
    const logged = this.log.filter((each) => each.replica === replica);
    const last = logged.at(-1)?.seq ?? 0n;
    const reject = (code: Code, expectedSeq = 0n) => {
      const [sqlstate, constraint] = violation(code);
      socket.give({ $case: "reject", value: { channel: 7, replica, seq, code, message: Code[code], expectedSeq, sqlstate, constraint } });
    };
    if (seq > last + 1n) return reject(Code.CODE_GAP, last + 1n);
    if (seq === last + 1n) {
      if (logged.some(({ payload }) => payload.length === 0)) return reject(Code.CODE_AFTER_REFUSED);
      const code = this.verdict(change);
      if (code !== undefined && code !== Code.CODE_UNAVAILABLE) this.log.push({ ...change, payload: new Uint8Array() });
      if (code !== undefined) return reject(code);
      const stored = { ...change, principal: socket.principal };
      this.log.push(stored);
      for (const other of this.#open) {
        if (other.subscribed) other.give({ $case: "changes", value: { channel: 7, changes: [stored] } });
      }
    }
    if (!this.mute) socket.give({ $case: "ack", value: { channel: 7, replica, seq } });
  }

  #logVersion(): Uint8Array {
    const session = new DocumentSession(this.core);
    session.onFields(fields);
    session.onChanges(this.log.map(({ replica, seq, hlc, payload }) => ({ replica, seq, hlc, operation: 0, refused: payload.length === 0, fields: [] })));
    const version = session.logVersion();
    session.free();
    return version;
  }
}

const fields = [
  { field: "body", type: FieldType.crdt_text },
  { field: "props", type: FieldType.lww_map },
  { field: "tags", type: FieldType.or_set },
  { field: "votes", type: FieldType.pn_counter },
  { field: "visits", type: FieldType.g_counter },
  { field: "status", type: FieldType.mv_register },
  { field: "flags", type: FieldType.lww_set },
  { field: "page", type: FieldType.ydoc },
];

function violation(code: Code): [string, string] {
  return code === Code.CODE_VIOLATES_CONSTRAINT ? ["23514", "at_most_three"] : ["", ""];
}

class Socket implements WebSocketLike {
  binaryType = "";
  readyState = 0;
  readonly bufferedAmount = 0;
  subscribed = false;
  request = 0;
  readonly peer = BigInt(Math.ceil(Math.random() * 2 ** 52));
  readonly presence = new Map<string, { clock: bigint; state: string }>();
  principal = "";
  readonly #listeners = new Map<string, Listener[]>();

  constructor(private readonly server: Loopback) {
    setTimeout(() => {
      if (!server.up) return this.end(1006);
      if (this.readyState !== 0) return;
      this.readyState = 1;
      server.connected(this);
      this.#tell("open", {});
    });
  }

  addEventListener(type: string, listener: Listener): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
  }

  send(data: Uint8Array): void {
    const bytes = data.slice();
    setTimeout(() => {
      if (this.readyState !== 1) return;
      const message = ClientMessage.decode(bytes);
      if (message.message?.$case === "hello") this.principal = message.message.value.token;
      this.server.receive(this, message);
    });
  }

  complain(code: Code, message: string, request: number, fatal = false): void {
    const [sqlstate, constraint] = violation(code);
    this.give({ $case: "problem", value: { code, message, request, fatal, sqlstate, constraint } });
  }

  give(message: NonNullable<ServerMessage["message"]>): void {
    const bytes = ServerMessage.encode({ message }).finish();
    setTimeout(() => {
      if (this.readyState === 1) this.#tell("message", { data: bytes.slice().buffer });
    });
  }

  close(code = 1000): void {
    this.end(code);
  }

  end(code: number): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.server.gone(this);
    this.#tell("close", { code, reason: "" });
  }

  #tell(type: string, event: object): void {
    for (const listener of this.#listeners.get(type) ?? []) listener(event as never);
  }
}

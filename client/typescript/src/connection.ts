// One client's connection to the bridge: greeting, pings, reconnecting with
// backoff. It knows nothing of documents.
import { ClientMessage, Code, ServerMessage, type Problem, type Welcome } from "../generated/converge.ts";
import { Emitter } from "./emitter.ts";
import { ConvergeError, codeName } from "./errors.ts";

/** The versions of the protocol that this client speaks. */
const oldestProtocol = 1;
const newestProtocol = 2;

/** What is used of a WebSocket: the browser's own, or the one of npm's `ws`. */
export interface WebSocketLike {
  binaryType: string;
  readonly readyState: number;
  readonly bufferedAmount: number;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: "open" | "error", listener: () => void): void;
  addEventListener(type: "message", listener: (event: { data: unknown }) => void): void;
  addEventListener(type: "close", listener: (event: { code: number; reason: string }) => void): void;
}
export type WebSocketConstructor = new (url: string) => WebSocketLike;

/** `offline`: by the application's wish, or because the server refused the
 * client for good; nothing is tried until connect(). `waiting`: the next try
 * is scheduled. */
export type ConnectionState = "offline" | "connecting" | "online" | "waiting";

/** Bytes as they travel: messages with their WebSocket framing, without TCP and TLS. */
export interface WireCounter {
  sentBytes: number;
  receivedBytes: number;
  sentMessages: number;
  receivedMessages: number;
}

/** Gives a token: at each connecting, and again before the one in use ends. */
export type TokenProvider = () => string | Promise<string>;

export interface ConnectionOptions {
  url: string;
  token: string | TokenProvider;
  WebSocket: WebSocketConstructor;
  /** name and version, for the server's log */
  name: string;
}

interface ConnectionEvents {
  state: ConnectionState;
  /** the greeting is on its way, with the token: what is sent from now on the server
   * looks at if it accepts that */
  hello: undefined;
  welcome: Welcome;
  message: NonNullable<ServerMessage["message"]>;
  /** why the connection ended, or could not be made */
  failure: ConvergeError;
}

const pingEveryMs = 30_000;
const pongWithinMs = 10_000;
const welcomeWithinMs = 15_000;
const firstRetryMs = 250;
const lastRetryMs = 30_000;
// A token is renewed when so much of its time is over; what fails is tried again.
const renewAfter = 0.8;
const renewRetryMs = 5_000;
// Beyond it setTimeout() fires at once.
const longestTimeoutMs = 2 ** 31 - 1;

/** Refusals that trying again does not cure. */
const final: ReadonlySet<Code> = new Set([Code.CODE_UNAUTHENTICATED, Code.CODE_UNSUPPORTED_VERSION, Code.CODE_PROTOCOL]);

export class Connection extends Emitter<ConnectionEvents> {
  readonly wire: WireCounter = { sentBytes: 0, receivedBytes: 0, sentMessages: 0, receivedMessages: 0 };
  #state: ConnectionState = "offline";
  #socket: WebSocketLike | undefined;
  #wanted = false;
  #greeted = false;
  #attempts = 0;
  #epoch = 0n;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #watchdog: ReturnType<typeof setTimeout> | undefined;
  #nonce = 0n;
  #renewal: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly options: ConnectionOptions) {
    super();
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** The epoch of the server last seen, 0 before the first greeting. */
  get epoch(): bigint {
    return this.#epoch;
  }

  /** Bytes handed to the socket that it has not sent yet. */
  get bufferedBytes(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** Connects, and again whenever the connection is lost, until disconnect(). */
  connect(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#attempts = 0;
    void this.#dial();
  }

  disconnect(): void {
    this.#wanted = false;
    this.#drop();
    this.#become("offline");
  }

  /** Ends a wait between two tries: the network may be there again. */
  hurry(): void {
    if (this.#state === "waiting") void this.#dial();
  }

  /** Drops the connection and makes it anew after the usual wait. */
  restart(): void {
    if (this.#state === "online") this.#failed(new ConvergeError("unavailable", "connection restarted"));
  }

  /** Sends from the event `hello` on; what is sent at other times is lost. */
  send(message: NonNullable<ClientMessage["message"]>): void {
    if (this.#greeted) this.#transmit(message);
  }

  async #dial(): Promise<void> {
    this.#drop();
    this.#become("connecting");
    let token: string;
    let socket: WebSocketLike;
    try {
      const { token: given } = this.options;
      token = typeof given === "string" ? given : await given();
      if (this.#state !== "connecting" || this.#socket !== undefined) return;
      socket = new this.options.WebSocket(this.options.url);
    } catch (error) {
      this.#failed(new ConvergeError("unavailable", error instanceof Error ? error.message : String(error)));
      return;
    }
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    const current = () => this.#socket === socket;
    socket.addEventListener("open", () => {
      if (!current()) return;
      this.#transmit({
        $case: "hello",
        value: { protocol: oldestProtocol, newestProtocol, token, epoch: this.#epoch, client: this.options.name },
      });
      this.#greeted = true;
      this.emit("hello", undefined);
    });
    socket.addEventListener("message", ({ data }) => {
      if (current()) this.#receive(data);
    });
    socket.addEventListener("error", () => {}); // a close event follows
    socket.addEventListener("close", ({ code, reason }) => {
      if (!current()) return;
      this.#failed(new ConvergeError("unavailable", "connection closed", `close code ${code}${reason ? `: ${reason}` : ""}`));
    });
    this.#watch(welcomeWithinMs, "no greeting from the server");
  }

  #receive(data: unknown): void {
    let message: ServerMessage["message"];
    try {
      const bytes = new Uint8Array(data as ArrayBuffer);
      this.wire.receivedBytes += bytes.length + headerSize(bytes.length);
      this.wire.receivedMessages++;
      message = ServerMessage.decode(bytes).message;
    } catch (error) {
      this.#failed(new ConvergeError("protocol", "server sent what is no message", String(error)));
      return;
    }
    if (message === undefined) return; // of a later version
    switch (message.$case) {
      case "welcome":
        this.#epoch = message.value.epoch;
        this.#attempts = 0;
        this.#become("online");
        this.#schedulePing();
        this.#scheduleRenewal(Number(message.value.tokenMs));
        this.emit("welcome", message.value);
        break;
      case "renewed":
        this.#scheduleRenewal(Number(message.value.tokenMs));
        break;
      case "pong":
        if (message.value.nonce === this.#nonce) this.#schedulePing();
        break;
      case "problem":
        this.emit("message", message);
        if (message.value.fatal) this.#failed(problemError(message.value), this.#isFinal(message.value.code));
        break;
      default:
        this.emit("message", message);
    }
  }

  // A token that was good and has ended is replaced by who gives tokens.
  #isFinal(code: Code): boolean {
    const replaceable = code === Code.CODE_UNAUTHENTICATED && this.#state === "online" && typeof this.options.token === "function";
    return final.has(code) && !replaceable;
  }

  #scheduleRenewal(lifetimeMs: number): void {
    if (typeof this.options.token === "function") this.#renewIn(lifetimeMs * renewAfter);
  }

  #renewIn(ms: number): void {
    clearTimeout(this.#renewal);
    this.#renewal = setTimeout(() => void this.#renew(), Math.min(ms, longestTimeoutMs));
  }

  async #renew(): Promise<void> {
    const { token: given } = this.options;
    const socket = this.#socket;
    if (typeof given !== "function") return;
    try {
      const token = await given();
      if (this.#socket !== socket || this.#state !== "online") return;
      this.#transmit({ $case: "renew", value: { token } });
    } catch (error) {
      if (this.#socket !== socket) return;
      this.emit("failure", new ConvergeError("unavailable", "cannot renew the token", error instanceof Error ? error.message : String(error)));
    }
    // Until the answer says when to do so next.
    if (this.#socket === socket) this.#renewIn(renewRetryMs);
  }

  #transmit(message: NonNullable<ClientMessage["message"]>): void {
    const bytes = ClientMessage.encode({ message }).finish() as Uint8Array<ArrayBuffer>;
    this.wire.sentBytes += bytes.length + headerSize(bytes.length) + 4; // clients mask what they send
    this.wire.sentMessages++;
    this.#socket?.send(bytes);
  }

  #schedulePing(): void {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => {
      this.#transmit({ $case: "ping", value: { nonce: ++this.#nonce } });
      this.#watch(pongWithinMs, "no answer to a ping");
    }, pingEveryMs);
  }

  #watch(ms: number, complaint: string): void {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.#failed(new ConvergeError("unavailable", complaint, `after ${ms} ms`)), ms);
  }

  #failed(error: ConvergeError, forGood = false): void {
    this.#drop();
    if (!this.#wanted || forGood) {
      this.#wanted = false;
      this.#become("offline");
    } else {
      const ceiling = Math.min(lastRetryMs, firstRetryMs * 2 ** this.#attempts++);
      // Clients that lost the same server must not come back in step.
      this.#retry = setTimeout(() => void this.#dial(), ceiling * (0.5 + Math.random() / 2));
      this.#become("waiting");
    }
    this.emit("failure", error);
  }

  #drop(): void {
    clearTimeout(this.#retry);
    clearTimeout(this.#watchdog);
    clearTimeout(this.#renewal);
    const socket = this.#socket;
    this.#socket = undefined;
    this.#greeted = false;
    try {
      socket?.close(1000);
    } catch {
      // It never opened.
    }
  }

  #become(state: ConnectionState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.emit("state", state);
  }
}

export function problemError(problem: Problem): ConvergeError {
  const { code, message, sqlstate, constraint } = problem;
  return new ConvergeError(codeName(code), message, "", code === Code.CODE_VIOLATES_CONSTRAINT ? { sqlstate, constraint } : undefined);
}

/** Size of an unmasked WebSocket frame's header. */
function headerSize(payload: number): number {
  return payload < 126 ? 2 : payload < 65_536 ? 4 : 10;
}

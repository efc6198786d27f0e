// One document as an application sees it: its fields, its events, its local
// changes and what the server makes of them.
import { Code, Payload, type Change, type DocumentRef, type PullResponse, type Reject } from "../generated/converge.ts";
import { Columns } from "./columns.ts";
import type { CoreModule } from "./core/module.ts";
import { DocumentSession, FieldType, type FieldInfo, type ChangeNumber, type LoggedChange, type Refusal, type SessionChange, type Terms, type Update } from "./core/session.ts";
import type { DocumentEvents, DocumentState } from "./document_events.ts";
import { readRecord, storageError, writeRecord } from "./document_record.ts";
import { Emitter } from "./emitter.ts";
import { ConvergeError, codeName } from "./errors.ts";
import { CounterField, MapField, RegisterField, SetField, TextField, type FieldHost, type FieldView, type Json } from "./fields.ts";
import { Presence } from "./presence.ts";
import { SendWindow } from "./send_window.ts";
import type { Splice } from "./splice.ts";
import { Keeper, type Place } from "./storage.ts";

/** What the client does for a document. */
export interface DocumentHost {
  readonly now: () => number;
  /** asks for sendable() to be called soon */
  schedule(document: Document): void;
  /** as schedule, but not at once */
  postpone(document: Document): void;
  /** asks to subscribe again, from logVersion() */
  pull(document: Document): void;
  close(document: Document): void;
  /** tells the server what this client shows at the document, which is live */
  setPresence(document: Document, field: string, state: string): void;
  /** whether the number is, or was, that of the client's connection */
  isOwnPeer(peer: bigint): boolean;
  /** another place of this document that a client which is gone has left */
  takeLeft(): Promise<Place | undefined>;
  problem(error: ConvergeError): void;
}

/** The milliseconds since 1970 of a hybrid logical clock. */
const clockMs = (hlc: bigint): number => Number(hlc >> 16n);

// Live changes are applied one by one up to this number, so that each text
// edit is seen where it was made; a longer catch-up is applied as a whole.
const oneByOne = 64;

export class Document extends Emitter<DocumentEvents> implements FieldHost {
  /** Who else is here now, and what this client shows them. */
  readonly presence: Presence;
  #session: DocumentSession;
  #incarnation = 0n;
  /** In the wire's form: where the server makes the key, only what it leaves to
   * the client, until the document is made. */
  #key: string;
  #temporaryKey: string;
  #keyIsMade: boolean;
  readonly #fields = new Map<string, FieldView>();
  #columns = new Columns();
  readonly #opened: { promise: Promise<void>; resolve: () => void; reject: (error: ConvergeError) => void };
  #known: FieldInfo[] = [];
  #state: DocumentState = "opening";
  readonly #window = new SendWindow();
  #pending = 0;
  #depth = 0;
  #edited = new Map<FieldView, Splice[]>();
  /** Who waits for the verdict on an atomic change. */
  #awaited: { number: ChangeNumber; resolve: () => void; reject: (error: ConvergeError) => void }[] = [];
  #failure: ConvergeError | undefined;
  readonly #keeper: Keeper | undefined;
  /** What is made again after a refusal is kept before it is sent: an older
   * journal would make it once more. */
  #held = false;
  #adopting = false;
  #adopted = false;

  constructor(
    private readonly core: CoreModule,
    private readonly host: DocumentHost,
    readonly collection: string,
    key: string,
    place?: Place,
    temporaryKey = "",
  ) {
    super();
    this.#key = key;
    this.#temporaryKey = temporaryKey;
    this.#keyIsMade = temporaryKey === "";
    this.#session = new DocumentSession(core);
    this.presence = new Presence({
      send: (field, state) => {
        if (this.#state === "live") this.host.setPresence(this, field, state);
      },
      isOwn: (peer) => this.host.isOwnPeer(peer),
    });
    let resolve!: () => void;
    let reject!: (error: ConvergeError) => void;
    const promise = new Promise<void>((yes, no) => ((resolve = yes), (reject = no)));
    promise.catch(() => {}); // who does not wait hears it by the state
    this.#opened = { promise, resolve, reject };
    if (place === undefined) return;
    this.#keeper = new Keeper(place, () => this.#record(), (error) => this.host.problem(storageError(error)));
    if (place.kept) this.#restore(place.kept);
  }

  get state(): DocumentState {
    return this.#state;
  }

  /** The document's key; while the server has not made it, the temporary one. */
  get key(): string {
    return this.#keyIsMade ? this.#key : this.#temporaryKey;
  }

  /** Why the state is `refused`. */
  get failure(): ConvergeError | undefined {
    return this.#failure;
  }

  /** The number of changes that the server has not acknowledged. While the client asks
   * a server that was restored what it has forgotten, at least one. */
  get pending(): number {
    return this.#pending;
  }

  /** The document's fields, by name. */
  get fields(): readonly FieldInfo[] {
    return this.#known;
  }

  /** The plain columns that the collection includes, by name: read-only, as the
   * server last had them. */
  get columns(): ReadonlyMap<string, Json> {
    return this.#columns.values;
  }

  text(field: string): TextField {
    return this.#field(field, TextField, FieldType.crdt_text);
  }

  map(field: string): MapField {
    return this.#field(field, MapField, FieldType.lww_map);
  }

  /** An or_set or an lww_set. */
  set(field: string): SetField {
    return this.#field(field, SetField, FieldType.or_set, FieldType.lww_set);
  }

  /** A pn_counter, or a g_counter, which only grows. */
  counter(field: string): CounterField {
    return this.#field(field, CounterField, FieldType.pn_counter, FieldType.g_counter);
  }

  register(field: string): RegisterField {
    return this.#field(field, RegisterField, FieldType.mv_register);
  }

  /** Makes all edits inside `edits` one change, which others see as a whole. If
   * `edits` throws, the edits before the throw are still made. */
  transact(edits: () => void): void {
    this.#change(edits);
  }

  /** As transact, and tells what the server said: resolves once the change is
   * committed as it was made, rejects with what refused it, and then it is taken
   * back. It is never made again after the refusal of an earlier change. With
   * `expect` it is committed only if nobody else, in SQL or otherwise, has written
   * to the document since what this client has seen: code `expectation_failed`
   * otherwise. If `edits` throws, the promise rejects with that, and the edits before
   * the throw are still made. */
  async atomic(edits: () => void, { expect = false }: { expect?: boolean } = {}): Promise<void> {
    if (this.#depth > 0) throw new ConvergeError("invalid", "an atomic change cannot be part of another one");
    const number = this.#change(edits, { once: true, expect });
    if (number === undefined) return;
    await new Promise<void>((resolve, reject) => this.#awaited.push({ number, resolve, reject }));
  }

  #change(edits: () => void, terms?: Terms): ChangeNumber | undefined {
    let number: ChangeNumber | undefined;
    if (this.#state === "closed" || this.#state === "opening") {
      throw new ConvergeError("invalid", `document "${this.collection}/${this.key}" is ${this.#state === "closed" ? "closed" : "not open yet"}`);
    }
    if (this.#depth === 0) this.#session.beginChange(this.host.now(), terms);
    this.#depth++;
    try {
      edits();
    } finally {
      this.#depth--;
      if (this.#depth === 0) number = this.#commit();
    }
    return number;
  }

  edit(field: FieldView, edit: (session: DocumentSession) => Splice | void): void {
    this.transact(() => {
      const splice = edit(this.#session);
      const splices = this.#edited.get(field) ?? [];
      if (splice) splices.push(splice);
      this.#edited.set(field, splices);
    });
  }

  /** Resolves once the server has acknowledged every local change made so far. */
  async acknowledged(): Promise<void> {
    while (this.#pending > 0) await this.once("pending");
  }

  /** Resolves once every change made so far is where the client's storage keeps it. */
  async kept(): Promise<void> {
    await this.#keeper?.whenKept();
  }

  /** Stops following the document. Without a storage, changes that have no
   * acknowledgement are given up. */
  close(): void {
    if (this.#state === "closed") return;
    this.host.close(this);
    this.presence.close();
    this.#opened.reject(new ConvergeError("invalid", "document was closed"));
    this.#become("closed");
    this.#settle(new ConvergeError("invalid", "document was closed"));
    if (this.#keeper) void this.#keeper.close().then(() => this.#session.free());
    else this.#session.free();
  }

  // ---- for the client

  /** Makes a document that the server does not have yet. */
  make(fields: FieldInfo[], edits: (document: Document) => void): void {
    this.#session.onFields(fields);
    this.#known = fields;
    this.#become("detached");
    this.#session.beginCreation(this.host.now());
    this.#depth++;
    try {
      edits(this);
    } finally {
      this.#depth--;
      this.#commit();
    }
    this.#opened.resolve();
  }

  /** What makes the document, as long as the server has not said that it is there. */
  creation(): { document: DocumentRef; temporaryKey: string; change: Change } | undefined {
    if (!this.#session.creating()) return undefined;
    const document = { collection: this.collection, key: this.#key };
    return { document, temporaryKey: this.#temporaryKey, change: wireChange(this.#session.unacknowledged(0n, 1)[0]!) };
  }

  onCreated(key: string): void {
    const creation = this.creation();
    if (creation === undefined) return;
    this.#key = key;
    this.#keyIsMade = true;
    this.#session.onAck(creation.change.replica, creation.change.seq);
    this.#changed();
    this.emit("created", { key });
  }

  /** Resolves when the document is first there; rejects when it is refused before. */
  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  get session(): DocumentSession {
    return this.#session;
  }

  logVersion(): Uint8Array {
    return this.#session.logVersion();
  }

  /** After the greeting. What waits for longer than `reconcileAfterMs` is offered as
   * one change, once it is known what the server holds. */
  onWelcome(epoch: bigint, reconcileAfterMs: number): void {
    this.#onEpoch(epoch);
    this.#changed();
    if (this.#isToReconcile(reconcileAfterMs)) this.#session.reconcile();
  }

  /** Whether the server is to be asked for it only after the greeting. */
  waitsForWelcome(reconcileAfterMs: number): boolean {
    return this.#session.creating() || this.#isToReconcile(reconcileAfterMs);
  }

  /** `presenceMs`: how long a presence lasts at this server. */
  onSubscribed(pull: PullResponse, presenceMs = 0): void {
    if (this.#incarnation !== 0n && pull.incarnation !== this.#incarnation) {
      // The row was deleted and made again: another document. What was known
      // and what waits belong to the one that is gone.
      this.#incarnation = pull.incarnation;
      this.#begin();
      this.host.pull(this);
      return;
    }
    this.#incarnation = pull.incarnation;
    this.#onEpoch(pull.epoch);
    this.#session.onFields(pull.fields);
    this.#known = pull.fields.map(({ field, type }) => ({ field, type }));
    if (pull.state) this.#show("remote", this.#session.onState(pull.state.fields, pull.state.logVersion), []);
    if (this.#columns.onPull(pull)) this.emit("columns", this.columns);
    this.#apply(pull.changes);
    const offersAnew = this.#session.needsPull();
    this.#session.onCaughtUp(pull.logVersion);
    if (offersAnew) this.#holdUntilKept();
    this.#window.clear();
    this.#become("live");
    this.presence.onLive(presenceMs);
    this.#changed();
    this.#opened.resolve();
    this.#proceed();
  }

  onChanges(changes: Change[]): void {
    this.#apply(changes);
    this.#changed();
    this.#proceed();
  }

  onAck(replica: bigint, seq: bigint): void {
    this.#session.onAck(replica, seq);
    this.#window.acknowledged(replica, seq);
    this.#changed();
    this.#proceed();
  }

  onReject({ replica, seq, code, message, expectedSeq, sqlstate, constraint }: Reject): void {
    const refusal = this.#session.onReject(replica, seq, code, message, expectedSeq);
    // Whatever the verdict asks for, it is sent anew from the journal.
    this.#window.refused(replica, seq, code === Code.CODE_GAP ? expectedSeq : seq);
    if (refusal) this.#refused(refusal, code === Code.CODE_VIOLATES_CONSTRAINT ? { sqlstate, constraint } : undefined);
    this.#changed();
    if (this.#session.needsPull()) this.host.pull(this);
    else if (code === Code.CODE_UNAVAILABLE || code === Code.CODE_LIMIT || code === Code.CODE_UNAUTHENTICATED) this.host.postpone(this);
    else this.host.schedule(this);
  }

  onDetached(): void {
    this.#window.clear();
    this.presence.onDetached();
    if (this.#state === "live") this.#become("detached");
  }

  onRefused(error: ConvergeError, code: Code): void {
    const change = this.creation()?.change;
    if (change) {
      const refusal = this.#session.onReject(change.replica, change.seq, code, error.message, 0n);
      if (refusal) this.#refused(refusal, error.violation);
      this.#changed();
    }
    this.#failure = error;
    this.presence.onDetached();
    this.#become("refused");
    this.#opened.reject(error);
  }

  /** The next changes to send in one message, and what they expect; undefined when
   * there are none or enough is under way. They count as sent from now on. */
  sendable(): { changes: Change[]; expect: Uint8Array } | undefined {
    if (this.#state !== "live" || this.#held) return undefined;
    const changes = this.#window.next((from, bytes) => this.#session.unacknowledged(from, bytes));
    const first = changes[0];
    return first && { changes: changes.map(wireChange), expect: first.expect };
  }

  // ---- inside

  #isToReconcile(afterMs: number): boolean {
    const [oldest] = this.#session.unacknowledged(0n, 1);
    return oldest !== undefined && this.host.now() - clockMs(oldest.hlc) >= afterMs;
  }

  #onEpoch(epoch: bigint): void {
    this.#session.onEpoch(epoch);
    const refusal = this.#session.takeRefusal();
    if (refusal) this.#refused(refusal, undefined);
  }

  // Tells those whose change has its verdict: `error`, or, without one, that it is
  // committed. Those that wait on remain.
  #settle(error?: ConvergeError): void {
    if (this.#awaited.length === 0) return;
    const closed = this.#state === "closed";
    const settled = this.#awaited.filter(({ number }) => closed || !this.#session.awaits(number));
    this.#awaited = this.#awaited.filter((waiting) => !settled.includes(waiting));
    for (const { resolve, reject } of settled) error ? reject(error) : resolve();
  }

  #proceed(): void {
    if (this.#session.needsPull()) this.host.pull(this);
    else this.host.schedule(this);
    if (this.#keeper && !this.#adopted && !this.#adopting && this.#pending === 0 && this.#state === "live") void this.#adoptLeft();
  }

  // ---- kept across restarts

  #record(): Uint8Array {
    return writeRecord({
      incarnation: this.#incarnation,
      fields: this.#known,
      session: this.#session.save(),
      columns: this.#columns.save(),
      key: this.#key,
      temporaryKey: this.#temporaryKey,
      keyIsMade: this.#keyIsMade,
    });
  }

  #restore(bytes: Uint8Array): void {
    try {
      const record = readRecord(bytes);
      this.#session.load(record.session);
      this.#columns.load(record.columns);
      this.#incarnation = record.incarnation;
      this.#known = record.fields;
      ({ key: this.#key, temporaryKey: this.#temporaryKey, keyIsMade: this.#keyIsMade } = record);
    } catch (error) {
      this.host.problem(storageError(error));
      return;
    }
    this.#pending = this.#session.pending();
    this.#become("detached");
    this.#opened.resolve();
  }

  // Takes over, one by one, what clients that are gone have left of this document:
  // tabs that were closed before they could send.
  async #adoptLeft(): Promise<void> {
    this.#adopting = true;
    try {
      const place = await this.host.takeLeft();
      if (place === undefined) {
        this.#adopted = true;
        return;
      }
      // Meanwhile there may be edits again; then it is taken after them.
      if (this.#state === "live" && this.#pending === 0 && !this.#session.needsPull()) {
        const record = place.kept && readRecord(place.kept);
        // 0: it was made there, and not told to the server.
        if (record && (record.incarnation === this.#incarnation || record.incarnation === 0n)) {
          this.#show("remote", this.#session.adopt(record.session), []);
          this.#changed();
          await this.kept();
        }
        await place.clear();
      }
      place.release();
    } catch (error) {
      this.#adopted = true; // not again and again
      this.host.problem(storageError(error));
    } finally {
      this.#adopting = false;
    }
    if (!this.#adopted && this.#state === "live") this.#proceed();
  }

  #begin(): void {
    const splices = new Map<string, Splice[]>();
    for (const view of this.#fields.values()) {
      if (view instanceof TextField && view.length > 0) splices.set(view.name, [{ at: 0, removed: view.length, inserted: "" }]);
      view.forget();
    }
    this.#columns = new Columns();
    for (const { reject } of this.#awaited.splice(0)) reject(new ConvergeError("unknown_document", "the document was deleted and made again"));
    this.#session.free();
    this.#session = new DocumentSession(this.core);
    this.#session.onFields(this.#known);
    this.emit("change", { origin: "rollback", principals: [], fields: this.#known.map(({ field }) => field), splices });
    this.#changed();
  }

  #commit(): ChangeNumber | undefined {
    const edited = this.#edited;
    this.#edited = new Map();
    const number = this.#session.commitChange();
    if (number === undefined) return undefined;
    const splices = new Map([...edited].map(([{ name }, made]) => [name, made]));
    this.emit("change", { origin: "local", principals: [], fields: [...splices.keys()], splices });
    this.#changed();
    this.host.schedule(this);
    return number;
  }

  #apply(changes: Change[]): void {
    const step = changes.length <= oneByOne ? 1 : changes.length;
    for (let at = 0; at < changes.length; at += step) {
      const some = changes.slice(at, at + step);
      const update = this.#session.onChanges(some.map(loggedChange));
      this.#show("remote", update, [...new Set(some.map(({ principal }) => principal))]);
      if (some.map((change) => this.#columns.onChange(change)).includes(true)) this.emit("columns", this.columns);
    }
  }

  #show(origin: "remote" | "rollback", update: Update, principals: string[]): void {
    for (const { field } of update.fields) this.#fields.get(field)?.forget();
    if (update.fields.length > 0) {
      this.emit("change", {
        origin,
        principals: principals.filter((name) => name !== ""),
        fields: update.fields.map(({ field }) => field),
        splices: new Map(update.fields.map(({ field, splices }) => [field, splices])),
      });
    }
    if (update.deleted) this.emit("deleted", { principal: principals.at(-1) ?? "" });
  }

  // Sends nothing until what is to be sent is kept: from an older journal the same
  // edits would be made, or offered, a second time under other numbers.
  #holdUntilKept(): void {
    if (!this.#keeper) return;
    this.#held = true;
    this.#keeper.changed();
    void this.#keeper.whenKept().then(() => {
      this.#held = false;
      this.host.schedule(this);
    });
  }

  #refused(refusal: Refusal, violation: ConvergeError["violation"]): void {
    this.#show("rollback", refusal.update, []);
    this.#holdUntilKept();
    const error = new ConvergeError(codeName(refusal.code), refusal.message, "", violation);
    this.#settle(error);
    this.emit("refused", {
      error,
      fields: [...new Set(refusal.lost.map(({ field }) => field))],
      reapplied: refusal.reapplied,
    });
  }

  #field<T extends FieldView>(name: string, View: new (host: FieldHost, name: string) => T, ...types: FieldType[]): T {
    const held = this.#fields.get(name);
    if (held instanceof View) return held;
    const info = this.#known.find(({ field }) => field === name);
    if (info === undefined) {
      throw new ConvergeError("unknown_field", `collection "${this.collection}" has no field "${name}"`, `it has: ${this.#known.map(({ field }) => field).join(", ")}`);
    }
    if (!types.includes(info.type)) {
      throw new ConvergeError("wrong_type", `field "${name}" is ${FieldType[info.type]}, not ${types.map((type) => FieldType[type]).join(" or ")}`,
        info.type === FieldType.ydoc ? `Yjs clients edit it, at /yjs/${this.collection}/${this.key}/${name}` : "");
    }
    const view = new View(this, name);
    this.#fields.set(name, view);
    return view;
  }

  #changed(): void {
    this.#keeper?.changed();
    this.#settle();
    const pending = this.#session.pending();
    if (pending === this.#pending) return;
    this.#pending = pending;
    this.emit("pending", pending);
  }

  #become(state: DocumentState): void {
    if (this.#state === state) return;
    this.#state = state;
    if (state !== "refused") this.#failure = undefined;
    this.emit("state", state);
  }
}

function wireChange({ replica, seq, hlc, operation, fields }: SessionChange): Change {
  return { replica, seq, hlc, payload: Payload.encode({ operation, fields, columns: [] }).finish(), principal: "", isNew: false };
}

function loggedChange({ replica, seq, hlc, payload }: Change): LoggedChange {
  if (payload.length === 0) return { replica, seq, hlc, fields: [], operation: 0, refused: true };
  const { operation, fields } = Payload.decode(payload);
  return { replica, seq, hlc, fields, operation, refused: false };
}

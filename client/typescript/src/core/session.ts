// One document's session, kept in the core (src/core/session): the journal of
// local changes, their numbers, and the states that follow. This class only
// carries values over the border.
import { CoreModule } from "./module.ts";
import { Packer, Unpacker } from "./packing.ts";
import type { Splice } from "../splice.ts";

/** src/core/field.h */
export enum FieldType {
  lww_map = 1,
  or_set = 2,
  crdt_text = 3,
  pn_counter = 4,
  g_counter = 5,
  mv_register = 6,
  lww_set = 7,
  /** passed by: Yjs clients edit it, at the bridge's /yjs */
  ydoc = 10,
}

export interface FieldInfo {
  field: string;
  type: FieldType;
}

export interface FieldDelta {
  field: string;
  delta: Uint8Array;
}

/** One atomic edit of the document by one replica. */
export interface SessionChange {
  replica: bigint;
  seq: bigint;
  hlc: bigint;
  /** wire.Operation */
  operation: number;
  fields: FieldDelta[];
}

/** A change to be sent. */
export interface OfferedChange extends SessionChange {
  /** wire.Push.expect; empty: nothing is expected */
  expect: Uint8Array;
}

/** A change's number, by which its verdict is known. */
export interface ChangeNumber {
  replica: bigint;
  seq: bigint;
}

/** What a local change asks beside its edits (src/core/session/document_session.h). */
export interface Terms {
  /** it is never made again: committed as it is, or lost */
  once?: boolean;
  /** only if nobody else has written since; then also once */
  expect?: boolean;
}

/** A change as the server says it was logged. */
export interface LoggedChange extends SessionChange {
  /** a number without content, where its replica ended */
  refused: boolean;
}

/** What changed in what the user sees. */
export interface Update {
  fields: { field: string; splices: Splice[] }[];
  /** the row was deleted */
  deleted: boolean;
  /** live changes are not enough: subscribe again from logVersion() */
  needsPull: boolean;
}

/** What the server did not take, and what became of the edits after it. */
export interface Refusal {
  seq: bigint;
  /** wire.Code */
  code: number;
  message: string;
  /** what the refused changes held; it is no longer part of the document */
  lost: FieldDelta[];
  /** later local changes that were made again under a new replica */
  reapplied: number;
  update: Update;
}

const freed = new FinalizationRegistry<() => void>((free) => free());

export class DocumentSession {
  readonly #core: CoreModule;
  readonly #handle: number;

  constructor(core: CoreModule) {
    this.#core = core;
    const handle = (this.#handle = core.call("converge_session_new"));
    freed.register(this, () => core.call("converge_session_free", handle), this);
  }

  /** Gives the memory back; the session must not be used afterwards. */
  free(): void {
    if (freed.unregister(this)) this.#core.call("converge_session_free", this.#handle);
  }

  // ---- what the server says

  onFields(fields: FieldInfo[]): void {
    const packer = new Packer().u32(fields.length);
    for (const { field, type } of fields) packer.text(field).u32(type);
    this.#run("converge_session_on_fields", packer.packed());
  }

  onState(fields: FieldDelta[], logVersion: Uint8Array): Update {
    return unpackUpdate(new Unpacker(this.#run("converge_session_on_state", packFields(new Packer(), fields).packed(), logVersion)));
  }

  onChanges(changes: LoggedChange[]): Update {
    const packer = new Packer().u32(changes.length);
    for (const change of changes) {
      packer.u64(change.replica).u64(change.seq).u64(change.hlc).u32(change.operation).u32(change.refused ? 1 : 0);
      packFields(packer, change.fields);
    }
    return unpackUpdate(new Unpacker(this.#run("converge_session_on_changes", packer.packed())));
  }

  /** The end of every pull: what the client has now. */
  onCaughtUp(logVersion: Uint8Array): void {
    this.#run("converge_session_on_caught_up", logVersion);
  }

  onAck(replica: bigint, seq: bigint): void {
    this.#run("converge_session_on_ack", replica, seq);
  }

  /** Returns what was refused, or undefined where the verdict only asks to send again. */
  onReject(replica: bigint, seq: bigint, code: number, message: string, expectedSeq: bigint): Refusal | undefined {
    return unpackRefusal(new Unpacker(this.#run("converge_session_on_reject", replica, seq, code, message, expectedSeq)));
  }

  /** After onEpoch(): changes on terms that are lost without a verdict. */
  takeRefusal(): Refusal | undefined {
    return unpackRefusal(new Unpacker(this.#run("converge_session_take_refusal")));
  }

  onEpoch(epoch: bigint): void {
    this.#run("converge_session_on_epoch", epoch);
  }

  // ---- local edits; positions in UTF-16 units

  beginChange(nowMs: number, { once = false, expect = false }: Terms = {}): void {
    this.#run("converge_session_begin_change", BigInt(Math.trunc(nowMs)), once ? 1 : 0, expect ? 1 : 0);
  }

  /** As beginChange(), for the change that makes the document: the first of a
   * session that has its fields. */
  beginCreation(nowMs: number): void {
    this.#run("converge_session_begin_creation", BigInt(Math.trunc(nowMs)));
  }

  /** Whether the document is to be made yet: until that is acknowledged, the
   * change that makes it is the only one offered. */
  creating(): boolean {
    return this.#core.call("converge_session_creating", this.#handle) !== 0;
  }

  /** The change's number, or undefined if it held nothing to send. */
  commitChange(): ChangeNumber | undefined {
    const number = new Unpacker(this.#run("converge_session_commit_change"));
    return number.u32() === 0 ? undefined : { replica: number.u64(), seq: number.u64() };
  }

  /** Replaces `count` units at `at` by `text`. */
  textSplice(field: string, at: number, count: number, text: string): void {
    this.#run("converge_session_text_splice", field, at, count, text);
  }

  mapSet(field: string, key: string, json: string): void {
    this.#run("converge_session_map_set", field, key, json);
  }

  mapUnset(field: string, key: string): void {
    this.#run("converge_session_map_unset", field, key);
  }

  setAdd(field: string, element: string): void {
    this.#run("converge_session_set_add", field, element);
  }

  setRemove(field: string, element: string): void {
    this.#run("converge_session_set_remove", field, element);
  }

  counterIncrement(field: string, n: bigint): void {
    this.#run("converge_session_counter_increment", field, BigInt.asUintN(64, n));
  }

  registerAssign(field: string, json: string): void {
    this.#run("converge_session_register_assign", field, json);
  }

  // ---- what to send

  /** Changes to offer, oldest first, all of one replica: from number `fromSeq`
   * on, until they hold `maxBytes` (one at least). One that expects something comes
   * alone, to be sent by itself. */
  unacknowledged(fromSeq: bigint, maxBytes: number): OfferedChange[] {
    const fields = new Unpacker(this.#run("converge_session_unacknowledged", fromSeq, maxBytes));
    return fields.list(() => ({ replica: fields.u64(), seq: fields.u64(), hlc: fields.u64(), operation: fields.u32(), expect: fields.bytes(), fields: unpackFields(fields) }));
  }

  /** Whether there is no verdict yet on this change of the session's own. */
  awaits({ replica, seq }: ChangeNumber): boolean {
    return this.#core.call("converge_session_awaits", this.#handle, replica, seq) !== 0;
  }

  /** The number of changes without a verdict; while a recovery runs at least one. */
  pending(): number {
    return this.#core.call("converge_session_pending", this.#handle);
  }

  needsPull(): boolean {
    return this.#core.call("converge_session_needs_pull", this.#handle) !== 0;
  }

  /** Offers what waits as one change, after a pull of everything from an empty
   * logVersion(). */
  reconcile(): void {
    this.#core.call("converge_session_reconcile", this.#handle);
  }

  logVersion(): Uint8Array {
    return this.#run("converge_session_log_version");
  }

  // ---- keeping it

  /** Everything but an open change; for load() and adopt() alone. */
  save(): Uint8Array {
    return this.#run("converge_session_save");
  }

  /** Into a session that has not been used. */
  load(bytes: Uint8Array): void {
    this.#run("converge_session_load", bytes);
  }

  /** Takes over what another session of this user saved and does not use any
   * more. Fails while this one has changes without an acknowledgement. */
  adopt(bytes: Uint8Array): Update {
    return unpackUpdate(new Unpacker(this.#run("converge_session_adopt", bytes)));
  }

  // ---- what the user sees

  text(field: string): string {
    return this.#core.runText("converge_session_text", this.#handle, field);
  }

  /** The map as one JSON object. */
  mapJson(field: string): string {
    return this.#core.runText("converge_session_map_json", this.#handle, field);
  }

  setElements(field: string): string[] {
    const elements = new Unpacker(this.#run("converge_session_set_elements", field));
    return elements.list(() => elements.text());
  }

  counterValue(field: string): bigint {
    return BigInt.asIntN(64, new Unpacker(this.#run("converge_session_counter_value", field)).u64());
  }

  /** The JSON values that stand beside each other. */
  registerValues(field: string): string[] {
    const values = new Unpacker(this.#run("converge_session_register_values", field));
    return values.list(() => values.text());
  }

  #run(name: string, ...values: (number | bigint | string | Uint8Array)[]): Uint8Array {
    return this.#core.run(name, this.#handle, ...values);
  }
}

function packFields(packer: Packer, fields: FieldDelta[]): Packer {
  packer.u32(fields.length);
  for (const { field, delta } of fields) packer.text(field).bytes(delta);
  return packer;
}

function unpackFields(fields: Unpacker): FieldDelta[] {
  return fields.list(() => ({ field: fields.text(), delta: fields.bytes() }));
}

function unpackRefusal(fields: Unpacker): Refusal | undefined {
  if (fields.u32() === 0) return undefined;
  return { seq: fields.u64(), code: fields.u32(), message: fields.text(), lost: unpackFields(fields), reapplied: fields.u32(), update: unpackUpdate(fields) };
}

function unpackUpdate(fields: Unpacker): Update {
  return {
    fields: fields.list(() => ({
      field: fields.text(),
      splices: fields.list(() => ({ at: fields.u32(), removed: fields.u32(), inserted: fields.text() })),
    })),
    deleted: fields.u32() !== 0,
    needsPull: fields.u32() !== 0,
  };
}

// What a client's storage keeps of a document.
import type { FieldInfo } from "./core/session.ts";
import { Packer, Unpacker } from "./core/packing.ts";
import { ConvergeError } from "./errors.ts";

const recordVersion = 2;

/** `key` is in the wire's form; `session` and `columns` are as those save themselves. */
export interface DocumentRecord {
  incarnation: bigint;
  fields: FieldInfo[];
  session: Uint8Array;
  columns: string;
  key: string;
  temporaryKey: string;
  keyIsMade: boolean;
}

export function writeRecord(record: DocumentRecord): Uint8Array {
  const packer = new Packer().u32(recordVersion).u64(record.incarnation).u32(record.fields.length);
  for (const { field, type } of record.fields) packer.text(field).u32(type);
  packer.bytes(record.session).text(record.columns);
  return packer.text(record.key).text(record.temporaryKey).u32(record.keyIsMade ? 1 : 0).packed().slice();
}

/** Throws a ConvergeError where another version of the client kept it. */
export function readRecord(bytes: Uint8Array): DocumentRecord {
  const record = new Unpacker(bytes);
  const version = record.u32();
  if (version !== recordVersion) throw new ConvergeError("invalid", "document was kept by another version of the client", `its record has version ${version}`);
  return {
    incarnation: record.u64(),
    fields: record.list(() => ({ field: record.text(), type: record.u32() })),
    session: record.bytes(),
    columns: record.text(),
    key: record.text(),
    temporaryKey: record.text(),
    keyIsMade: record.u32() !== 0,
  };
}

/** What the storage, or reading what it kept, raised. */
export function storageError(error: unknown): ConvergeError {
  return error instanceof ConvergeError ? error : new ConvergeError("unavailable", "document cannot be kept", String(error));
}

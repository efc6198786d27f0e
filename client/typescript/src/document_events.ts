// What an application hears of a document.
import type { ConvergeError } from "./errors.ts";
import type { Json } from "./fields.ts";
import type { Splice } from "./splice.ts";

/** `opening`: nothing known yet; `live`: subscribed, changes flow both ways;
 * `detached`: no connection, edits are kept and sent later; `refused`: the
 * server does not give this document (any more); `closed`: by close(). */
export type DocumentState = "opening" | "live" | "detached" | "refused" | "closed";

export interface DocumentChange {
  /** `rollback`: the server refused local edits, and they were taken back */
  origin: "local" | "remote" | "rollback";
  /** who made it, where the server said so */
  principals: string[];
  /** the names of the fields that are different now */
  fields: string[];
  /** what happened to each text among them, in order */
  splices: ReadonlyMap<string, readonly Splice[]>;
}

export interface DocumentRefusal {
  error: ConvergeError;
  /** the names of the fields whose refused edits were taken back */
  fields: string[];
  /** later local changes that were made again, and are sent again */
  reapplied: number;
}

export interface DocumentEvents {
  change: DocumentChange;
  state: DocumentState;
  /** the number of changes that the server has not acknowledged */
  pending: number;
  refused: DocumentRefusal;
  /** plain columns that the server includes are different now */
  columns: ReadonlyMap<string, Json>;
  /** the row was deleted */
  deleted: { principal: string };
  /** the server has made the document that was made here, under this key */
  created: { key: string };
}

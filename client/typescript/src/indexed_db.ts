// Documents kept in the browser: IndexedDB holds them, a Web Lock on each place
// says which tab has it, and ends with the tab.
import { ConvergeError } from "./errors.ts";
import type { DocumentStorage, Place } from "./storage.ts";

const store = "documents";

type Key = [document: string, place: string];

export class IndexedDbStorage implements DocumentStorage {
  readonly #database: Promise<IDBDatabase>;

  /** `name` is the database's. Whoever can run scripts on this origin can read it:
   * give each user one, and delete it when they log out. */
  constructor(private readonly name: string) {
    if (globalThis.indexedDB === undefined || globalThis.navigator?.locks === undefined) {
      throw new ConvergeError("invalid", "there are no IndexedDB and Web Locks here", "a page has them if it came over https: or from this machine");
    }
    this.#database = new Promise((resolve, reject) => {
      const opening = indexedDB.open(name, 1);
      opening.onupgradeneeded = () => opening.result.createObjectStore(store);
      opening.onsuccess = () => resolve(opening.result);
      opening.onerror = () => reject(failure(opening.error));
    });
    this.#database.catch(() => {}); // who takes a place hears it
  }

  async take(document: string): Promise<Place> {
    const left = await this.takeLeft(document);
    if (left) return left;
    const key: Key = [document, crypto.randomUUID()];
    return this.#place(key, (await this.#lock(key))!, undefined);
  }

  async takeLeft(document: string): Promise<Place | undefined> {
    const keys = await this.#ask("readonly", (documents) => documents.getAllKeys(IDBKeyRange.bound([document], [document, []])));
    for (const key of keys as Key[]) {
      const release = await this.#lock(key);
      if (release === undefined) continue;
      const kept = (await this.#ask("readonly", (documents) => documents.get(key))) as Uint8Array | undefined;
      if (kept !== undefined) return this.#place(key, release, kept);
      release(); // it was cleared before the lock was free
    }
    return undefined;
  }

  #place(key: Key, release: () => void, kept: Uint8Array | undefined): Place {
    return {
      kept,
      write: async (bytes) => void (await this.#ask("readwrite", (documents) => documents.put(bytes, key))),
      clear: async () => void (await this.#ask("readwrite", (documents) => documents.delete(key))),
      release,
    };
  }

  /** Gives what lets the lock go; undefined when somebody has it. */
  #lock(key: Key): Promise<(() => void) | undefined> {
    return new Promise((resolve, reject) => {
      navigator.locks
        .request(JSON.stringify(["converge", this.name, ...key]), { ifAvailable: true }, (lock) => {
          if (lock === null) return resolve(undefined);
          return new Promise<void>((release) => resolve(release));
        })
        .catch(reject);
    });
  }

  async #ask<T>(mode: IDBTransactionMode, request: (documents: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    const transaction = (await this.#database).transaction(store, mode);
    const asked = request(transaction.objectStore(store));
    return await new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve(asked.result);
      transaction.onabort = () => reject(failure(transaction.error));
    });
  }
}

function failure(error: DOMException | null): ConvergeError {
  return new ConvergeError("unavailable", "document cannot be kept in this browser", error?.message ?? "");
}

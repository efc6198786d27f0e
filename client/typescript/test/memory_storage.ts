// A storage that outlives clients, for the unit tests: places are released by
// their clients, or all at once as when the process ends.
import type { DocumentStorage, Place } from "../src/storage.ts";

interface Kept {
  document: string;
  bytes: Uint8Array | undefined;
  taken: boolean;
}

export class MemoryStorage implements DocumentStorage {
  readonly places: Kept[] = [];
  writes = 0;
  /** writes wait until this is over */
  slow: Promise<void> = Promise.resolve();
  #process = 0;

  /** What its clients still write is lost, and all places are free. */
  crash(): void {
    this.#process++;
    for (const place of this.places) place.taken = false;
  }

  async take(document: string): Promise<Place> {
    const left = await this.takeLeft(document);
    if (left) return left;
    const place = { document, bytes: undefined, taken: true };
    this.places.push(place);
    return this.#place(place);
  }

  takeLeft(document: string): Promise<Place | undefined> {
    const place = this.places.find((each) => each.document === document && !each.taken && each.bytes !== undefined);
    if (place === undefined) return Promise.resolve(undefined);
    place.taken = true;
    return Promise.resolve(this.#place(place));
  }

  #place(place: Kept): Place {
    const process = this.#process;
    const set = async (bytes: Uint8Array | undefined) => {
      await this.slow;
      if (process !== this.#process) return await new Promise<never>(() => {});
      place.bytes = bytes;
      this.writes++;
    };
    return {
      kept: place.bytes,
      write: (bytes) => set(bytes.slice()),
      clear: () => set(undefined),
      release: () => void (process === this.#process && (place.taken = false)),
    };
  }
}

// Where a client keeps its documents across restarts.

/** Keeps what clients know of documents, and the edits that the server has not
 * acknowledged. A place is used by one client at a time, whatever tab or process
 * it is in: two would undo each other's saves, and send the same edits. */
export interface DocumentStorage {
  /** A place for the document: one that a client which is gone has left, or an
   * empty one. */
  take(document: string): Promise<Place>;
  /** Another place that was left, if there is one. */
  takeLeft(document: string): Promise<Place | undefined>;
}

export interface Place {
  /** what it held when it was taken */
  readonly kept: Uint8Array | undefined;
  /** Replaces what it holds; resolves when that will survive this process. */
  write(bytes: Uint8Array): Promise<void>;
  clear(): Promise<void>;
  /** Lets others take it. */
  release(): void;
}

// Saving takes at most about a tenth of the time, and is at most so long overdue.
const share = 9;
const longestPauseMs = 250;

/** Writes a document to its place whenever it has changed, one save at a time. */
export class Keeper {
  #changes = 0;
  #kept = 0;
  #running: Promise<void> | undefined;
  #hurry: (() => void) | undefined;
  #waiting: { until: number; resolve: () => void }[] = [];

  constructor(
    private readonly place: Place,
    private readonly save: () => Uint8Array,
    private readonly failed: (error: unknown) => void,
  ) {}

  /** There is something new to save. */
  changed(): void {
    this.#changes++;
    this.#running ??= this.#run();
  }

  /** Resolves when everything up to now is kept, or cannot be. */
  async whenKept(): Promise<void> {
    if (this.#kept >= this.#changes) return;
    const kept = new Promise<void>((resolve) => this.#waiting.push({ until: this.#changes, resolve }));
    this.#hurry?.();
    await kept;
  }

  /** Saves what is new and gives the place back. */
  async close(): Promise<void> {
    await this.whenKept();
    this.place.release();
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // edits of one turn are saved together
    while (this.#kept < this.#changes) {
      const changes = this.#changes;
      const began = performance.now();
      try {
        await this.place.write(this.save());
      } catch (error) {
        this.failed(error);
      }
      this.#kept = changes;
      this.#waiting = this.#waiting.filter(({ until, resolve }) => until > changes || void resolve());
      if (this.#waiting.length === 0) await this.#pause(Math.min(longestPauseMs, share * (performance.now() - began)));
    }
    this.#running = undefined;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

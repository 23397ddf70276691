/** The watches and log streams that are open: counted against the limit, ended when the server closes. */
import { apiError, type ApiError } from "./api-error.ts";

/** One stream's place among those that may be open. */
export class StreamPlace {
  readonly #leave: (place: StreamPlace) => void;
  #cut: (reason: ApiError) => void = () => undefined;

  /** @internal Use `OpenStreams.add`. */
  constructor(leave: (place: StreamPlace) => void) {
    this.#leave = leave;
  }

  /** Says how to end the stream early. */
  onCut(cut: (reason: ApiError) => void): void {
    this.#cut = cut;
  }

  cut(reason: ApiError): void {
    this.#cut(reason);
  }

  /** Gives the place to another; again does nothing. */
  release(): void {
    this.#leave(this);
  }
}

export class OpenStreams {
  readonly #places = new Set<StreamPlace>();
  readonly #streamsMax: number;
  #closing = false;

  constructor(streamsMax: number) {
    this.#streamsMax = streamsMax;
  }

  /** @throws {ApiError} when there are too many, or when the server closes. */
  add(): StreamPlace {
    if (this.#closing) throw closing();
    if (this.#places.size >= this.#streamsMax) {
      throw apiError(
        "too-many-streams",
        `Cannot open another stream: ${this.#streamsMax} are open, which is the limit`,
      );
    }
    const place = new StreamPlace((left) => void this.#places.delete(left));
    this.#places.add(place);
    return place;
  }

  closeAll(): void {
    this.#closing = true;
    for (const place of this.#places) place.cut(closing());
  }
}

function closing(): ApiError {
  return apiError("closing", "This node's API is closing; ask another node");
}

/** An actor's ask: waits as an `Asker`, then, as a `Deferred`, becomes a message of the actor when its turn comes. */
import type { AskResult } from "./ask-result.ts";
import type { AskRequest } from "./context.ts";
import { Deferred } from "./deferred.ts";
import type { Asker } from "./pending-asks.ts";
import type { Source } from "./pressure.ts";
import type { AnyRef } from "./ref.ts";

/** What an ask needs of the actor that asks. */
export interface AskingCell {
  readonly ref: AnyRef;
  readonly source: Source;
  /** Counts lives; an answer to an earlier one is not wanted. */
  readonly life: number;
  receive(message: Deferred, sender: AnyRef | null): void;
}

export class ActorAsk<Other, Answer, Message> extends Deferred implements Asker<Answer> {
  readonly #cell: AskingCell;
  readonly #life: number;
  readonly #request: AskRequest<Other, Answer, Message>;
  #result: AskResult<Answer> | null = null;

  constructor(cell: AskingCell, request: AskRequest<Other, Answer, Message>) {
    super();
    this.#cell = cell;
    this.#life = cell.life;
    this.#request = request;
  }

  get ref(): AnyRef {
    return this.#cell.ref;
  }

  get source(): Source {
    return this.#cell.source;
  }

  settled(result: AskResult<Answer>): void {
    this.#result = result;
    if (this.#isWanted) this.#cell.receive(this, null);
  }

  override get content(): AskResult<Answer> | null {
    return this.#result;
  }

  override take(): { readonly message: Message } | undefined {
    if (this.#result === null || !this.#isWanted) return undefined;
    return { message: this.#request.adapt(this.#result) };
  }

  get #isWanted(): boolean {
    return this.#cell.life === this.#life;
  }
}

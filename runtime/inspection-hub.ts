/** Publishes the inspection stream; while nobody listens no event object is made. */
import { Subject, type Observable } from "rxjs";
import type { DeadLetter, InspectionEvent } from "./inspection.ts";
import type { AnyRef } from "./ref.ts";
import type { Directive } from "./supervision.ts";

export class InspectionHub {
  readonly #events = new Subject<InspectionEvent>();
  readonly stream: Observable<InspectionEvent> = this.#events.asObservable();

  /** Whether anybody listens; hot paths ask before they call. */
  get observed(): boolean {
    return this.#events.observed;
  }

  spawned(ref: AnyRef, behavior: string): void {
    if (this.observed) this.#events.next({ type: "spawned", ref, behavior });
  }

  message(ref: AnyRef, sender: AnyRef | null, message: unknown): void {
    if (this.observed) this.#events.next({ type: "message", ref, sender, message });
  }

  crashed(ref: AnyRef, error: unknown, directive: Directive): void {
    if (this.observed) this.#events.next({ type: "crashed", ref, error, directive });
  }

  restarted(ref: AnyRef): void {
    if (this.observed) this.#events.next({ type: "restarted", ref });
  }

  stopped(ref: AnyRef): void {
    if (this.observed) this.#events.next({ type: "stopped", ref });
  }

  deadLetter(letter: DeadLetter): void {
    if (this.observed) this.#events.next({ type: "dead-letter", letter });
  }

  complete(): void {
    this.#events.complete();
  }
}

/**
 * Calls a listener from outside of the actors. What it throws is its own: the actor that it hears of, and whoever listens
 * beside it, go on, and the error surfaces as that of any subscriber of RxJS does, later and unhandled.
 */
import { of } from "rxjs";

export function tellListener<Value>(value: Value, listener: (value: Value) => void): void {
  of(value).subscribe(listener);
}

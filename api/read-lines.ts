/** Lines of a response that is still arriving. */

/** Longest line that is read: the whole selection of a watch is one line, at about a kilobyte a resource. */
const LINE_CHARS_MAX = 64 * 1_048_576;

/** @throws when a line has no end, or when the connection breaks. A last line without an end is not given out. */
export async function* readLines(body: ReadableStream<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let begun: string[] = [];
  let begunChars = 0;
  for await (const chunk of body) {
    const [first = "", ...rest] = decoder.decode(chunk, { stream: true }).split("\n");
    begun.push(first);
    begunChars += first.length;
    if (begunChars > LINE_CHARS_MAX) throw new Error(`A line is longer than ${LINE_CHARS_MAX} characters`);
    const last = rest.pop();
    if (last === undefined) continue;
    yield begun.join("");
    yield* rest;
    begun = [last];
    begunChars = last.length;
  }
}

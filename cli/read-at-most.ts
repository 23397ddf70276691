/** Text of a stream, no more of it than is needed to see that it is too much: one without an end would fill the memory. */
export async function readAtMost(stream: AsyncIterable<unknown>, charsMax: number = Infinity): Promise<string> {
  const chunks: string[] = [];
  let chars = 0;
  for await (const chunk of stream) {
    const text = String(chunk);
    chunks.push(text);
    chars += text.length;
    if (chars > charsMax) break;
  }
  return chunks.join("");
}

/** Whether text is well-formed XML, as far as a picture needs: tags that nest, attributes in quotes, no bare `<`, `>` or `&`. */

const TAG = /<(\/?)([A-Za-z][\w:-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/gy;

/** What is wrong, with a little of what is around it; null: nothing. */
export function whatIsWrongWith(xml: string): string | null {
  const open: string[] = [];
  let at = 0;
  while (at < xml.length) {
    const next = xml.indexOf("<", at);
    const text = xml.slice(at, next < 0 ? xml.length : next);
    if (/&(?!(?:amp|lt|gt|quot|#39);)/.test(text)) return `a bare & in "${text.slice(0, 60)}"`;
    if (text.includes(">") && open.at(-1) !== "style") return `a bare > in "${text.slice(0, 60)}"`;
    if (next < 0) break;
    TAG.lastIndex = next;
    const [whole, close, name = "", attributes = "", alone] = TAG.exec(xml) ?? [];
    if (whole === undefined) return `no tag at "${xml.slice(next, next + 80)}"`;
    if (/&(?!(?:amp|lt|gt|quot|#39);)/.test(attributes)) return `a bare & in ${whole}`;
    const names = [...attributes.matchAll(/([\w:-]+)="/g)].map(([, one]) => one);
    if (new Set(names).size < names.length) return `an attribute twice in ${whole}`;
    if (close === "/") {
      const expected = open.pop();
      if (expected !== name) return `</${name}> where ${expected} is open`;
    } else if (alone !== "/") open.push(name);
    at = next + whole.length;
  }
  return open.length === 0 ? null : `${open.join(", ")} left open`;
}

/** Reads what QMP answers: anything that is not what QEMU documents counts as absent. */
export type QmpObject = Readonly<Record<string, unknown>>;

export function objectOf(value: unknown): QmpObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as QmpObject) : {};
}

export function objectsOf(value: unknown): readonly QmpObject[] {
  return Array.isArray(value) ? value.map(objectOf) : [];
}

/** 0 for anything but a number. */
export function numberOf(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

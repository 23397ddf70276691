/** What is wrong between the fields of `spec.disks`, and between them and the rest of a VM's spec: no schema can say it. */
import { describeValue, fieldName, fieldUnder, type FieldProblem } from "./field-problem.ts";
import type { VmSpec } from "./vm.ts";

/** The disk by which cloud-init is told of the guest (runtime/node/qemu/seed-disk.ts). */
const SEED = "cidata";

/** `at`: where the spec stands. */
export function checkDisks(spec: VmSpec, at: string): readonly FieldProblem[] {
  return [...checkEach(spec, fieldUnder(at, "disks")), ...checkOwn(spec, at)];
}

function checkEach({ disks = [] }: VmSpec, at: string): readonly FieldProblem[] {
  return disks.flatMap(({ name, source, sizeMiB, readOnly, format }, index) => {
    const own = fieldUnder(at, index);
    const size = fieldUnder(own, "sizeMiB");
    const problems: FieldProblem[] = [];
    const first = disks.findIndex((earlier) => earlier.name === name);
    if (first !== index) {
      const field = fieldUnder(own, "name");
      const other = fieldName(fieldUnder(fieldUnder(at, first), "name"));
      const got = describeValue(name);
      const message = `${fieldName(field)}: ${other} is ${got} already`;
      problems.push({ field, expected: `another than ${other} has`, got, message });
    }
    if (name === SEED) {
      problems.push(problem(fieldUnder(own, "name"), `another than "${SEED}", which cloud-init's disk has`, name));
    }
    if (source === undefined) {
      if (sizeMiB === undefined) problems.push(problem(size, "the size of a disk that has no source", undefined));
      if (readOnly) problems.push(problem(fieldUnder(own, "readOnly"), "false for a disk that has no source", true));
    } else if (sizeMiB !== undefined && (readOnly || source.startsWith("rbd:"))) {
      problems.push(problem(size, "no size for a disk that is its source itself", sizeMiB));
    }
    if (source !== undefined && format !== undefined) {
      problems.push(problem(fieldUnder(own, "format"), "none for a disk that has a source", format));
    }
    return problems;
  });
}

/** A NixOS configuration has its own words for both. */
function checkOwn(spec: VmSpec, at: string): readonly FieldProblem[] {
  if (spec.microvm === undefined) return [];
  return (["disks", "cloudInit"] as const).flatMap((key) => {
    if (spec[key] === undefined) return [];
    const expected = `nothing beside spec.microvm, whose ${key === "disks" ? "volumes are its disks" : "module says it"}`;
    return [problem(fieldUnder(at, key), expected, spec[key])];
  });
}

function problem(field: string, expected: string, value: unknown): FieldProblem {
  const got = describeValue(value);
  return { field, expected, got, message: `${fieldName(field)}: expected ${expected}, got ${got}` };
}

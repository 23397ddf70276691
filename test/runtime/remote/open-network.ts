/** A test network that ends with its test. */
import { onTestFinished } from "vitest";
import { TestNetwork } from "./test-network.ts";

export function openNetwork(nodes: readonly string[] = ["n1", "n2"]): TestNetwork {
  const network = new TestNetwork(nodes);
  onTestFinished(() => network.stop());
  return network;
}

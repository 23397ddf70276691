/** What becomes of the VMs of a node that is emptied, as it goes over HTTP. */
import { Type, type Static } from "@fastify/type-provider-typebox";
import { NodeDrain } from "../actors/index.ts";

const strict = { additionalProperties: false };

export const DrainPlan = Type.Object(
  {
    node: Type.String(),
    drain: Type.Union([NodeDrain, Type.Null()], { description: "null: the node is open, and this is what would be" }),
    steps: Type.Array(
      Type.Object(
        {
          vm: Type.String(),
          how: Type.Union(
            [
              Type.Literal("live"),
              Type.Literal("cold"),
              Type.Literal("moves"),
              Type.Literal("waits"),
              Type.Literal("stays"),
            ],
            {
              description: "live, cold: to be moved so; moves: on its way; waits: something else is under way with it",
            },
          ),
          to: Type.String({ description: "empty where it goes nowhere" }),
          why: Type.String({ description: "why not live, or why it stays; empty when there is nothing to say" }),
        },
        strict,
      ),
      { description: "those that are on the node, by name" },
    ),
  },
  strict,
);
export type DrainPlan = Static<typeof DrainPlan>;

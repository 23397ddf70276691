/** What a node says of the bytes of a checkpoint, as it crosses the wire. */
import { Type, type Static } from "@fastify/type-provider-typebox";

export const CheckpointCheck = Type.Object(
  {
    checkpoint: Type.String(),
    node: Type.String({ description: "that has it" }),
    state: Type.Union([Type.Literal("whole"), Type.Literal("damaged"), Type.Literal("reading")], {
      description: "`reading`: not all of it is read yet; ask again",
    }),
    message: Type.String({ description: "why it is not whole; empty when it is" }),
  },
  { additionalProperties: false },
);
export type CheckpointCheck = Static<typeof CheckpointCheck>;

/** The head of the OpenAPI 3.1 document; its paths come from the routes, its schemas from `wire.ts`. */
import type { SwaggerOptions } from "@fastify/swagger";

export function openapiOptions(version: string): SwaggerOptions {
  return {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Blixard",
        version,
        description:
          "MicroVMs on a cluster. Any node serves any request. Errors: { error: { code, message, details? } }.",
        license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      },
      components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
      security: [{ token: [] }, {}],
    },
    refResolver: {
      buildLocalReference: (schema, _, __, at) => (typeof schema.$id === "string" ? schema.$id : `def-${at}`),
    },
  };
}

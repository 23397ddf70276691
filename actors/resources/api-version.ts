/** The version of the resources' form, which each of them names in its `apiVersion`. */
export const API_VERSION = "blixard.dev/v1";

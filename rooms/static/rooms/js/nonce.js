// @ts-check
/** A key that no other send has: 128 random bits as hex. (`randomUUID` exists in secure contexts only.) */
export function newNonce() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** FNV-1a, 32 bits: finds bytes that were damaged, no protection against an attacker. */
export const checksum = (bytes: Uint8Array): number => {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
};

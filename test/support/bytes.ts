/** Bytes of hexadecimal text; white space is ignored. */
export const fromHex = (text: string): Uint8Array =>
  Uint8Array.from(text.replace(/\s+/g, '').match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

export const toHex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/**
 * Runs `read` on a copy of `bytes` that lies between guard bytes, twice with different guards: a result that depends
 * on the guards, or guards that have changed, mean that `read` goes beyond its view.
 */
export const readGuarded = <T>(bytes: Uint8Array, read: (view: Uint8Array) => T): T => {
  const [first, second] = [0x00, 0xff].map((guard) => {
    const room = new Uint8Array(bytes.length + 2 * GUARD_LENGTH).fill(guard);
    room.set(bytes, GUARD_LENGTH);
    const result = read(room.subarray(GUARD_LENGTH, GUARD_LENGTH + bytes.length));
    const guards = [...room.subarray(0, GUARD_LENGTH), ...room.subarray(GUARD_LENGTH + bytes.length)];
    if (guards.some((byte) => byte !== guard)) {
      throw new Error('wrote beyond the view');
    }
    return { result, text: describe(result) };
  });
  if (first === undefined || first.text !== second?.text) {
    throw new Error(`read beyond the view: ${first?.text} or ${second?.text}`);
  }
  return first.result;
};

const GUARD_LENGTH = 64;

const describe = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) => {
    if (part instanceof Map) {
      return [...part];
    }
    return part instanceof Uint8Array ? toHex(part) : part;
  }) ?? 'undefined';

/** Standard in every engine, but in no ECMAScript library file. */
declare const TextEncoder: new () => { encode(text: string): Uint8Array };
declare const TextDecoder: new (
  label: string,
  options: { fatal: boolean; ignoreBOM: boolean },
) => {
  decode(bytes: Uint8Array): string;
};

export const encodeText = (text: string): Uint8Array => ENCODER.encode(text);

/** The longest start of the text that takes at most so many bytes, in whole characters. */
export const cutText = (text: string, bytes: number): string => {
  const encoded = encodeText(text);
  if (encoded.length <= bytes) {
    return text;
  }
  let end = bytes;
  while (end > 0 && isInsideCharacter(encoded[end])) {
    end--;
  }
  return decodeText(encoded.subarray(0, end));
};

/**
 * UTF-8, and what is not UTF-8 as Latin-1, so that different bytes never become the same name of a user
 * by way of replacement characters.
 */
export const decodeText = (bytes: Uint8Array): string => {
  try {
    return DECODER.decode(bytes);
  } catch {
    return Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
  }
};

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Of UTF-8: not the first byte of a character. */
const isInsideCharacter = (byte = 0): boolean => byte >= 0x80 && byte < 0xc0;

/** C0, DEL and C1. */
export const hasControlCharacter = (text: string): boolean => /\p{Cc}/u.test(text);

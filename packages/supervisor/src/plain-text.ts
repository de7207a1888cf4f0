/**
 * Text of others with `instead` for each character that could forge lines or confuse a terminal: controls, line separators, and
 * what turns the direction of writing.
 */
export const plainText = (text: string, instead: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  text.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, instead);

import { parseAddress } from '../registry/ip-address.js';

/** One option in words. */
export interface SplitOption {
  readonly name: string;
  readonly args: readonly string[];
  readonly text: string;
}

export const splitOption = (text: string): SplitOption => {
  const [name = '', ...args] = text.trim().split(/\s+/);
  return { name, args, text };
};

/** The last one counts. */
export const lastOption = (options: readonly SplitOption[], name: string): SplitOption | undefined =>
  options.findLast((option) => option.name === name);

export const isAddress = (text: string | undefined, family: 4 | 6): text is string =>
  text !== undefined && parseAddress(text)?.family === family;

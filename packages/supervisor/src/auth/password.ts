/** What a client sends as its password, by its form. [wire 15] */
export type Password =
  | { readonly type: 'none' }
  | { readonly type: 'plain'; readonly password: string }
  /** With the answer to the `static-challenge` of its profile. */
  | { readonly type: 'static-challenge'; readonly password: string; readonly response: string }
  /** The answer to a `challenge`, with its state. */
  | { readonly type: 'dynamic-challenge'; readonly stateId: string; readonly response: string };

/** A text that only looks like one of the forms is a plain password. */
export const parsePassword = (text: string | null): Password => {
  if (text === null) return { type: 'none' };
  const [, password, response] = /^SCRV1:([A-Za-z0-9+/]*={0,2}):([A-Za-z0-9+/]*={0,2})$/.exec(text) ?? [];
  if (password !== undefined && response !== undefined)
    return { type: 'static-challenge', password: fromBase64(password), response: fromBase64(response) };
  const [, stateId, answer] = /^CRV1::([^:]*)::(.*)$/s.exec(text) ?? [];
  return stateId === undefined || answer === undefined
    ? { type: 'plain', password: text }
    : { type: 'dynamic-challenge', stateId, response: answer };
};

export const fromBase64 = (text: string): string => Buffer.from(text, 'base64').toString('utf8');
export const toBase64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64');

import { toBase64 } from '../auth/password.js';
import type { UserInput } from './user-input.js';

/** `static-challenge`: a question whose answer goes along with the password. */
export interface StaticChallenge {
  readonly text: string;
  /** The answer may be seen while it is typed. */
  readonly echo: boolean;
  /** The answer is simply put behind the password. */
  readonly concat: boolean;
}

/** What the profile says about the user; null is asked for. */
export interface LoginPolicy {
  readonly username: string | null;
  readonly password: string | null;
  readonly challenge: StaticChallenge | null;
}

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** Asks whoever sits there for what the profile does not say, once. */
export class Login {
  readonly #policy: LoginPolicy;
  readonly #input: Pick<UserInput, 'ask'>;
  #username: string | null;
  #password: string | null;
  /** For the static challenge; an answer is good for one login. */
  #response: string | null = null;

  constructor(policy: LoginPolicy, input: Pick<UserInput, 'ask'>) {
    this.#policy = policy;
    this.#input = input;
    this.#username = policy.username;
    this.#password = policy.password;
  }

  /**
   * For the next connection; null where standard input has no answer. `answer`: what takes the place of the password once, the
   * answer to a question of the server. [wire 15]
   */
  async take(answer: string | null = null): Promise<Credentials | null> {
    this.#username ??= await this.#input.ask('User name', true);
    if (this.#username === null) return null;
    if (answer !== null) return { username: this.#username, password: answer };
    this.#password ??= await this.#input.ask('Password', false);
    if (this.#password === null) return null;
    const { challenge } = this.#policy;
    if (challenge === null) return { username: this.#username, password: this.#password };
    this.#response ??= await this.#input.ask(challenge.text, challenge.echo);
    if (this.#response === null) return null;
    return { username: this.#username, password: withResponse(this.#password, this.#response, challenge.concat) };
  }

  /** A server has taken or refused it. */
  noteUsed(): void {
    this.#response = null;
  }
}

/** null where somebody would have to be asked. */
export const writtenCredentials = (login: LoginPolicy | null): Credentials | null => {
  const { username = null, password = null, challenge = null } = login ?? {};
  return username === null || password === null || challenge !== null ? null : { username, password };
};

const withResponse = (password: string, response: string, concat: boolean): string =>
  concat ? password + response : `SCRV1:${toBase64(password)}:${toBase64(response)}`;

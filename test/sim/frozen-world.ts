import { afterAll, beforeAll } from '@jest/globals';

/** Makes every look at the real clock or at unseeded randomness an error while the tests of a file run. */
export const freezeWorld = (): void => {
  const { random } = Math;
  const { now } = Date;
  beforeAll(() => {
    Math.random = () => {
      throw new Error('Math.random in a simulation');
    };
    Date.now = () => {
      throw new Error('Date.now in a simulation');
    };
  });
  afterAll(() => {
    Math.random = random;
    Date.now = now;
  });
};

/** One line for the person at the terminal, on standard error. */
export const complain = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

/** One line of output. */
export const tell = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

export type SplitWords =
  | { readonly words: readonly string[] }
  /** What is wrong with the line and how to fix it. */
  | { readonly fault: string };

/**
 * Splits one line into words. A word that starts with a quote runs to the next one; a quote inside a word is
 * an ordinary character; `#` and `;` start a comment where a word could start; a backslash outside single
 * quotes makes the next blank, double quote or backslash ordinary.
 */
export const splitWords = (line: string): SplitWords => {
  const words: string[] = [];
  let at = 0;
  while (at < line.length) {
    const char = line[at] as string;
    if (isBlank(char)) {
      at += 1;
      continue;
    }
    if (char === '#' || char === ';') break;
    const word = readWord(line, at);
    if ('fault' in word) return word;
    words.push(word.text);
    at = word.next;
  }
  return { words };
};

type Word = { readonly text: string; readonly next: number } | { readonly fault: string };

const readWord = (line: string, start: number): Word => {
  const first = line[start] as string;
  const quote = first === '"' || first === "'" ? first : null;
  let text = '';
  for (let at = quote === null ? start : start + 1; at < line.length; at += 1) {
    const char = line[at] as string;
    if (char === '\\' && quote !== "'") {
      at += 1;
      const escaped = line[at];
      if (escaped === undefined || !(isBlank(escaped) || escaped === '"' || escaped === '\\')) {
        return { fault: `a backslash stands before ${escaped ?? 'the end of the line'}; write \\\\ for a backslash` };
      }
      text += escaped;
    } else if (quote === null ? isBlank(char) : char === quote) {
      return { text, next: at + 1 };
    } else {
      text += char;
    }
  }
  if (quote !== null) return { fault: `the quote ${quote} is not closed; end the word with ${quote}` };
  return { text, next: line.length };
};

const isBlank = (char: string): boolean => char === ' ' || (char >= '\t' && char <= '\r');

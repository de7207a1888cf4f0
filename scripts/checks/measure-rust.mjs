/** Line counts of a Rust file without its tests, and of every named function in it. */
export function measureRust(source) {
  const code = blankOut(source);
  const end = testsStart(code);
  const functions = [];
  for (const match of code.slice(0, end).matchAll(/\bfn\s+(\w+)/g)) {
    const open = bodyStart(code, match.index);
    if (open === -1) continue;
    const first = lineOf(code, match.index);
    functions.push({ name: match[1], line: first, lines: lineOf(code, bodyEnd(code, open)) - first + 1 });
  }
  return { lines: code.slice(0, end).trimEnd().split('\n').length, functions };
}

/** Comments, strings and character literals become spaces, so that braces can be counted. */
function blankOut(source) {
  const literal =
    /\/\/[^\n]*|\/\*[\s\S]*?\*\/|b?r(#*)"[\s\S]*?"\1|b?"(?:\\[\s\S]|[^"\\])*"|b?'(?:\\(?:x..|u\{[^}]*\}|.)|[^'\\\n])'/g;
  return source.replace(literal, (text) => text.replace(/[^\n]/g, ' '));
}

function testsStart(code) {
  const at = code.search(/#\[cfg\((?:all\()?test\b[^\]]*\)\]\s*(?:#\[[^\]]*\]\s*)*mod\s+\w+\s*\{/);
  return at === -1 ? code.length : at;
}

/** The brace that opens the body, or -1 for a declaration without one. */
function bodyStart(code, from) {
  let depth = 0;
  for (let i = from; i < code.length; i++) {
    const c = code[i];
    if (c === '(' || c === '[') depth++;
    else if (c === ')' || c === ']') depth--;
    else if (depth === 0 && c === '{') return i;
    else if (depth === 0 && c === ';') return -1;
  }
  return -1;
}

function bodyEnd(code, open) {
  let depth = 0;
  for (let i = open; i < code.length; i++) {
    if (code[i] === '{') depth++;
    else if (code[i] === '}' && --depth === 0) return i;
  }
  return code.length;
}

function lineOf(code, offset) {
  let line = 1;
  for (let i = code.indexOf('\n'); i !== -1 && i < offset; i = code.indexOf('\n', i + 1)) line++;
  return line;
}

import { parseSync } from '@swc/core';

const FUNCTIONS = new Set([
  'FunctionDeclaration',
  'FunctionExpression',
  'ArrowFunctionExpression',
  'ClassMethod',
  'PrivateMethod',
  'Constructor',
  'MethodProperty',
  'GetterProperty',
  'SetterProperty',
]);

/** Line counts of a file and of every function in it, closures included. */
export function measureTypescript(source) {
  // Spans count bytes from a base that grows with every parse: an empty statement in front shows the base.
  const bytes = Buffer.from(`;${source}`);
  const module = parseSync(bytes.toString(), { syntax: 'typescript', target: 'es2022' });
  const base = module.body[0].span.start;
  const lineAt = lineIndex(bytes);
  const functions = [];
  visit(module, (node) => {
    if (!FUNCTIONS.has(node.type) || !node.span) return;
    const first = lineAt(node.span.start - base);
    const last = lineAt(node.span.end - base);
    functions.push({ name: nameOf(node), line: first, lines: last - first + 1 });
  });
  return { lines: source.split('\n').length - 1, functions };
}

function visit(node, look) {
  if (Array.isArray(node)) {
    for (const item of node) visit(item, look);
  } else if (node !== null && typeof node === 'object') {
    look(node);
    for (const value of Object.values(node)) visit(value, look);
  }
}

function nameOf(node) {
  return node.identifier?.value ?? node.key?.value ?? node.key?.id?.value ?? 'closure';
}

function lineIndex(bytes) {
  const starts = [0];
  for (let i = 0; i < bytes.length; i++) if (bytes[i] === 10) starts.push(i + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle] <= offset) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  };
}

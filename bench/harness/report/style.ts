export const STYLE = `
:root { color-scheme: light dark; --ink: #1d2129; --soft: #5c6470; --line: #d9dde3; --back: #fff; --warn: #fff1d6;
  --other: #9aa2ad; --ours0: #1f6feb; --ours1: #d9730d; --ours2: #0f9d58; --ours3: #8b3fe0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --soft: #9aa3af; --line: #353b45; --back: #14171c; --warn: #4a3810; } }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--back); max-width: 900px; margin: 32px auto; padding: 0 20px; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 20px; margin: 40px 0 8px; border-top: 1px solid var(--line); padding-top: 24px; }
h3 { font-size: 15px; margin: 24px 0 6px; } .soft, dt { color: var(--soft); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; } dd { margin: 0; }
.warn { background: var(--warn); padding: 10px 14px; border-radius: 6px; }
table { border-collapse: collapse; width: 100%; margin-top: 24px; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 10px; text-align: right; border-bottom: 1px solid var(--line); } th:first-child, td:first-child { text-align: left; }
td.good { color: #0f9d58; } td.bad { color: #d33a2c; }
.legend span { display: inline-block; margin-right: 18px; } .legend i { display: inline-block; width: 12px; height: 12px; border-radius: 2px; margin-right: 6px; }
svg { width: 100%; height: auto; display: block; } svg text { font: 12px system-ui, sans-serif; fill: var(--soft); } svg .value { fill: var(--ink); }
svg .axis { stroke: var(--soft); } svg .grid { stroke: var(--line); } svg .run { fill: var(--ink); opacity: .45; }
svg .line { fill: none !important; stroke-width: 2; stroke-linejoin: round; }
${['other', 'ours0', 'ours1', 'ours2', 'ours3'].map((c) => `.${c} { fill: var(--${c}); stroke: var(--${c}); } i.${c} { background: var(--${c}); } rect.${c} { stroke: none; }`).join('\n')}
`;

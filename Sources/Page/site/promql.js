// What can be written where in a selector or an expression.

import {remembered} from "./api.js";
import {isPlainMetric, quote} from "./format.js";

const AGGREGATIONS = ["sum", "avg", "min", "max", "count", "group", "topk", "bottomk", "quantile", "count_values",
  "stddev", "stdvar"];
const KEYWORDS = ["by", "without", "on", "ignoring", "group_left", "group_right", "offset", "bool", "and", "or",
  "unless", "atan2"];
/** Behind these words a list of label names is expected. */
const LABEL_LISTS = new Set(["by", "without", "on", "ignoring", "group_left", "group_right"]);

/**
 * Where the caret is: `{kind, from, typed, …}`. Kinds: `word` (a metric, function or keyword), `label` (a label name,
 * with the `metric` before the braces), `value` (of label `name`), `none`.
 */
export function context(text, caret) {
  const open = [];
  let i = 0;
  while (i < caret) {
    const char = text[i];
    if (char === "\"" || char === "'" || char === "`") {
      const start = i++;
      while (i < caret && text[i] !== char) i += text[i] === "\\" && char !== "`" ? 2 : 1;
      if (i >= caret) return inString(text, start, caret, open);
    } else if (char === "#") {
      while (i < caret && text[i] !== "\n") i++;
      if (i >= caret) return {kind: "none"};
    } else if ("({[".includes(char)) {
      open.push({char, at: i});
    } else if (")}]".includes(char)) {
      open.pop();
    }
    i++;
  }
  const typed = /[\p{L}\p{N}_:.]*$/u.exec(text.slice(0, caret))[0];
  const from = caret - typed.length;
  const inner = open.at(-1);
  if (/^[0-9.]/.test(typed)) return {kind: "none"};
  if (!inner) return {kind: "word", from, typed};
  if (inner.char === "[") return {kind: "none"};
  const before = text.slice(0, inner.at);
  if (inner.char === "{") {
    const written = text.slice(inner.at + 1, from);
    return /[=~]\s*$/.test(written) ? {kind: "none"} : {kind: "label", from, typed, metric: metricBefore(before)};
  }
  const word = /([a-zA-Z_]+)\s*$/.exec(before)?.[1]?.toLowerCase();
  return LABEL_LISTS.has(word) ? {kind: "label", from, typed, metric: "", isList: true} : {kind: "word", from, typed};
}

function inString(text, start, caret, open) {
  const inner = open.at(-1);
  if (inner?.char !== "{") return {kind: "none"};
  const matcher = /([^\s,{=!~]+)\s*(?:=~|!~|!=|=)\s*$/u.exec(text.slice(inner.at + 1, start));
  if (!matcher) return {kind: "none"};
  const name = matcher[1].replace(/^(["'`])(.*)\1$/, "$2");
  return {kind: "value", from: start + 1, typed: text.slice(start + 1, caret), name, quote: text[start],
    metric: metricBefore(text.slice(0, inner.at))};
}

function metricBefore(text) {
  return /([a-zA-Z_:][a-zA-Z0-9_:]*)\s*$/.exec(text)?.[1] ?? "";
}

/** Completions at the caret, best first: `{from, to, items: [{text, kind, insert}]}`. */
export async function complete(text, caret, withFunctions) {
  const at = context(text, caret);
  const match = at.metric ? {"match[]": at.metric} : {};
  let items = [];
  if (at.kind === "label") {
    const names = (await remembered("labels", match)).filter(name => name !== "__name__");
    const next = at.isList || /^\s*(=|!)/.test(text.slice(caret)) ? "" : "=\"";
    items = names.filter(name => /^[a-zA-Z_]\w*$/.test(name)).map(name => ({text: name, kind: "label",
      insert: name + next}));
  } else if (at.kind === "value") {
    const values = await remembered(`label/${encodeURIComponent(at.name)}/values`, match);
    const isClosed = text[caret] === at.quote;
    items = values.map(value => ({text: value, kind: "value",
      insert: quote(value).slice(1, -1) + (isClosed ? "" : at.quote)}));
  } else if (at.kind === "word") {
    const metrics = (await remembered("label/__name__/values")).map(name => ({text: name, kind: "metric",
      insert: isPlainMetric(name) ? name : `{${quote(name)}}`}));
    items = withFunctions && at.typed ? [...await functions(), ...metrics] : metrics;
  }
  return {from: at.from, to: caret, typed: at.typed, items: rank(items, at.typed ?? "")};
}

/** Those that hold what has been typed: at the start first, then at the start of a word, then anywhere. */
function rank(items, typed) {
  const wanted = typed.toLowerCase();
  const ranked = [];
  for (const item of items) {
    const own = item.text.toLowerCase();
    const place = own.indexOf(wanted);
    if (place < 0 || (own === wanted && item.insert === typed)) continue;
    const isWordStart = place > 0 && /[_:.\-/]/.test(own[place - 1]);
    ranked.push({item, weight: place === 0 ? 0 : isWordStart ? 1 : 2});
  }
  return ranked.sort((a, b) => a.weight - b.weight).slice(0, 60).map(entry => entry.item);
}

let known;

async function functions() {
  known ??= remembered("features").then(features => [
    ...AGGREGATIONS.map(text => ({text, kind: "aggregation", insert: `${text}(`})),
    ...Object.entries(features.promql_functions ?? {}).filter(([, isOn]) => isOn)
      .map(([text]) => ({text, kind: "function", insert: `${text}(`})),
    ...KEYWORDS.map(text => ({text, kind: "keyword", insert: `${text} `})),
  ]);
  return known;
}

// PromQL: a table of one moment, or a graph.

import {post} from "./api.js";
import {Chart} from "./chart.js";
import {completing} from "./complete.js";
import {append, field, fill, h, problem, select, table} from "./dom.js";
import {count, duration, durationText, moment, seconds} from "./format.js";
import {complete} from "./promql.js";
import {seriesName, value} from "./series.js";

const ROWS_MAX = 1000;
const RANGES = ["1m", "5m", "15m", "1h", "6h", "1d"];
/** Points of a graph, unless a step is given. */
const POINTS = 300;

const text = h("textarea", {rows: "2", id: "query-text",
  placeholder: "rate(node_cpu_seconds_total{mode=\"user\"}[1m])"});
const mirror = h("pre", {class: "faulty", hidden: true});
const range = h("input", {type: "text", class: "narrow", value: "15m", list: "query-ranges"});
const end = h("input", {type: "datetime-local", step: "1"});
const step = h("input", {type: "text", class: "narrow", placeholder: "auto"});
const modes = select([["graph", "Graph"], ["table", "Table"]], "graph");
const reset = h("button", {type: "button", class: "small", hidden: true, onclick: zoomOut}, "Reset zoom");
const stats = h("p", {class: "summary", role: "status"});
const messages = h("div", {});
const out = h("div", {});
const heading = h("div", {class: "heading"}, stats, reset);
const result = h("section", {class: "card"}, heading, out);
const zooms = [];
let chart;
let go;
let asked;

export const query = {
  title: "Query",

  make(frame) {
    go = frame;
    chart = new Chart({onZoom: zoom, onReset: zoomOut});
    const form = h("form", {class: "controls", onsubmit: event => { event.preventDefault(); run(true); }},
      field("PromQL", completing(text, (own, caret) => complete(own, caret, true), () => run(true)), "full"),
      field("As", modes), field("Range", range), field("Step", step), h("div", {class: "joined"},
        field("End, now unless given", end),
        h("button", {type: "button", onclick: () => { end.value = ""; run(true); }}, "Now")),
      h("datalist", {id: "query-ranges"}, RANGES.map(each => h("option", {value: each}))),
      h("button", {class: "primary"}, "Run"));
    for (const control of [modes, range, end, step]) control.addEventListener("change", () => run(true));
    text.addEventListener("input", grow);
    return [h("section", {class: "card"}, form, mirror, messages), result];
  },

  shown(parameters) {
    if (parameters.has("expr")) {
      text.value = parameters.get("expr");
      range.value = parameters.get("range") ?? "15m";
      end.value = parameters.has("end") ? localInput(Number(parameters.get("end"))) : "";
      step.value = parameters.get("step") ?? "";
      modes.value = parameters.get("as") === "table" ? "table" : "graph";
    }
    grow();
    run();
  },

  hidden() { asked?.abort(); },
};

function grow() {
  text.rows = Math.min(10, Math.max(2, text.value.split("\n").length));
}

/** The value of a datetime-local field for Unix seconds. */
function localInput(at) {
  const date = new Date((at - new Date(at * 1000).getTimezoneOffset() * 60) * 1000);
  return date.toISOString().slice(0, 19);
}

function zoom(from, to) {
  zooms.push({range: range.value, end: end.value, step: step.value});
  // Steps finer than a second would show nothing that the samples have.
  const width = Math.max(2, Math.round(to - from));
  range.value = durationText(width);
  end.value = localInput(Math.ceil(to));
  step.value = "";
  run(true);
}

function zoomOut() {
  const first = zooms[0];
  zooms.length = 0;
  if (!first) return;
  Object.assign(range, {value: first.range});
  Object.assign(end, {value: first.end});
  Object.assign(step, {value: first.step});
  run(true);
}

async function run(isNew = false) {
  const expression = text.value.trim();
  reset.hidden = zooms.length === 0;
  fill(messages);
  mirror.hidden = true;
  result.hidden = false;
  heading.hidden = !expression;
  if (!expression) {
    go.remember("query", {});
    stats.textContent = "";
    return fill(out, examples());
  }
  const at = end.value ? new Date(end.value).getTime() / 1000 : undefined;
  const isGraph = modes.value === "graph";
  go.remember("query", {expr: expression, range: range.value, end: at, step: step.value, as: isGraph ? "" : "table"},
    isNew);
  asked?.abort();
  const own = asked = new AbortController();
  result.setAttribute("aria-busy", "true");
  const began = performance.now();
  try {
    const now = at ?? Date.now() / 1000;
    const span = isGraph ? spanOf(now) : null;
    const answer = isGraph
      ? await post("query_range", {query: expression, ...span, stats: "all"}, {signal: own.signal})
      : await post("query", {query: expression, time: at, stats: "all"}, {signal: own.signal});
    if (asked !== own) return;
    tell(answer, (performance.now() - began) / 1000);
    if (isGraph) graph(answer.data.result, span); else list(answer.data);
    result.setAttribute("aria-busy", "false");
  } catch (error) {
    if (error.name === "AbortError" || asked !== own) return;
    result.hidden = true;
    fail(error);
  }
}

/** Start, end and step of a graph; the ends are multiples of the step, so that a graph moves evenly. */
function spanOf(now) {
  const width = duration(range.value);
  if (!(width > 0)) throw new Error(`The range ${range.value} is no duration such as 15m or 1h30m.`);
  const wanted = step.value.trim() ? duration(step.value) : Math.max(1, Math.round(width / POINTS));
  if (!(wanted > 0)) throw new Error(`The step ${step.value} is no duration such as 15s.`);
  const last = Math.floor(now / wanted) * wanted;
  return {start: last - Math.floor(width / wanted) * wanted, end: last, step: wanted};
}

function tell(answer, took) {
  const {stats: own, result, resultType} = answer.data;
  const parts = [`${count(resultType === "scalar" || resultType === "string" ? 1 : result.length)} series`,
    `${count(own?.samples?.totalQueryableSamples)} samples looked at`,
    `${seconds(own?.timings?.execTotalTime ?? took)} at the server, ${seconds(took)} in all`];
  stats.textContent = parts.join(" · ");
  const notes = [...answer.warnings ?? [], ...answer.infos ?? []];
  fill(messages, notes.map(each => h("p", {class: "notice"}, each)));
}

function graph(result, span) {
  if (!result.length) return fill(out, nothing());
  chart.show({...span, series: result.map(({metric, values = []}) =>
    ({metric, points: values.map(([at, own]) => [at, Number(own.replace("Inf", "Infinity"))])}))});
  // Left where it is if it is there: taken out and put back it would lose the focus.
  if (out.firstChild !== chart.element) fill(out, chart.element);
}

function list({resultType, result}) {
  if (resultType === "scalar" || resultType === "string") {
    return fill(out, h("p", {class: "single"}, value(result[1]),
      h("small", {class: "quiet"}, moment(result[0], true))));
  }
  if (!result.length) return fill(out, nothing());
  const rows = result.slice(0, ROWS_MAX).map(each => h("tr", {}, h("td", {class: "name"}, seriesName(each.metric)),
    h("td", {class: "number"}, resultType === "vector" ? value(each.value[1])
      : h("ol", {class: "samples"}, each.values.map(([at, own]) => h("li", {}, h("time", {}, moment(at, true)),
        value(own)))))));
  fill(out, table("Result", [["Series"], [resultType === "vector" ? "Value" : "Values", "number"]], rows, "stacked"),
    result.length > ROWS_MAX && h("p", {class: "quiet"}, `${count(result.length - ROWS_MAX)} more are not shown.`));
}

const nothing = () => h("p", {class: "quiet"}, "No data: no series, or no samples at that time.");

/** Shows an error; one that names a place in the query underlines it. */
function fail(error) {
  fill(messages, problem(error.message));
  const place = /\b(\d+):(\d+): parse error/.exec(error.message);
  if (!place) return;
  const [row, column] = [Number(place[1]) - 1, Number(place[2]) - 1];
  const written = text.value.trim().split("\n");
  fill(mirror, written.flatMap((line, i) => {
    const end = i < written.length - 1 ? "\n" : "";
    if (i !== row) return [line + end];
    // Places count characters, which are not what strings of JavaScript are made of.
    const characters = [...line];
    const rest = characters.slice(column).join("");
    const wrong = /^[\p{L}\p{N}_:.]+/u.exec(rest)?.[0] ?? characters[column] ?? " ";
    return [characters.slice(0, column).join(""), h("mark", {}, wrong), rest.slice(wrong.length) + end];
  }));
  mirror.hidden = false;
}

function examples() {
  const list = ["up", "sum by (job) (scrape_samples_scraped)", "rate(node_cpu_seconds_total[1m])",
    "topk(5, count by (__name__) ({__name__=~\".+\"}))", "promring_buffer_bytes / promring_buffer_max_bytes"];
  return append(h("div", {class: "empty"}), [h("p", {class: "quiet"}, "For example:"),
    h("ul", {class: "chips"}, list.map(each =>
    h("li", {}, h("button", {type: "button", onclick: () => { text.value = each; grow(); run(true); }}, each))))]);
}

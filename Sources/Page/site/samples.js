// Raw samples of the series that a selector names.

import {address, get, remembered} from "./api.js";
import {sparkline} from "./chart.js";
import {completing} from "./complete.js";
import {curl, field, fill, h, problem, select, table} from "./dom.js";
import {ago, clock, count, moment, seconds, selector} from "./format.js";
import {complete} from "./promql.js";
import {Refresher} from "./refresh.js";
import {seriesName, value} from "./series.js";

const RANGES = [["1m", "last minute"], ["5m", "last 5 minutes"], ["15m", "last 15 minutes"], ["1h", "last hour"],
  ["", "all there is"]];
/** Rows and samples of a series that are shown; the rest is for curl. */
const ROWS_MAX = 300;
const SAMPLES_MAX = 500;
/** Metrics offered while nothing is selected. */
const NAMES_MAX = 240;

const match = h("input", {type: "text", id: "samples-match", placeholder: "node_load1  or  {job=\"node\"}"});
const since = select(RANGES, "5m");
const limit = h("input", {type: "number", min: "1", max: "1000000", step: "1", value: "5000", class: "narrow"});
const again = h("input", {type: "checkbox"});
const out = h("div", {"aria-live": "polite"});
const refresher = new Refresher(2, () => load());
const open = new Set();
let go;
let asked;

export const samples = {
  title: "Samples",

  make(frame) {
    go = frame;
    const form = h("form", {class: "controls", onsubmit: event => { event.preventDefault(); run(); }},
      field("Selector", completing(match, complete, run), "wide"),
      field("Time", since),
      field("At most", limit),
      h("label", {class: "check"}, again, "every 2 s"),
      h("button", {class: "primary"}, "Show"));
    for (const control of [since, limit, again]) control.addEventListener("change", run);
    return [h("section", {class: "card"}, form), out];
  },

  shown(parameters) {
    match.value = parameters.get("match") ?? match.value;
    limit.value = parameters.get("limit") ?? limit.value;
    if (parameters.has("since")) since.value = parameters.get("since") === "all" ? "" : parameters.get("since");
    run();
  },

  hidden() { refresher.stop(); },
};

function run() {
  const text = match.value.trim();
  go.remember("samples", text ? {match: text, since: since.value || "all", limit: limit.value} : {});
  refresher.stop();
  if (!text) return suggest();
  if (again.checked) refresher.start(); else load();
}

async function load() {
  const text = match.value.trim();
  const parameters = {"match[]": text, since: since.value, limit: limit.value, order: "newest"};
  const own = asked = new AbortController();
  try {
    const began = performance.now();
    const response = await get("samples", parameters, {signal: own.signal});
    if (asked !== own) return;
    show(response.result, (performance.now() - began) / 1000);
  } catch (error) {
    if (asked === own && error.name !== "AbortError") fill(out, problem(error.message));
  }
}

function show(result, took) {
  const total = result.reduce((sum, each) => sum + each.values.length, 0);
  // The samples come newest first, so that a limit leaves out the old ones.
  const list = result.map(({metric, values}) => ({metric, values: values.toReversed()}));
  const now = Date.now() / 1000;
  const span = [Math.min(now, ...list.map(each => each.values[0][0])),
    Math.max(...list.map(each => each.values.at(-1)[0]))];
  const cut = total >= Number(limit.value) && total > 0;
  const url = new URL(address("api/v1/samples", {"match[]": match.value.trim(), since: since.value}), document.baseURI);
  const link = format => h("a", {href: address("api/v1/samples",
    {"match[]": match.value.trim(), since: since.value, limit: limit.value, format})}, format.toUpperCase());
  fill(out, h("section", {class: "card"},
    h("p", {class: "summary"}, h("b", {}, count(list.length)), " series, ", h("b", {}, count(total)), " samples ",
      h("span", {class: "quiet"}, `in ${seconds(took)}`),
      h("span", {class: "links"}, link("json"), link("ndjson"), link("csv"))),
    cut && h("p", {class: "notice"}, `Cut off at ${count(total)} samples: raise the limit to see more.`),
    list.length ? table("Series", [["Series"], ["Course"], ["Samples", "number"], ["Newest value", "number"],
      ["Time", "number"]],
      list.slice(0, ROWS_MAX).map(each => row(each, span, now)), "stacked")
      : h("p", {class: "quiet"}, "No samples. Is the selector right, and the time long enough?"),
    list.length > ROWS_MAX && h("p", {class: "quiet"}, `${count(list.length - ROWS_MAX)} more series are not shown.`),
    curl("s", url)));
}

function row({metric, values}, [start, end], now) {
  const name = selector(metric);
  const [at, newest] = values.at(-1);
  const points = values.map(([time, text]) => [time, Number(text.replace("Inf", "Infinity"))]);
  const details = h("details", {open: open.has(name), ontoggle: () => {
    if (details.open) {
      open.add(name);
      if (details.childElementCount === 1) details.append(sampleList(values));
    } else {
      open.delete(name);
    }
  }}, h("summary", {}, seriesName(metric)));
  return h("tr", {}, h("td", {class: "name"}, details), h("td", {}, sparkline(points, start, end, `Course of ${name}`)),
    h("td", {class: "number minor"}, count(values.length)), h("td", {class: "number"}, value(newest)),
    h("td", {class: "number", title: moment(at, true)}, ago(at, now)));
}

function sampleList(values) {
  const shown = values.slice(-SAMPLES_MAX).reverse();
  return h("ol", {class: "samples"}, shown.map(([at, text]) =>
    h("li", {}, h("time", {datetime: new Date(at * 1000).toISOString(), title: moment(at, true)}, clock(at, true)),
      value(text))),
  values.length > SAMPLES_MAX && h("li", {class: "quiet"}, `${count(values.length - SAMPLES_MAX)} older ones`));
}

/** Without a selector: what there is to choose from. */
async function suggest() {
  asked = null;
  const names = await remembered("label/__name__/values");
  if (match.value.trim()) return;
  if (!names.length) return fill(out, h("section", {class: "card empty"},
    "No series yet. The tab Kafka tells what is being read."));
  const list = h("ul", {class: "names"});
  const rest = h("p", {class: "quiet"});
  const write = wanted => {
    const found = names.filter(name => name.toLowerCase().includes(wanted.toLowerCase()));
    fill(list, found.slice(0, NAMES_MAX).map(name => h("li", {}, h("button", {type: "button", onclick: () => {
      match.value = selector({__name__: name});
      run();
    }}, name))));
    const left = found.length - NAMES_MAX;
    rest.textContent = left > 0 ? `${count(left)} more: filter to see them.`
      : found.length ? "" : "None has that in it.";
  };
  const filter = h("input", {type: "search", placeholder: "Filter", "aria-label": "Filter metrics",
    oninput: () => write(filter.value.trim())});
  write("");
  fill(out, h("section", {class: "card"}, h("div", {class: "heading"}, h("h2", {}, `${count(names.length)} metrics`),
    filter), list, rest));
}

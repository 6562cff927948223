// Samples as they arrive.

import {address} from "./api.js";
import {sparkline} from "./chart.js";
import {completing} from "./complete.js";
import {curl, field, fill, h, pill, table} from "./dom.js";
import {clock, count, short} from "./format.js";
import {complete} from "./promql.js";
import {seriesName, value} from "./series.js";

/** Rows that are kept. */
const ROWS_MAX = 300;
/** Seconds of the rate's little graph. */
const SECONDS = 60;

const match = h("input", {type: "text", id: "live-match", placeholder: "node_load1  or  {job=\"node\"}"});
const startButton = h("button", {class: "primary"}, "Start");
const pauseButton = h("button", {type: "button", disabled: true, onclick: pause}, "Pause");
const clearButton = h("button", {type: "button", onclick: clear}, "Clear");
const state = h("span", {role: "status"});
const numbers = h("span", {class: "quiet"});
const course = h("span", {});
const body = h("tbody", {});
const hint = h("div", {});
let go;
let source;
let lastID = "";
let isPaused = false;
let waiting = [];
let frame = 0;
let total = 0;
let missed = 0;
let perSecond = [];
let timer;

export const live = {
  title: "Live",

  make(own) {
    go = own;
    const form = h("form", {class: "controls", onsubmit: event => { event.preventDefault(); toggle(); }},
      field("Selector", completing(match, complete, restart), "wide"), startButton, pauseButton, clearButton);
    const frame = table("Samples, the newest first",
      [["Arrived"], ["Series"], ["Value", "number"], ["Its time", "number"]], [], "stacked");
    frame.querySelector("tbody").replaceWith(body);
    return [h("section", {class: "card"}, form),
      h("section", {class: "card"}, h("div", {class: "heading"}, h("p", {class: "summary"}, state, " ", numbers),
        course), frame, hint)];
  },

  shown(parameters) {
    const wanted = parameters.get("match");
    if (wanted && (wanted !== match.value || !source)) {
      match.value = wanted;
      restart();
    }
    tellState();
  },

  // A stream costs something at both ends, and nobody looks.
  hidden() { stop(); },
};

function toggle() { if (source) stop(); else restart(); }

function restart() {
  stop();
  lastID = "";
  const text = match.value.trim();
  go.remember("live", text ? {match: text} : {});
  if (!text) return tellState();
  const url = new URL(address("api/v1/samples/stream", {"match[]": text}), document.baseURI);
  fill(hint, curl("sN", url));
  perSecond = Array(SECONDS).fill(0);
  timer = setInterval(eachSecond, 1000);
  connect();
}

function connect() {
  const own = source = new EventSource(address("api/v1/samples/stream",
    {"match[]": match.value.trim(), last_event_id: lastID}));
  own.onopen = tellState;
  own.onmessage = event => {
    lastID = event.lastEventId || lastID;
    total++;
    perSecond[perSecond.length - 1]++;
    waiting.push({at: Date.now() / 1000, text: event.data});
    if (waiting.length > ROWS_MAX) waiting.shift();
    if (!isPaused && !frame) frame = requestAnimationFrame(draw);
  };
  own.addEventListener("missed", event => { missed += JSON.parse(event.data).missed; });
  own.onerror = () => {
    // A browser comes back by itself unless the answer was an error: then it is asked why.
    if (own.readyState === EventSource.CLOSED && source === own) refused();
    tellState();
  };
}

async function refused() {
  source = {close() {}, readyState: EventSource.CONNECTING};
  const own = source;
  const stopper = new AbortController();
  let reason = "promring does not answer.";
  try {
    const response = await fetch(address("api/v1/samples/stream", {"match[]": match.value.trim()}),
      {signal: stopper.signal});
    if (response.ok) reason = "";
    else if (response.status === 503) reason = "Not ready yet: the window is being read from Kafka.";
    else {
      const text = await response.text();
      try { reason = JSON.parse(text).error; } catch { reason = text; }
    }
    stopper.abort();
    if (source === own && response.status >= 400 && response.status < 500) {
      stop();
      return fill(state, pill("refused", "bad"), " ", reason);
    }
  } catch { /* It does not answer. */ }
  if (source !== own) return;
  if (reason) fill(state, pill("waiting", "busy"), " ", reason);
  setTimeout(() => { if (source === own) connect(); }, 2000);
}

function stop() {
  source?.close();
  source = null;
  clearInterval(timer);
  if (isPaused) pause();
  tellState();
}

function pause() {
  isPaused = !isPaused;
  pauseButton.textContent = isPaused ? "Go on" : "Pause";
  pauseButton.setAttribute("aria-pressed", String(isPaused));
  if (!isPaused) draw();
  tellState();
}

function clear() {
  waiting = [];
  total = missed = 0;
  fill(body);
  tellState();
}

function draw() {
  frame = 0;
  const rows = waiting.splice(0).reverse().map(({at, text}) => {
    const {metric, value: [time, own]} = JSON.parse(text);
    return h("tr", {}, h("td", {class: "time"}, clock(at, true)), h("td", {class: "name"}, seriesName(metric)),
      h("td", {class: "number"}, value(own)), h("td", {class: "number time"}, clock(time, true)));
  });
  body.prepend(...rows);
  while (body.childElementCount > ROWS_MAX) body.lastElementChild.remove();
}

function eachSecond() {
  tellState();
  fill(course, sparkline(perSecond.slice(0, -1).map((own, i) => [i, own]), 0, SECONDS - 1,
    "Samples per second, the last minute"));
  perSecond.push(0);
  perSecond.shift();
}

function tellState() {
  startButton.textContent = source ? "Stop" : "Start";
  pauseButton.disabled = !source;
  if (!source) fill(state, pill("stopped", ""));
  else if (source.readyState === EventSource.OPEN) fill(state, isPaused ? pill("paused", "busy")
    : pill("live", "good"));
  else if (source instanceof EventSource) fill(state, pill("connecting", "busy"));
  const recent = perSecond.slice(-6, -1);
  const rate = recent.reduce((sum, own) => sum + own, 0) / (recent.length || 1);
  numbers.textContent = `${short(rate)} samples/s · ${count(total)} in all`
    + (missed ? ` · ${count(missed)} missed` : "") +
    (isPaused ? ` · ${count(waiting.length)} waiting` : "");
}

// What the process holds, and what there is most of.

import {get} from "./api.js";
import {card, facts, fill, h, pill, problem, s, table} from "./dom.js";
import {bytes, clock, count, moment, seconds, selector} from "./format.js";
import {Refresher} from "./refresh.js";

const PARTS = {buffer: "samples and index", heap: "everything else in use", heap_free: "kept by the allocator",
  program: "program and libraries"};
const top = h("div", {});
const lists = h("div", {class: "columns"});
const program = h("div", {});
const flagList = h("div", {});
let listsShown = "";
const filter = h("input", {type: "search", placeholder: "Filter", "aria-label": "Filter settings",
  oninput: () => showFlags()});
let flags = {};

const refresher = new Refresher(5, async () => {
  try {
    const [buffer, tsdb, runtime, build] = await Promise.all([get("status/buffer"), get("status/tsdb"),
      get("status/runtimeinfo"), get("status/buildinfo")]);
    show(buffer, tsdb, runtime, build);
  } catch (error) {
    fill(top, problem(error.message));
  }
});

export const status = {
  title: "Status",

  make() {
    return [top, lists, program,
      h("section", {class: "card"}, h("div", {class: "heading"}, h("h2", {}, "Settings"), filter), flagList)];
  },

  shown() {
    refresher.start();
    get("status/flags").then(own => { flags = own; showFlags(); }).catch(error => fill(flagList,
      problem(error.message)));
  },

  hidden() { refresher.stop(); },
};

function show(buffer, tsdb, runtime, build) {
  const {headStats, ...ranked} = tsdb;
  const {minTime, maxTime, numLabelPairs} = headStats;
  const now = Date.parse(runtime.serverTime) / 1000;
  fill(top,
    card("", facts(["Series", count(buffer.series)],
      ["Samples", count(buffer.samples), `${count(buffer.chunks)} chunks`],
      ["Bytes for each sample", buffer.samples ? (buffer.bytes / buffer.samples).toFixed(1) : "–", "index included"],
      ["Label pairs", count(numLabelPairs)],
      ["Window", maxTime ? seconds((maxTime - minTime) / 1000) : "–", buffer.retention_seconds
        ? `of ${seconds(buffer.retention_seconds)}` : "no time limit"],
      ["Running for", seconds(now - Date.parse(runtime.startTime) / 1000), runtime.hostname])),
    memory(buffer), ring(buffer, now));
  // Only when something has changed: what is pressed just now, or has the focus, stays where it is.
  const mark = JSON.stringify(ranked);
  if (mark !== listsShown) {
    fill(lists, ranks("Series by metric", tsdb.seriesCountByMetricName, name => samplesLink(name)),
      ranks("Series by label pair", tsdb.seriesCountByLabelValuePair),
      ranks("Values by label", tsdb.labelValueCountByLabelName),
      ranks("Bytes of values by label", tsdb.memoryInBytesByLabelName, undefined, bytes));
  }
  listsShown = mark;
  fill(program, card("Program", facts(["Version", build.version], ["Built with", build.goVersion],
      ["Started", moment(Date.parse(runtime.startTime) / 1000)],
      ["Configuration", runtime.reloadConfigSuccess ? pill("in force", "good") : pill("refused", "bad"),
        `read ${moment(Date.parse(runtime.lastConfigTime) / 1000)}`], ["Threads", count(runtime.goroutineCount)],
      ["Processors", count(runtime.GOMAXPROCS)])));
}

const samplesLink = name => `#samples?${new URLSearchParams({match: selector({__name__: name})})}`;

/** The budget, and what the whole process takes. */
function memory(own) {
  const parts = Object.entries(own.memory);
  const total = parts.reduce((sum, [, size]) => sum + size, 0);
  const share = own.bytes / own.bytes_max;
  return card("Memory",
    h("div", {class: "progress"}, h("span", {}, "Buffer"),
      h("div", {class: `meter ${share > 0.95 ? "full" : ""}`, role: "progressbar",
      "aria-label": "Memory budget", "aria-valuemin": 0, "aria-valuemax": 100,
        "aria-valuenow": Math.round(share * 100)},
    h("div", {style: {width: `${Math.min(100, share * 100)}%`}})),
    h("span", {class: "number"}, `${bytes(own.bytes)} of ${bytes(own.bytes_max)}`)),
    h("div", {class: "progress"}, h("span", {}, "Process"), h("div", {class: "stack", role: "img",
      "aria-label": parts.map(([part, size]) => `${PARTS[part] ?? part}: ${bytes(size)}`).join(", ")},
    parts.map(([part, size], i) => h("div", {class: `b${i}`, title: `${PARTS[part] ?? part}: ${bytes(size)}`,
      style: {width: `${size / total * 100}%`}}))), h("span", {class: "number"}, bytes(total))),
    h("ul", {class: "key"}, parts.map(([part, size], i) => h("li", {}, h("i", {class: `swatch b${i}`}),
      `${PARTS[part] ?? part} `, h("b", {}, bytes(size))))));
}

/** More slots than this are too thin to be told apart. */
const SLOTS_MAX = 240;

/** The slots of the ring in the order of their times: the slabs as high as their samples are many. */
function ring(own, now) {
  const {slabs} = own;
  if (!slabs.length) return card("Ring", h("p", {class: "quiet"}, "No slab: nothing has arrived yet."));
  const [width, height, left] = [800, 104, 4];
  const last = slabs.at(-1);
  const span = last.end - last.start;
  const place = at => Math.round((at - last.start) / span);
  // The whole window, also where nothing has come in yet.
  const wanted = Math.min(SLOTS_MAX, Math.ceil(own.retention_seconds / span) + 1);
  const slots = Math.max(wanted, 1 - place(slabs[0].start));
  const finished = slabs.reduce((sum, each) => sum + each.samples, 0);
  const open = Math.max(0, own.samples - finished);
  const heights = slabs.map(each => each.samples + (each === last ? open : 0));
  const highest = Math.max(1, ...heights);
  const slot = (width - 2 * left) / slots;
  const gap = Math.min(3, slot / 6);
  const rect = (kind, i, tall) => s("rect", {class: kind, x: left + i * slot + gap / 2, y: height - 18 - tall,
    width: slot - gap, height: tall, rx: Math.min(3, slot / 4)});
  const every = Math.ceil(46 / slot);
  const marks = Array.from({length: slots}, (_, i) => [rect("empty", i, 2),
    (slots - 1 - i) % every === 0 && s("text", {x: left + (i + 0.5) * slot, y: height - 4, "text-anchor": "middle"},
      clock(last.start + (i - slots + 1) * span).slice(0, 5))]);
  const bars = slabs.map((each, i) => {
    const at = slots - 1 + place(each.start);
    const tall = Math.max(3, heights[i] / highest * (height - 24));
    const solid = heights[i] ? each.samples / heights[i] * tall : 0;
    const text = `${clock(each.start)} to ${clock(each.end)}: ${count(each.samples)} samples packed, ` +
      `${bytes(each.bytes)}${each === last ? `; ${count(open)} in open chunks` : ""}`;
    return s("g", {class: "slab"}, s("title", {}, text), rect("open", at, tall),
      solid > 0 && rect("packed", at, solid));
  });
  const dropped = Object.entries(own.samples_dropped).filter(([, number]) => number > 0);
  return card("Ring", h("p", {class: "summary"}, h("b", {}, count(slabs.length)),
    slabs.length === 1 ? " slab" : " slabs", ` of ${seconds(span)}; the window begins at `,
    `${clock(Math.max(own.window_start, slabs[0].start))}. A slab that it has left goes whole; the oldest one goes when `,
    "the memory is full."),
  h("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": "Slabs"},
    s("svg", {class: "ring", viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `${slabs.length} slabs with ${count(own.samples)} samples at ${clock(now)}`}, marks, bars)),
  h("ul", {class: "key"}, h("li", {}, h("i", {class: "swatch packed"}), "packed ", h("b", {}, count(finished))),
    h("li", {}, h("i", {class: "swatch open"}), "in open chunks ", h("b", {}, count(open))),
    dropped.map(([reason, number]) => h("li", {}, `not taken, ${reason.replaceAll("_", " ")} `,
      h("b", {class: "warm"}, count(number))))));
}

function ranks(title, list, link, write = count) {
  const most = Math.max(1, ...list.map(each => each.value));
  return card(title, h("ol", {class: "ranks"}, list.map(({name, value}) => h("li", {},
    h("div", {class: "fill", style: {width: `${value / most * 100}%`}}),
    link ? h("a", {href: link(name)}, name) : h("span", {}, name), h("b", {}, write(value))))));
}

function showFlags() {
  const wanted = filter.value.trim().toLowerCase();
  const list = Object.entries(flags).filter(([name, text]) => `${name} ${text}`.toLowerCase().includes(wanted));
  fill(flagList, table("Settings", [["Option"], ["Value"]], list.map(([name, text]) =>
    h("tr", {}, h("td", {class: "option"}, h("code", {}, `--${name}`)),
      h("td", {class: "wrap"}, h("div", {class: "long"}, text || "–")))), "stacked"));
}

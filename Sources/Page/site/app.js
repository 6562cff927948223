// The frame: tabs, what the address says, the state in the corner.

import {get} from "./api.js";
import {append, fill, h, problem} from "./dom.js";
import {delivery} from "./delivery.js";
import {kafka} from "./kafka.js";
import {live} from "./live.js";
import {query} from "./query.js";
import {samples} from "./samples.js";
import {status} from "./status.js";

/**
 * The views, by the name in the address: `#query?expr=up&range=1h`. Each makes its elements once, is `shown` with the
 * parameters of the address, and told when it is `hidden`.
 */
const views = {samples, query, live, kafka, delivery, status};
const main = document.getElementById("main");
const tabs = document.getElementById("tabs");
const panels = {};
let current;

const go = {
  /** Writes what a view shows into the address, so that it can be kept and sent to others. */
  remember(name, parameters, isNew = false) {
    const query = new URLSearchParams();
    for (const [key, value] of Object.entries(parameters)) {
      for (const each of [value].flat()) {
        if (each !== undefined && each !== null && each !== "") query.append(key, each);
      }
    }
    const text = `#${name}${query.size ? `?${query}` : ""}`;
    tabs.querySelector(`#tab-${name}`).setAttribute("href", text);
    if (current !== name || location.hash === text) return;
    history[isNew ? "pushState" : "replaceState"](null, "", text);
  },
};

function tab(name) {
  return h("a", {role: "tab", id: `tab-${name}`, href: `#${name}`, "aria-controls": `panel-${name}`,
    "aria-selected": "false", tabindex: "-1"}, views[name].title);
}

function route() {
  const [name, query = ""] = location.hash.slice(1).split(/\?(.*)/s);
  const wanted = name in views ? name : "samples";
  if (current && current !== wanted) views[current].hidden?.();
  current = wanted;
  for (const each of Object.keys(views)) {
    const own = tabs.querySelector(`#tab-${each}`);
    own.setAttribute("aria-selected", String(each === wanted));
    own.tabIndex = each === wanted ? 0 : -1;
    panels[each].hidden = each !== wanted;
  }
  if (!panels[wanted].hasChildNodes()) append(panels[wanted], views[wanted].make(go));
  tabs.querySelector(`#tab-${wanted}`).scrollIntoView({block: "nearest", inline: "nearest"});
  document.title = `${views[wanted].title} · promring`;
  views[wanted].shown(new URLSearchParams(query));
}

for (const name of Object.keys(views)) {
  panels[name] = h("div", {role: "tabpanel", id: `panel-${name}`, "aria-labelledby": `tab-${name}`, hidden: true});
  main.append(panels[name]);
  tabs.append(tab(name));
}
tabs.addEventListener("keydown", event => {
  const list = [...tabs.children];
  const place = list.indexOf(document.activeElement);
  const next = {ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: list.length - 1}[event.key];
  if (next === undefined || place < 0) return;
  event.preventDefault();
  const wanted = list.at(next % list.length);
  // At once, unlike a change of location.hash: the Tab that is pressed next has to find the panel.
  history.pushState(null, "", wanted.getAttribute("href"));
  route();
  wanted.focus();
});
addEventListener("hashchange", route);

// --- The state in the corner ---

const state = document.getElementById("state");
const notifications = document.getElementById("notifications");
const KINDS = {ready: "good", replaying: "busy", starting: "busy", stopping: "bad", trouble: "bad"};

async function look() {
  if (document.hidden) return;
  try {
    const [own, list] = await Promise.all([get("status/kafka"), get("notifications")]);
    state.textContent = own.state;
    state.className = `pill ${KINDS[own.state] ?? "bad"}`;
    fill(notifications, list.map(each => h("p", {class: "notice"}, each.text)));
  } catch (error) {
    state.textContent = "unreachable";
    state.className = "pill bad";
    fill(notifications, problem(error.message));
  }
}

look();
setInterval(look, 5000);
document.addEventListener("visibilitychange", look);
get("status/buildinfo").then(own => {
  document.getElementById("version").textContent = `promring ${own.version}`;
}).catch(() => {});
route();

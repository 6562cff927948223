// What is read from Kafka, how far behind it is, and what could not be read.

import {get} from "./api.js";
import {card, facts, fill, h, meter, pill, problem, table} from "./dom.js";
import {ago, bytes, count, moment, seconds} from "./format.js";
import {Refresher} from "./refresh.js";

const KINDS = {ready: "good", replaying: "busy", starting: "busy"};
const state = h("div", {});
const letters = h("div", {});
/** Dead letters whose bytes are shown, and how. */
const opened = new Map();
let lettersShown = "";

const refresher = new Refresher(2, async () => {
  try {
    const [own, dead, replay] = await Promise.all([get("status/kafka"), get("status/dead_letters"),
      get("status/walreplay")]);
    showState(own, replay);
    // Only when there is something new: what is being read stays where it is.
    const mark = JSON.stringify([dead.total, dead.dead_letters.length]);
    if (mark !== lettersShown) showLetters(dead);
    lettersShown = mark;
  } catch (error) {
    fill(state, problem(error.message));
  }
});

export const kafka = {
  title: "Kafka",
  make() { return [state, letters]; },
  shown() { refresher.start(); },
  hidden() { refresher.stop(); },
};

const time = text => Date.parse(text) / 1000;

function showState(own, replay) {
  const lag = own.partitions.reduce((sum, each) => sum + (each.lag_records ?? 0), 0);
  const behind = Math.max(0, ...own.partitions.map(each => each.lag_seconds ?? 0));
  const known = own.partitions.filter(each => each.lag_seconds !== null).length;
  fill(state,
    card("Reader",
      own.trouble && problem(`${own.trouble.cause}: ${own.trouble.detail} (since ${moment(time(own.trouble.since))})`),
      facts(["State", pill(own.state, KINDS[own.state] ?? "bad")],
        ["Lag", `${count(lag)} records`],
        ["Newest sample", known ? `${seconds(behind)} old` : "–", known > 1 && "in the partition furthest behind"],
        ["Mode", own.mode, own.group_id && `group ${own.group_id}`],
        ["Topics", own.matched_topics.join(", ") || own.topics.join(", ")],
        ["Waiting to be decoded", `${count(own.queue_records)} records`, bytes(own.queue_bytes)],
        ["Rebalances", count(own.rebalances)],
        own.records_lost > 0 && ["Lost", `${count(own.records_lost)} records`, `in ${count(own.gaps)} gaps`]),
      h("div", {class: "progress"}, h("span", {}, "Replay of the window"),
        meter(own.replay_progress, "Replay of the window"),
        h("span", {class: "number"}, `${(own.replay_progress * 100).toFixed(own.replay_progress < 1 ? 1 : 0)} %`,
          replay.max > 0 && h("small", {}, ` ${count(replay.current)} of ${count(replay.max)} records`)))),
    card("Partitions", own.partitions.length ? table("Partitions",
      [["Partition"], ["Position", "number"], ["End", "number"], ["Lag", "number"], ["Age", "number"],
        ["Samples", "number"],
        ["Records", "number"], ["Flawed", "number"], ["Leader", "number"], ["State"]],
      own.partitions.map(partition)) : h("p", {class: "quiet"}, "No partition is assigned.")),
    card("Brokers", own.brokers.length ? table("Brokers",
      [["Broker"], ["Address"], ["State"], ["Round trip", "number"], ["Failed requests", "number"]],
      own.brokers.map(each => h("tr", {}, h("td", {}, each.id), h("td", {}, each.address),
        h("td", {}, pill(each.state, each.up ? "good" : "bad")),
          h("td", {class: "number"}, seconds(each.round_trip_seconds)),
        h("td", {class: "number"}, count(each.errors))))) : h("p", {class: "quiet"}, "None is known yet."),
    own.last_error && h("p", {class: "notice"},
      `${own.last_error.name}: ${own.last_error.text} (${ago(time(own.last_error.at))})`)));
}

function partition(each) {
  const done = each.target_offset === null || each.start_offset === null ? 0
    : each.replayed ? 1 : (each.position - each.start_offset) / (each.target_offset - each.start_offset || 1);
  const lag = each.lag_records;
  return h("tr", {}, h("td", {}, h("b", {}, each.topic), ` ${each.partition}`),
    h("td", {class: "number"}, count(each.position)), h("td", {class: "number"}, count(each.high_watermark)),
    h("td", {class: `number ${lag > 0 ? "warm" : ""}`}, count(lag)),
      h("td", {class: "number"}, seconds(each.lag_seconds)),
    h("td", {class: "number"}, count(each.samples)), h("td", {class: "number"}, count(each.records)),
    h("td", {class: `number ${each.errors > 0 ? "warm" : ""}`}, count(each.errors)),
      h("td", {class: "number"}, count(each.leader)),
    h("td", {}, each.last_error ? h("span", {class: "warm"}, each.last_error)
      : each.replayed ? pill("replayed", "good") : meter(done, `Replay of partition ${each.partition}`)));
}

function showLetters({total, by_reason: byReason, dead_letters: list}) {
  fill(letters, card("Dead letters",
    h("p", {class: "summary"}, total ? [h("b", {}, count(total)), " records or samples could not be read: ",
      Object.entries(byReason).map(([reason, number]) => [pill(`${reason} ${count(number)}`, ""), " "])]
      : h("span", {class: "quiet"}, "None: every record could be read.")),
    list.length < total && list.length > 0 && h("p", {class: "quiet"},
      `The newest of each kind, ${count(list.length)} in all.`),
    h("ul", {class: "letters"}, list.map(letter))));
}

function letter(each) {
  const name = `${each.topic}/${each.partition}/${each.offset}/${each.reason}`;
  const raw = Uint8Array.from(atob(each.first_bytes), char => char.charCodeAt(0));
  const view = h("pre", {tabindex: "0"});
  const kinds = {Text: () => each.text || new TextDecoder().decode(raw), Hex: () => hex(raw)};
  const buttons = Object.keys(kinds).map(kind => h("button",
    {type: "button", class: "small", onclick: () => show(kind)}, kind));
  const show = kind => {
    opened.set(name, kind);
    view.textContent = kinds[kind]();
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.textContent === kind));
  };
  const details = h("details", {open: opened.has(name), ontoggle: () => {
    if (!details.open) opened.delete(name); else if (!opened.has(name)) show("Text");
  }},
  h("summary", {}, pill(each.reason, "bad"), h("span", {}, `${each.topic} ${each.partition} @ ${each.offset}`),
    h("small", {class: "quiet"}, each.timestamp ? moment(time(each.timestamp)) : "", ` · ${bytes(each.size)}`)),
  h("p", {}, each.detail), h("div", {class: "switch"}, buttons,
    h("small", {class: "quiet"}, "the beginning: text as unpacked, bytes as they came")), view);
  if (opened.has(name)) show(opened.get(name));
  return h("li", {}, details);
}

/** Sixteen bytes a line, and what of them is ASCII. */
function hex(raw) {
  const lines = [];
  for (let i = 0; i < raw.length; i += 16) {
    const part = [...raw.slice(i, i + 16)];
    const codes = part.map(byte => byte.toString(16).padStart(2, "0")).join(" ");
    const letters = part.map(byte => byte >= 32 && byte < 127 ? String.fromCharCode(byte) : "·").join("");
    lines.push(`${i.toString(16).padStart(4, "0")}  ${codes.padEnd(47)}  ${letters}`);
  }
  return lines.join("\n") || "empty";
}

// What is sent to Kafka, and what a filter would let through.

import {get, postJSON} from "./api.js";
import {card, facts, field, fill, h, meter, pill, problem, select, table} from "./dom.js";
import {ago, bytes, count, moment, seconds} from "./format.js";
import {Refresher} from "./refresh.js";
import {seriesName, value} from "./series.js";

const KINDS = {running: "good", starting: "busy", trouble: "bad", stopped: ""};
const tasks = h("div", {});
const filter = h("textarea", {rows: "4", spellcheck: "false", placeholder: "__name__=node_.*|up\njob=node"});
const labels = h("textarea", {rows: "4", spellcheck: "false", placeholder: "cluster=production"});
const since = select([["1m", "last minute"], ["5m", "last 5 minutes"], ["1h", "last hour"]], "5m");
const verdict = h("div", {class: "verdict", "aria-live": "polite"});
let go;

const refresher = new Refresher(2, async () => {
  try {
    showTasks(await get("delivery/tasks"));
  } catch (error) {
    fill(tasks, problem(error.message));
  }
});

export const delivery = {
  title: "Delivery",

  make(own) {
    go = own;
    const form = h("form", {class: "controls", onsubmit: event => { event.preventDefault(); run(true); }},
      field("Filter lines, label=regex; all have to match", filter, "half"),
        field("Labels to attach, label=value", labels, "half"),
      field("Samples of", since), h("button", {class: "primary"}, "Try it"));
    return [tasks, card("Dry run", h("p", {class: "quiet"},
      "What would these lines let through of the samples that are here? Nothing is delivered."), form, verdict)];
  },

  shown(parameters) {
    refresher.start();
    if (!parameters.has("filter") && !parameters.has("labels")) return;
    filter.value = parameters.getAll("filter").join("\n");
    labels.value = parameters.getAll("labels").join("\n");
    since.value = parameters.get("since") ?? "5m";
    run();
  },

  hidden() { refresher.stop(); },
};

const time = text => Date.parse(text) / 1000;

function showTasks(own) {
  fill(tasks, card("", h("div", {class: "progress"}, h("span", {}, "In flight"),
    meter(own.in_flight_bytes / own.in_flight_bytes_max, "Memory in flight"),
    h("span", {class: "number"}, `${bytes(own.in_flight_bytes)} of ${bytes(own.in_flight_bytes_max)}`)),
    !own.tasks.length && h("p", {class: "quiet"},
      "There is no delivery task. They stand in the configuration file, below delivery.tasks.")), own.tasks.map(task));
}

function task(own) {
  const {delivered, failed, definition} = own;
  return h("section", {class: "card"},
    h("div", {class: "heading"}, h("h2", {}, own.name), pill(own.state, KINDS[own.state])),
    definition.description && h("p", {class: "quiet"}, definition.description),
    own.trouble && problem(`${own.trouble.reason} (since ${moment(time(own.trouble.since))})`),
    facts(["To", own.target.topic, own.target.partitions ? `${count(own.target.partitions)} partitions`
      : "not known yet"],
      ["Delivered", `${count(delivered.samples)} samples`,
        `${count(delivered.records)} records, ${bytes(delivered.bytes)}`],
      ["Acknowledged within", seconds(delivered.seconds_to_acknowledgement), "on average"],
      ["Last", delivered.last ? ago(time(delivered.last)) : "never"],
      ["Failed", h("span", {class: failed.samples ? "warm" : ""}, `${count(failed.samples)} samples`),
        failed.last && `${failed.last.reason}, ${ago(time(failed.last.at))}`],
      ["In flight", `${count(own.in_flight.records)} records`, bytes(own.in_flight.bytes)]),
    own.sources.map((source, i) => showSource(source, definition.sources?.[i])));
}

function showSource(own, definition) {
  const filtered = new Map(own.samples_filtered.map(each => [each.line, each.samples]));
  const lines = [...new Set([...[definition?.filter ?? []].flat(), ...filtered.keys()])];
  const attached = [definition?.labels ?? []].flat();
  return h("div", {class: "source"}, h("h3", {}, "Source ", own.name || own.kind,
    own.name ? h("small", {class: "quiet"}, ` ${own.kind}`) : ""),
  h("p", {class: "summary"}, h("b", {}, count(own.samples_received)), " samples came, ",
    h("b", {}, count(own.samples_passed)), " passed"),
  meter(own.samples_passed / own.samples_received, "Share of the samples that passed"),
  lines.length > 0 && table("Filter", [["Line"], ["Samples kept out", "number"]], lines.map(line =>
    h("tr", {}, h("td", {}, h("code", {}, line)), h("td", {class: "number"}, count(filtered.get(line) ?? 0))))),
  attached.length > 0 && h("p", {}, "Attached: ", attached.map(line => [h("code", {}, line), " "])),
  own.scraping && table("Targets", [["Target"], ["Health"], ["Last scrape", "number"], ["Took", "number"], ["Error"]],
    own.scraping.targets.map(each => h("tr", {}, h("td", {}, each.scrapeUrl),
      h("td", {}, pill(each.health, {up: "good", down: "bad"}[each.health] ?? "")),
      h("td", {class: "number"}, each.lastScrape.startsWith("0001") ? "never" : ago(time(each.lastScrape))),
      h("td", {class: "number"}, seconds(each.lastScrapeDuration)), h("td", {}, each.lastError)))));
}

const linesOf = area => area.value.split("\n").map(line => line.trim()).filter(Boolean);

async function run(isNew = false) {
  const request = {filter: linesOf(filter), labels: linesOf(labels), since: since.value};
  go.remember("delivery", request, isNew);
  try {
    showVerdict(await postJSON("delivery/dry_run", request));
  } catch (error) {
    fill(verdict, problem(error.message));
  }
}

function showVerdict(own) {
  const each = ({series, samples}) => [`${count(samples)} samples`, `${count(series)} series`];
  fill(verdict, facts(["Looked at", ...each(own.examined)], ["Would be delivered", ...each(own.delivered)],
    ["Kept out", ...each(own.rejected)]),
    meter(own.delivered.samples / own.examined.samples, "Share that would be delivered"),
    own.lines.map(line => h("details", {class: "line"}, h("summary", {}, h("code", {}, line.line),
      h("span", {class: line.rejected_samples ? "warm" : "quiet"}, line.rejected_samples
        ? `keeps out ${count(line.rejected_samples)} samples of ${count(line.rejected_series)} series`
          : "keeps out nothing")),
    h("ul", {class: "plain"}, line.examples.map(labelSet => h("li", {}, seriesName(labelSet)))))),
    own.examples.length > 0 && h("h3", {}, "Some of what would be delivered"),
    own.examples.length > 0 && table("Some of what would be delivered", [["Series"], ["Value", "number"]],
      own.examples.map(({value: text, timestamp, ...labelSet}) =>
        h("tr", {title: timestamp}, h("td", {class: "name"}, seriesName(labelSet)),
          h("td", {class: "number"}, value(text)))), "stacked"));
}
